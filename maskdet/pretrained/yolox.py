"""YOLOX-Nano's COCO weights by our layers' names: from its ONNX file or its PyTorch file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays
from maskdet.pretrained.folded import unfolded
from maskdet.pretrained.torch_file import read_state_dict

_TORCH_NORM = ("weight", "bias", "running_mean", "running_var")
_LEVELS = 3
# The published head predicts dx, dy, log dw, log dh; ours is y before x, as everywhere here.
_OUR_DELTAS = [1, 0, 3, 2]
#: What pixels are divided by for our stem; the published one takes them as they are.
PIXEL_STD = 128.0


def units() -> Iterator[tuple[str, str]]:
    """Our name and the published network's path of each convolution, in the order it runs them."""
    yield "stage1_focus", "backbone.backbone.stem.conv"
    for stage, blocks in ((2, 1), (3, 3), (4, 3), (5, 1)):
        path = f"backbone.backbone.dark{stage}"
        yield from _separable(f"stage{stage}_down", f"{path}.0")
        if stage == 5:
            yield "stage5_spp_narrow", f"{path}.1.conv1"
            yield "stage5_spp_out", f"{path}.1.conv2"
        yield from _cross_stage(f"stage{stage}_csp", f"{path}.{2 if stage == 5 else 1}", blocks)
    yield "stage5_neck_lateral5", "backbone.lateral_conv0"
    yield from _cross_stage("stage5_neck_down4", "backbone.C3_p4", 1)
    yield "stage5_neck_lateral4", "backbone.reduce_conv1"
    yield from _cross_stage("stage5_neck_p3", "backbone.C3_p3", 1)
    yield from _separable("stage5_neck_halve3", "backbone.bu_conv2")
    yield from _cross_stage("stage5_neck_p4", "backbone.C3_n3", 1)
    yield from _separable("stage5_neck_halve4", "backbone.bu_conv1")
    yield from _cross_stage("stage5_neck_p5", "backbone.C3_n4", 1)
    for level in range(_LEVELS):
        name = f"head{level + 3}"
        yield f"{name}_stem", f"head.stems.{level}"
        for index in range(2):
            yield from _separable(f"{name}_class{index}", f"head.cls_convs.{level}.{index}")
        yield f"{name}_class_logits", f"head.cls_preds.{level}"
        for index in range(2):
            yield from _separable(f"{name}_box{index}", f"head.reg_convs.{level}.{index}")
        yield f"{name}_deltas", f"head.reg_preds.{level}"
        yield f"{name}_objectness", f"head.obj_preds.{level}"


def _separable(name: str, path: str) -> Iterator[tuple[str, str]]:
    yield f"{name}_depthwise", f"{path}.dconv"
    yield f"{name}_pointwise", f"{path}.pconv"


def _cross_stage(name: str, path: str, blocks: int) -> Iterator[tuple[str, str]]:
    yield f"{name}_main", f"{path}.conv1"
    yield f"{name}_aside", f"{path}.conv2"
    for number in range(blocks):
        yield f"{name}_block{number}_narrow", f"{path}.m.{number}.conv1"
        yield from _separable(f"{name}_block{number}", f"{path}.m.{number}.conv2")
    yield f"{name}_out", f"{path}.conv3"


def yolox_layers(path: str | os.PathLike[str]) -> LayerArrays:
    """Weights of a file of YOLOX-Nano by our layers' names, axes in Keras' order.

    Args:
        path: the published ``.pth``, or an ``.onnx`` export of it (needs the package onnx).

    Returns:
        Kernel, gamma, beta, moving mean and moving variance of each convolution with a norm (an
        ONNX file has norms folded into kernels and biases: its own are ones that change nothing);
        kernel and bias of the head's last ones.

    Raises:
        WeightsError: if the file is missing, damaged, or of another network.
    """
    if Path(path).suffix == ".onnx":
        return _from_onnx(path)
    return _from_torch(path)


