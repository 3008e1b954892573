"""ONNX of a network: the same outputs, through tf2onnx, checked in onnxruntime."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.convert import quiet
from maskdet.exporters.source import Source, as_arrays, class_labels
from maskdet.exporters.writer import Made, check_path, write_file

Array = NDArray[Any]
#: The newest operator set that tf2onnx writes well and every current runtime reads.
OPSET = 17
_INSTALL = "Exporting to ONNX needs more packages; run: pip install 'maskdet[onnx]'"


class ONNXWriter:
    """See :class:`maskdet.exporters.writer.Writer`."""

    kind = "ONNX"
    precisions = ("float32",)

    def check_path(self, path: Path) -> None:
        check_path(path)

    @contextlib.contextmanager
    def making(self, source: Source, path: Path, photos: Iterable[Array] | None) -> Iterator[Made]:
        content = onnx_bytes(source)
        run = content_runner(content)

        def result(image: Array) -> Any:
            sample, placement = source.sample(image)
            return source.decode(run(sample), placement)

        yield Made(len(content), (), run, result, partial(write_file, path, content))


def onnx_bytes(source: Source) -> bytes:
    """The content of a .onnx file; inputs as a .tflite's, outputs by the contract's names.

    The metadata entry "maskdet" holds the file's facts, "labels" the class names, a line each.

    Raises:
        UsageError: without tf2onnx and onnx, or if a layer has no form in ONNX.
    """
    try:
        import tf2onnx
    except ImportError:
        raise UsageError(_INSTALL) from None
    import tensorflow as tf

    names = [output.name for output in source.outputs]
    specs = source.specs()

    @tf.function(input_signature=specs, autograph=False)
    def network(*inputs: Any) -> list[Any]:
        outputs = source.call(inputs)
        # A name for each, which the converter keeps.
        return [
            tf.identity(value, name=name.replace(" ", "_"))
            for name, value in zip(names, outputs.values(), strict=True)
        ]

    try:
        with quiet():
            model, _ = tf2onnx.convert.from_function(network, input_signature=specs, opset=OPSET)
    except Exception as error:  # the converter's errors have no common class
        raise UsageError(f"The network cannot be converted to ONNX: {error}") from error
    _name_ends(model, source.inputs, names)
    labels = "".join(f"{name}\n" for name in class_labels(source.trained))
    for key, value in (("maskdet", source.facts), ("labels", labels)):
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


def content_runner(content: bytes) -> Callable[[dict[str, Array]], list[Array]]:
    """A .onnx file in onnxruntime as a function from its inputs by name to its outputs, in the
    contract's order. It is loaded at the first run, which raises UsageError without onnxruntime."""
    sessions: list[Any] = []

    def run(sample: dict[str, Array]) -> list[Array]:
        if not sessions:
            sessions.append(_session(content))
        names = [output.name for output in sessions[0].get_outputs()]
        return as_arrays(sessions[0].run(names, sample))

    return run


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(_INSTALL) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
