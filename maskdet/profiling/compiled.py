"""A network as the function that detection runs."""

from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(network: keras.Model, jit: bool = False) -> Callable[[Sequence[Any]], list[Any]]:
    """A network as a compiled function: from its inputs' arrays to its outputs, which are there
    when it returns, but not copied into numpy's memory.

    Args:
        jit: whether by XLA, as ``network.jit_compile`` says of the one that detection runs.
    """
    if keras.config.backend() != "tensorflow":
        return lambda inputs: _listed(network.predict_on_batch(list(inputs)))
    import tensorflow as tf

    function = tf.function(lambda inputs: network(inputs, training=False), jit_compile=jit or None)
    traced: dict[Any, Any] = {}

    def run(inputs: Sequence[Any]) -> list[Any]:
        tensors = [tf.convert_to_tensor(array) for array in inputs]
        key = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if key not in traced:
            # By hand: TensorFlow would warn of many functions made in one place.
            traced[key] = function.get_concrete_function(tensors)
        outputs = _listed(traced[key](tensors))
        tf.test.experimental.sync_devices()  # a GPU is still at work when the function returns
        return outputs

    return run


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