def _from_torch(path: str | os.PathLike[str]) -> LayerArrays:
    # Some are kept in halves.
    state = {name: array.astype("f4") for name, array in read_state_dict(path).items()}
    layers = {}
    try:
        for name, unit in units():
            if f"{unit}.conv.weight" in state:
                kernel = _kernel(name, state[f"{unit}.conv.weight"])
                layers[name] = [kernel, *(state[f"{unit}.bn.{part}"] for part in _TORCH_NORM)]
            else:
                kernel = _kernel(name, state[f"{unit}.weight"])
                layers[name] = _prediction(name, kernel, state[f"{unit}.bias"].reshape(-1))
    except (KeyError, ValueError) as error:
        raise _of_another_network(path, f"it lacks {error}") from error
    return layers


def _from_onnx(path: str | os.PathLike[str]) -> LayerArrays:
    convolutions = _onnx_convolutions(path)
    pairs = list(units())
    if len(convolutions) != len(pairs):
        reason = f"it has {len(convolutions)} convolutions, not {len(pairs)}"
        raise _of_another_network(path, reason)
    layers = {}
    for (name, unit), (weight_name, kernel, bias) in zip(pairs, convolutions, strict=True):
        predicts = "_preds." in unit
        # Exporters rename folded kernels, but not those of the head's last convolutions.
        if predicts != ("_preds." in weight_name):
            raise _of_another_network(path, f"{weight_name} stands where {unit} should")
        try:
            kernel = _kernel(name, kernel)
            layers[name] = _prediction(name, kernel, bias) if predicts else unfolded(kernel, bias)
        except ValueError as error:
            raise _of_another_network(path, str(error)) from error
    return layers


def _onnx_convolutions(
    path: str | os.PathLike[str],
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name of the kernel, kernel and bias of each convolution, in the file's order."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise WeightsError(
            f"{path} is an ONNX file, and the package onnx that reads it is not installed; run: "
            "pip install onnx"
        ) from error
    try:
        graph = onnx.load(os.fspath(path)).graph
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    except Exception as error:  # protobuf's own, by its version
        raise WeightsError(f"{path} is no whole ONNX file ({error}); fetch it again.") from error
    arrays = {item.name: item for item in graph.initializer}
    convolutions = []
    for node in graph.node:
        if node.op_type == "Conv":
            if len(node.input) < 3 or not all(name in arrays for name in node.input[1:3]):
                raise _of_another_network(path, f"{node.name} has no kernel and bias of its own")
            kernel, bias = (numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
            convolutions.append((node.input[1], kernel, bias))
    return convolutions


def _prediction(name: str, kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    """Kernel (1, 1, in, out) and bias (out,) of one of the head's last convolutions."""
    if not name.endswith("_deltas"):
        return [kernel, bias]
    if kernel.shape[-1] != len(_OUR_DELTAS):
        raise ValueError(f"{name} has {kernel.shape[-1]} channels")
    return [kernel[..., _OUR_DELTAS], bias[_OUR_DELTAS]]


def _kernel(name: str, kernel: np.ndarray) -> np.ndarray:
    """PyTorch's (out, in, h, w) as Keras': (h, w, in, out), depthwise (h, w, C, 1)."""
    if kernel.ndim != 4:
        raise ValueError(f"the kernel of {name} has {kernel.ndim} axes")
    if name == "stage1_focus":
        return _whole_stem(kernel)
    axes = (2, 3, 0, 1) if name.endswith("_depthwise") else (2, 3, 1, 0)
    return np.ascontiguousarray(kernel.transpose(axes))


def _whole_stem(kernel: np.ndarray) -> np.ndarray:
    """The 3 x 3 kernel over 2 x 2 cells of BGR pixels (out, 12, 3, 3) as a 6 x 6 one over RGB."""
    if kernel.shape[1:] != (12, 3, 3):
        raise ValueError(f"the first kernel has the shape {kernel.shape}")
    stem = np.zeros((6, 6, 3, len(kernel)), kernel.dtype)
    corners = ((0, 0), (1, 0), (0, 1), (1, 1))  # (row, column) of the cell's pixels in file order
    for number, (row, column) in enumerate(corners):
        of_corner = kernel[:, 3 * number : 3 * number + 3][:, ::-1]  # (out, RGB, 3, 3)
        stem[row::2, column::2] = of_corner.transpose(2, 3, 1, 0)
    # Our pixels are divided by 128 first, so that the kernel's numbers are of the others' size.
    return stem * np.float32(PIXEL_STD)


def _of_another_network(path: Any, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} does not hold YOLOX-Nano: {reason}; give the published yolox_nano.onnx or "
        "yolox_nano.pth."
    )
