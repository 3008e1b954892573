"""ONNX of a detector: the same network and outputs, through tf2onnx, checked in onnxruntime."""

import os
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.config import Config
from maskdet.errors import UsageError
from maskdet.exporters.contract import OUTPUT_NAMES
from maskdet.exporters.convert import molded, quiet

Array = NDArray[Any]
#: The newest operator set that tf2onnx writes well and every current runtime reads.
OPSET = 17
_INSTALL = "Exporting to ONNX needs more packages; run: pip install 'maskdet[onnx]'"


def onnx_bytes(lite: keras.Model, config: Config, facts: str, labels: str) -> bytes:
    """The content of a .onnx file; inputs as a .tflite's, outputs by the contract's names.

    Args:
        facts: JSON for the metadata entry "maskdet".
        labels: class names for the metadata entry "labels", a line each.

    Raises:
        UsageError: without tf2onnx and onnx, or if a layer has no form in ONNX.
    """
    try:
        import tf2onnx
    except ImportError:
        raise UsageError(_INSTALL) from None
    import tensorflow as tf

    image, *others = lite.input
    names = list(lite.input)
    specs = [tf.TensorSpec(lite.input[image].shape, tf.uint8, name=image)]
    specs += [tf.TensorSpec(lite.input[name].shape, tf.float32, name=name) for name in others]

    @tf.function(input_signature=specs, autograph=False)
    def detect(*inputs: Any) -> list[Any]:
        given = dict(zip(names, inputs, strict=True))
        given[image] = molded(given[image], config)
        found = lite(given, training=False)
        # A name for each, which the converter keeps.
        return [tf.identity(found[key], name=OUTPUT_NAMES[key].replace(" ", "_")) for key in found]

    try:
        with quiet():
            model, _ = tf2onnx.convert.from_function(detect, input_signature=specs, opset=OPSET)
    except Exception as error:  # the converter's errors have no common class
        raise UsageError(f"The network cannot be converted to ONNX: {error}") from error
    _name_ends(model, names, [OUTPUT_NAMES[key] for key in lite.output])
    for key, value in (("maskdet", facts), ("labels", labels)):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def _name_ends(model: Any, inputs: list[str], outputs: list[str]) -> None:
    """Rename a graph's inputs and outputs, in order."""
    graph = model.graph
    new = dict(zip([i.name for i in graph.input], inputs, strict=True))
    new |= dict(zip([o.name for o in graph.output], outputs, strict=True))
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = new[value.name]


def run(content: bytes, sample: dict[str, Array]) -> list[Array]:
    """Outputs of a .onnx file in onnxruntime, in the contract's order.

    Raises:
        UsageError: without onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(_INSTALL) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [np.asarray(value) for value in session.run(names, sample)]
