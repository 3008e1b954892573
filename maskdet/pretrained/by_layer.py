"""Arrays by layer name into a network's layers: all that fit, or nothing."""

import re
from collections.abc import Callable, Iterator

import keras
import numpy as np

from maskdet.errors import WeightsError

#: Arrays of a layer in the order of its weights, by layer name.
LayerArrays = dict[str, list[np.ndarray]]


def set_layers(
    network: keras.Model,
    values: LayerArrays,
    what: str,
    key: Callable[[str], str] = str,
    open_ended: str = "",
) -> list[str]:
    """Set the layers of a network that somebody else's weights are for.

    Args:
        network: any model that holds the layers, itself or in models inside it.
        values: what to set.
        what: the weights' name, for messages.
        key: from a layer's name in the network to its name in ``values``.
        open_ended: regular expression of the names of layers whose shapes follow classes or
            anchors; those of other shapes keep their values.

    Returns:
        Names of the layers that were set. Nothing is set unless everything fits.

    Raises:
        WeightsError: if a layer has other shapes, or the network has none of the layers.
    """
    assignments = []
    for layer in _layers(network):
        arrays = values.get(key(layer.name))
        if arrays is None:
            continue
        wanted = [tuple(weight.shape) for weight in layer.weights]
        shapes = [array.shape for array in arrays]
        if wanted != shapes and re.fullmatch(open_ended, layer.name):
            continue
        if wanted != shapes:
            raise WeightsError(
                f"{what} do not fit layer '{layer.name}': it has shapes {wanted}, the file "
                f"{shapes}; build the network with the BACKBONE that they are for."
            )
        assignments.append((layer, arrays))
    if not assignments:
        raise WeightsError(f"The network holds no layer of {what}; build it with that BACKBONE.")
    for layer, arrays in assignments:
        layer.set_weights(arrays)
    return [layer.name for layer, _ in assignments]


def _layers(network: keras.Model) -> Iterator[keras.Layer]:
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
