"""A network as one compiled function, traced once for all batches and sizes that it takes."""

from collections.abc import Callable, Sequence
from functools import cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np

from maskdet.convolutions.winograd import winograd_convolutions

#: Arrays in the order of a network's inputs -> arrays in the order of its outputs.
Compiled = Callable[[Sequence[np.ndarray]], list[np.ndarray]]

_known: "WeakKeyDictionary[keras.Model, Compiled]" = WeakKeyDictionary()
_lock = Lock()


def compiled(network: keras.Model) -> Compiled:
    """What runs a functional network in inference, always with its present weights.

    Several threads may call it at once. On TensorFlow convolutions take their quickest form; on
    other backends it is Keras' own ``predict_on_batch``.
    """
    with _lock:
        if network not in _known:
            on_tensorflow = keras.backend.backend() == "tensorflow"
            _known[network] = (_graph_of if on_tensorflow else _predicting)(network)
        return _known[network]


def _listed(outputs: Any) -> list[np.ndarray]:
    # A network of one output gives it bare.
    flat = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    return [np.asarray(output) for output in flat]


def _predicting(network: keras.Model) -> Compiled:
    # The network is the key that this value stands under: held here it would never go.
    held = ref(network)

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return _listed(_alive(held).predict_on_batch(list(arrays)))

    return run


def _graph_of(network: keras.Model) -> Compiled:
    import tensorflow as tf

    held = ref(network)
    # Sides that differ from image to image stand as unknown in the inputs: no size traces anew.
    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in network.inputs]
    dtypes = [tensor.dtype for tensor in network.inputs]

    @tf.function(input_signature=signature, autograph=False)
    def forward(*inputs: Any) -> Any:
        with winograd_convolutions():
            made = _alive(held)
            # A network of one input may want it bare.
            return made(keras.tree.pack_sequence_as(made.input, list(inputs)), training=False)

    # Called as it stands it would warn of tracing too often once there are a handful of networks.
    traced = cache(forward.get_concrete_function)

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        pairs = zip(arrays, dtypes, strict=True)
        return _listed(traced()(*(tf.convert_to_tensor(a, dtype) for a, dtype in pairs)))

    return run


def _alive(held: "ref[keras.Model]") -> keras.Model:
    network = held()
    if network is None:
        raise RuntimeError("The network that was compiled is gone.")
    return network
