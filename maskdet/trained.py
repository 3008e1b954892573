"""A trained network with everything that the engines need to know of it."""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Self

import keras

from maskdet.base_config import BaseConfig
from maskdet.compute_dtype import computing_in
from maskdet.errors import UsageError
from maskdet.family import Family
from maskdet.randomness import seeded


@dataclass(frozen=True)
class Facts:
    """What is known of a network's weights beside the weights.

    Attributes:
        class_names: the background first; empty where nobody said.
        outputs: which of the task's outputs were trained, such as {"boxes", "masks"}.
        steps: that the weights were trained for; None where nobody knows.
        epoch: epochs done.
        stage: the stage of training that the weights come from, see
            :meth:`maskdet.training.stage.Stage.facts`; None before the first one.
        evaluation: of weights that were the best of their training "decided_by", the name of a
            figure, and "figures" by name; None for others.
    """

    class_names: tuple[str, ...] = ()
    outputs: frozenset[str] = frozenset()
    steps: int | None = 0
    epoch: int = 0
    stage: dict[str, Any] | None = field(default=None, compare=False)
    evaluation: dict[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Trained:
    """A family's network, its settings and its facts: what the engines train, run and export.

    Attributes:
        family: how it was made, and what it is for.
        network: for training or for inference.
        config: its settings.
        facts: of its weights.
    """

    family: Family
    network: keras.Model
    config: BaseConfig
    facts: Facts

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by class id; numbers where there are no names."""
        numbered = ("BG", *(f"class {i}" for i in range(1, self.config.NUM_CLASSES)))
        return self.facts.class_names or numbered

    def with_facts(self, **changes: Any) -> Self:
        """The same network with some facts replaced."""
        return replace(self, facts=replace(self.facts, **changes))

    def copied(self, config: BaseConfig, mode: str = "inference") -> "Trained":
        """A network of its own with the same weights, under other settings.

        Args:
            config: settings that change no shape of a weight.
            mode: "training" or "inference".
        """
        network = build_network(self.family, config, mode)
        copy_weights(self.network, network)
        return Trained(self.family, network, config, self.facts)


def build_network(family: Family, config: BaseConfig, mode: str) -> keras.Model:
    """A family's network, its first weights decided by Config.SEED; the process's own random draws
    go on as if nothing had been built.

    Raises:
        UsageError: under global settings of Keras that no network here is made for.
    """
    check_keras_settings()
    with seeded(config.SEED), computing_in(config.COMPUTE_DTYPE):
        return family.build(config, mode)


def check_keras_settings() -> None:
    """Raises UsageError for a policy of Keras' that the user set (see Config.COMPUTE_DTYPE) and for
    channels in front of rows and columns."""
    policy = keras.config.dtype_policy()
    if policy.compute_dtype != "float32" or policy.variable_dtype != "float32":
        raise UsageError(
            f"Keras computes in {policy.name} here, but networks are built from its float32; call "
            'keras.config.set_dtype_policy("float32") first, and for bfloat16 set the Config\'s '
            'COMPUTE_DTYPE = "bfloat16".'
        )
    if keras.config.image_data_format() != "channels_last":
        raise UsageError(
            "Keras expects channels_first here, but images are height x width x channels; mend "
            '~/.keras/keras.json, or call keras.config.set_image_data_format("channels_last").'
        )


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Give each layer of ``target`` that has weights those of the source's layer of its name."""
    for layer in target.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def settings_of(trained: Trained) -> dict[str, Any]:
    """The Config as plain values for a file, with the pixels' scaling as numbers: whoever opens the
    file need not know what the backbone wants."""
    pixels = trained.family.pixels(trained.config)
    settings: dict[str, Any] = json.loads(trained.config.to_json())
    return {**settings, "MEAN_PIXEL": list(pixels.mean), "PIXEL_STD": pixels.std}
