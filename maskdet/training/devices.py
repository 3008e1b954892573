"""Several GPUs: the network is mirrored, each takes its share of a batch."""

import contextlib
import warnings
from typing import Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.errors import MaskdetWarning


def building_scope(config: BaseConfig) -> contextlib.AbstractContextManager[Any]:
    """The context to build a network in: that of ``tf.distribute`` with GPU_COUNT above 1.

    Where there are fewer GPUs, a warning and one device for the whole batch.
    """
    if config.GPU_COUNT <= 1:
        return contextlib.nullcontext()
    devices = _devices()
    if len(devices) < config.GPU_COUNT:
        warnings.warn(
            f"GPU_COUNT is {config.GPU_COUNT}, but {len(devices)} can be used here, so a batch of "
            f"{config.BATCH_SIZE} images goes through one device.",
            MaskdetWarning,
            stacklevel=4,
        )
        return contextlib.nullcontext()
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(devices[: config.GPU_COUNT])
    scope: contextlib.AbstractContextManager[Any] = strategy.scope()
    return scope


def _devices() -> list[str]:
    """Names of what a batch may be spread over: GPUs, or logical CPUs that somebody has set up."""
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    cpus = tf.config.list_logical_devices("CPU")
    return [device.name for device in (gpus or (cpus if len(cpus) > 1 else []))]


def replicas(model: keras.Model) -> int:
    """How many copies of a model share a batch."""
    strategy = getattr(model, "distribute_strategy", None)
    return int(getattr(strategy, "num_replicas_in_sync", 1))


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """The context a model was built in, for what is built around it."""
    if replicas(model) == 1:
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[Any] = model.distribute_strategy.scope()
    return scope
