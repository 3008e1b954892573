"""Any convolutional network of keras.applications as a backbone."""

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from maskdet.backbones.batch_norm import BatchNorm
from maskdet.backbones.registry import Backbone
from maskdet.errors import ConfigError

# Divisible by 32 twice over, so that levels have whole, different sizes.
_PROBE = 128


def application_backbone(
    constructor: Callable[..., keras.Model],
    mean_pixel: tuple[float, float, float] = (127.5, 127.5, 127.5),
    pixel_std: float = 127.5,
    **arguments: Any,
) -> Backbone:
    """A backbone from a constructor such as ``keras.applications.MobileNetV3Small``.

    Each level is the last feature map of its stride. Batch norms keep their statistics unless
    ``build`` is told otherwise. Use the result as ``Config.BACKBONE``.

    Args:
        constructor: of a functional model that takes ``include_top``, ``weights`` and
            ``input_shape``.
        mean_pixel: (R, G, B) taken from pixels first; what this network was trained with.
        pixel_std: what the difference is divided by. Networks that scale pixels themselves, as
            keras.applications' EfficientNet, want (0, 0, 0) and 1.
        **arguments: handed to the constructor (``alpha``, ``minimalistic``, ...).

    Raises:
        ConfigError: if the network has no features at one of the strides 4, 8, 16, 32.
    """
    name = getattr(constructor, "__name__", "application")
    shape = (_PROBE, _PROBE, 3)
    probe = constructor(include_top=False, weights=None, input_shape=shape, **arguments)
    stages, features = _stages(probe, name)

    def build(input_tensor: Any, train_bn: bool | None = False) -> list[Any]:
        def clone(layer: Any) -> Any:
            settings = layer.get_config()
            del settings["dtype"]  # the probe's: what networks compute in now is the policy's
            if type(layer) is keras.layers.BatchNormalization:
                return BatchNorm.from_config({**settings, "train_bn": train_bn})
            return layer.__class__.from_config(settings)

        network = keras.models.clone_model(probe, input_tensors=input_tensor, clone_function=clone)
        levels = [features.get(stage) for stage in range(1, 6)]
        return [level and network.get_layer(level).output for level in levels]

    def imagenet() -> dict[str, list[np.ndarray]]:
        trained = constructor(include_top=False, weights="imagenet", input_shape=shape, **arguments)
        # Built a second time, unnamed layers have other numbers: pair them by position.
        pairs = zip(probe.layers, trained.layers, strict=True)
        return {ours.name: theirs.get_weights() for ours, theirs in pairs if theirs.weights}

    patterns = tuple("|".join(map(re.escape, stages[stage])) or r"(?!)" for stage in range(1, 6))
    return Backbone(
        name=name,
        builder=build,
        stage_patterns=patterns,  # type: ignore[arg-type]
        mean_pixel=mean_pixel,
        pixel_std=pixel_std,
        imagenet=imagenet,
    )


def _stages(network: keras.Model, name: str) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Names of each stage's layers, and of the layer that has its features."""
    layers: dict[int, list[str]] = {stage: [] for stage in range(1, 6)}
    features: dict[int, str] = {}
    stage = 1
    for layer in network.layers[1:]:
        shape = layer.output.shape
        stride = _PROBE // shape[1] if len(shape) == 4 and _PROBE % shape[1] == 0 else 0
        # Uneven padding and squeeze-and-excitation have sizes of their own: they stay with the
        # stage before them.
        if stride in (2, 4, 8, 16, 32):
            stage = stride.bit_length() - 1
            features[stage] = layer.name
        layers[stage].append(layer.name)
    missing = [2**stage for stage in range(2, 6) if stage not in features]
    if missing:
        raise ConfigError(f"{name} has no features of stride {missing[0]}; use another backbone.")
    return layers, features
