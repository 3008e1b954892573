"""int8: convolutions and dense layers in integers, geometry in floats.

Ranges of activations are taken image by image and merged by minimum and maximum. The quantizer's
own moving average clips rare large activations, which moved boxes of big objects by pixels; leaving
out the widest few images of a hundred gained nothing that could be told from noise.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.exact_sums import make_sums_exact
from maskdet.exporters.flatbuffer import operator_names, pack_model, read_model, tensor_name
from maskdet.exporters.rounding import correct_rounding
from maskdet.exporters.swish import cut_flat_ranges
from maskdet.quiet import held_chatter

NO_IMAGES = (
    "int8 needs images to measure the network's values with, but there are none; give "
    "calibration=dataset with some photos like those the detector will see."
)
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")


@dataclass
class Statistics:
    """What was seen of each float tensor that a file works out, by its name.

    Attributes:
        ranges: smallest and largest value of all images.
        means: mean of each channel (the last axis) over all images.
    """

    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    means: dict[str, NDArray[Any]] = field(default_factory=dict)
    images: int = 0

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Count a tensor's values in the present image."""
        low, high = self.ranges.get(name, (np.inf, -np.inf))
        self.ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
        mean = values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64)
        before = self.means.get(name, np.zeros_like(mean))
        self.means[name] = before + (mean - before) / self.images


def activation_statistics(
    content: bytes, samples: Iterable[Mapping[str, NDArray[Any]]], threads: int
) -> Statistics:
    """Ranges and means of every float tensor that a file works out.

    Constants are left out: a range for a weight would make the quantizer give one scale to all of
    its channels.

    Args:
        content: a float .tflite.
        samples: values of its inputs by name.
        threads: of the interpreter.

    Raises:
        UsageError: without any sample.
    """
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings(), held_chatter():
        # "for debugging only": reading every tensor is what it is used for.
        warnings.simplefilter("ignore")
        interpreter = Interpreter(
            model_content=content, num_threads=threads, experimental_preserve_all_tensors=True
        )
        interpreter.allocate_tensors()
    inputs = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    made = {int(o) for op in interpreter._get_ops_details() for o in op["outputs"]}
    made |= set(inputs.values())
    tensors = {
        d["index"]: d["name"]
        for d in interpreter.get_tensor_details()
        if d["index"] in made and d["dtype"] == np.float32
    }
    seen = Statistics()
    for sample in samples:
        for name, value in sample.items():
            interpreter.set_tensor(inputs[name], value)
        interpreter.invoke()
        seen.images += 1
        for index, name in list(tensors.items()):
            try:
                values = interpreter.get_tensor(index)
            except ValueError:  # a step that the interpreter joined to its neighbour
                del tensors[index]
                continue
            if values.size and values.ndim:
                seen.add(name, values)
    if not seen.images:
        raise UsageError(NO_IMAGES)
    return seen


def _geometry_outputs(model: Any) -> list[str]:
    """Names of the outputs (of a ModelT) that no layer with weights gives.

    The converter calls them all alike, whatever layer made them: a class id or a box in 256 steps
    would be another class or another place.
    """
    graph = model.subgraphs[0]
    made = {
        int(operator.outputs[0])
        for operator, name in zip(graph.operators, operator_names(model), strict=True)
        if name in _WEIGHTED
    }
    return [tensor_name(graph, int(i)) for i in graph.outputs if int(i) not in made]


def quantize(
    content: bytes,
    seen: Statistics,
    float_layers: str,
    fixed: Mapping[str, tuple[float, float]],
    dynamic_layers: str = "",
) -> bytes:
    """A float .tflite with some of its layers in int8; inputs and outputs stay floats.

    Weights get a scale a channel, activations one a tensor. A dynamic layer multiplies integers and
    gives floats: what it reads is rounded for each image by itself, so that neither side needs a
    range, and a channel that reaches 0.1 beside one that reaches 128 loses nothing.

    Args:
        content: the float file.
        seen: of its activations.
        float_layers: regular expression of the names of tensors whose operations stay in floats;
            the file's outputs do so too, unless a convolution or dense layer gives them.
        fixed: ranges that are known beforehand.
        dynamic_layers: regular expression of those convolutions among them that are dynamic; there
            are none where it is empty.
    """
    from ai_edge_quantizer import qtyping, quantizer

    model = read_model(content)
    float_layers = "|".join([float_layers, *map(re.escape, _geometry_outputs(model))])
    ranges = seen.ranges | dict(fixed)
    cut_flat_ranges(model, ranges)
    dynamic = re.compile(dynamic_layers or r"(?!)")  # the latter matches no name

    def has_floats(name: str) -> bool:
        return bool(re.search(float_layers, name) and not dynamic.search(name))

    correct_rounding(model, seen.means, ranges, has_floats)
    make_sums_exact(model, ranges, float_layers)
    statistics = {
        name: {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
        for name, (low, high) in ranges.items()
    }
    names = qtyping.TFLOperationName
    sink = io.StringIO()
    with (
        # One of its progress bars cannot be switched off.
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        tool = quantizer.Quantizer(bytearray(pack_model(model)))
        integers = rf"^(?!.*({float_layers})).*$"
        tool.add_static_config(integers, names.ALL_SUPPORTED, 8, 8)
        tool.add_dynamic_config(rf"^.*({dynamic.pattern}).*$", names.CONV_2D, 8)
        for end in (names.INPUT, names.OUTPUT):
            tool.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
        result = tool.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)
