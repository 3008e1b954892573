"""A network as a list of layers that every Keras has, and arrays: what another process, with
another Keras, can build again. Graphs of one Keras do not load in another; layers' names do not
change their meaning."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]
#: Name, class in keras.layers, settings and weights of a plain layer.
PlainLayer = tuple[str, str, dict[str, Any], list[Any]]

# Settings that go over, of each layer of Keras that is known here.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "use_bias"),
    "DepthwiseConv2D": ("kernel_size", "strides", "padding", "dilation_rate", "use_bias"),
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "ReLU": ("max_value",),
    "Activation": ("activation",),
    "ZeroPadding2D": ("padding",),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "UpSampling2D": ("size", "interpolation"),
    "Add": (),
    "Concatenate": ("axis",),
    "Reshape": ("target_shape",),
}
# What may stand in a layer's settings only so, since it does not go over.
_FIXED: dict[str, Any] = {
    "activation": "linear",
    "groups": 1,
    "depth_multiplier": 1,
    "negative_slope": 0.0,
    "threshold": 0.0,
    "data_format": "channels_last",
}


@dataclass(frozen=True)
class LayerList:
    """A network without its Keras.

    Attributes:
        input_shape: of the one input, without the batch axis.
        layers: settings by layer name: {"kind": a class of keras.layers, "settings": ...}.
        calls: in an order that can be followed: {"layer", "inputs", "output"}, where inputs and
            output name tensors; "input" is the network's.
        outputs: names of tensors.
        weights: arrays by layer name, in the layer's order.
    """

    input_shape: tuple[int, ...]
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    weights: dict[str, list[Array]] = field(default_factory=dict)

    def description(self) -> dict[str, Any]:
        """All but the weights, as plain values for JSON."""
        return {
            "input_shape": list(self.input_shape),
            "layers": self.layers,
            "calls": self.calls,
            "outputs": self.outputs,
        }

    def arrays(self) -> dict[str, Array]:
        """The weights, each by its layer's name, a slash and its place there."""
        return {
            f"{name}/{number}": array
            for name, arrays in self.weights.items()
            for number, array in enumerate(arrays)
        }


def layer_list(network: keras.Model) -> LayerList:
    """The layers of a functional network of one input, ConvNorms in their plain parts.

    Raises:
        UsageError: for a layer that is not known here; names it.
    """
    (tensor,) = network.inputs
    made = LayerList(tuple(int(side) for side in tensor.shape[1:]))
    facts = network.get_config()
    waiting: list[tuple[str, int, list[str]]] = []  # layer, which of its calls, its inputs
    known: dict[str, str] = {}  # a call in the network -> its tensor here
    parts: dict[str, list[PlainLayer]] = {}
    for entry in facts["layers"]:
        name = entry["name"]
        if entry["class_name"] == "InputLayer":
            known[f"{name}:0"] = "input"
            continue
        parts[name] = plain_layers(network.get_layer(name))
        for part, kind, settings, weights in parts[name]:
            made.layers[part] = {"kind": kind, "settings": settings}
            if weights:
                made.weights[part] = [np.asarray(array, np.float32) for array in weights]
        for number, node in enumerate(entry["inbound_nodes"]):
            waiting.append((name, number, _tensors(node["args"])))
    while waiting:
        # A layer that several levels share is called before all of its inputs are there.
        ready = [call for call in waiting if all(key in known for key in call[2])]
        for name, number, inputs in ready:
            tensors = [known[key] for key in inputs]
            for part, *_ in parts[name]:
                output = f"{part}:{number}"
                made.calls.append({"layer": part, "inputs": tensors, "output": output})
                tensors = [output]
            known[f"{name}:{number}"] = tensors[0]
        waiting = [call for call in waiting if call not in ready]
    outputs = facts["output_layers"]
    # One output alone is not in a list.
    outputs = [outputs] if isinstance(outputs[0], str) else outputs
    made.outputs.extend(known[f"{name}:{number}"] for name, number, _ in outputs)
    return made


def _tensors(argument: Any) -> list[str]:
    """The calls, "layer:number", whose results a call takes."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        name, number, _ = argument["config"]["keras_history"]
        return [f"{name}:{number}"]
    if isinstance(argument, list | tuple):
        return [key for part in argument for key in _tensors(part)]
    return []


def plain_layers(layer: keras.layers.Layer) -> list[PlainLayer]:
    """A layer in layers that every Keras has, one behind another.

    A layer of ours may say so itself, by a method of this name without arguments.

    Raises:
        UsageError: for one that is not known here.
    """
    own: Callable[[], list[PlainLayer]] | None = getattr(layer, "plain_layers", None)
    if own is not None:
        return own()
    for kind, names in _SETTINGS.items():
        if isinstance(layer, getattr(keras.layers, kind)):
            config = layer.get_config()
            for name, value in _FIXED.items():
                if name not in names and config.get(name, value) != value:
                    raise UsageError(
                        f"Layer '{layer.name}' has {name}={config[name]!r}, which does not go over "
                        f"into Keras 2; use {value!r}, or export to .tflite."
                    )
            settings = {name: config[name] for name in names}
            return [(layer.name, kind, settings, list(layer.get_weights()))]
    raise UsageError(
        f"Layer '{layer.name}' ({type(layer).__name__}) does not go over into Keras 2; export to "
        ".tflite, or replace that layer."
    )
