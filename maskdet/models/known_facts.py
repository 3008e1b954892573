"""What a model knows of its weights, as scripts read and set it."""

from collections.abc import Iterable, Sequence

import keras

from maskdet.errors import ConfigError
from maskdet.trained import Trained


class KnownFacts:
    """Base of :class:`maskdet.models.model.Model`: the facts of ``trained`` as attributes."""

    trained: Trained

    @property
    def network(self) -> keras.Model:
        """The network that trains and detects."""
        return self.trained.network

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by class id, the background first; empty where nobody said.

        Raises ConfigError where names are set that are not as many as NUM_CLASSES.
        """
        return self.trained.facts.class_names

    @class_names.setter
    def class_names(self, names: Sequence[str]) -> None:
        names, count = tuple(names), int(self.trained.config.NUM_CLASSES)
        if names and len(names) != count:
            lacks = "; begin with the background" if len(names) == count - 1 else ""
            raise ConfigError(
                f"class_names has {len(names)} names, but NUM_CLASSES is {count}, the background "
                f"among them{lacks}: give ('BG', ...) with a name for each class."
            )
        self.trained = self.trained.with_facts(class_names=names)

    @property
    def outputs(self) -> frozenset[str]:
        """What the weights were trained to give, such as {"boxes", "masks"}."""
        return self.trained.facts.outputs

    @outputs.setter
    def outputs(self, outputs: Iterable[str]) -> None:
        self.trained = self.trained.with_facts(outputs=frozenset(outputs))

    @property
    def has_masks(self) -> bool:
        """Whether masks are among the outputs."""
        return "masks" in self.outputs

    @property
    def steps(self) -> int | None:
        """Steps that the weights were trained for; None where nobody knows."""
        return self.trained.facts.steps

    @steps.setter
    def steps(self, steps: int | None) -> None:
        self.trained = self.trained.with_facts(steps=steps)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.trained.facts.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self.trained = self.trained.with_facts(epoch=int(epoch))
