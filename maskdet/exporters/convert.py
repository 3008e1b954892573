"""From a Keras network to a float .tflite."""

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from typing import Any

import keras

from maskdet.errors import UsageError
from maskdet.exporters.source import Source


def convert(source: Source, from_bytes: bool, half: bool = False) -> bytes:
    """A network of one image as .tflite, built-in operations only.

    Args:
        source: its network has inputs and outputs as dicts, batch 1, every shape fixed; the first
            input is the scaled image.
        from_bytes: whether the file takes the image as uint8 and scales it itself.
        half: whether weights are stored in float16.

    Returns:
        The file's content. Inputs and outputs are in the network's order; names are not set.

    Raises:
        UsageError: if a layer has no form in built-in operations; names operation and layer.
    """
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Exporting needs Keras on TensorFlow, but it runs on {keras.backend.backend()}; save "
            "the weights and export them in a process with KERAS_BACKEND=tensorflow."
        )
    network = source.lite

    def call(*inputs: Any) -> list[Any]:
        if from_bytes:
            return list(source.call(inputs).values())
        values = dict(zip(source.inputs, inputs, strict=True))
        outputs = network(values, training=False)
        return [outputs[key] for key in network.output]

    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
        for name, tensor in network.input.items()
    ]
    if from_bytes:
        specs = source.specs()
    function = tf.function(call, autograph=False).get_concrete_function(*specs)
    try:
        with quiet():
            converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if half:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tf.float16]
            return bytes(converter.convert())
    except Exception as error:  # the converter's errors have no common class
        raise UsageError(
            f"The network cannot be converted to TFLite: {_cause(error)}; replace that layer."
        ) from error


def _cause(error: Exception) -> str:
    """The line of a converter's message that names the operation."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Flex ops" in line or "Custom ops" in line]
    return (telling or lines or [type(error).__name__])[0][:300].rstrip(".")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what the converter's C++ code prints from the user's terminal; errors still rise."""
    stderr = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    logger = logging.getLogger("absl")
    level = logger.level
    try:
        os.dup2(sink, 2)
        # Its remark on conversion without a trackable object: with one, variables stay variables.
        logger.setLevel(logging.ERROR)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(sink)
