"""Weights rounded so that what rounding does to a layer's output cancels out.

Rounding each weight to the nearest step adds errors that do not average out: a filter for edges has
weights that sum to nothing, its rounded weights do not, and so every grey area shines through.
Two corrections, made on the float file so that the quantizer finds weights it need not round:

* the weights of a window are rounded so that their sum stays (a flat area gives what it gave);
* what is left of a layer's mean error moves into its bias (Nagel et al. 2019, section 4.2).

And a channel whose weights are all (next to) nothing, as training leaves those of anchors that no
object ever matched, keeps its bias: in integers a bias counts steps of the weights times those of
the input, and where these are too fine it does not fit into 32 bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.exporters.flatbuffer import (
    constant,
    operator_names,
    store_constant,
    tensor_name,
)

Array = NDArray[Any]
LEVELS = 127
_INPUT_LEVELS = 255
# A quarter of what 32 bits hold: ranges may still be widened a little.
_MOST_STEPS = 2.0**29


def with_room_for_bias(weights: Array, offsets: Array, axis: int, input_step: float) -> Array:
    """Weights whose steps are coarse enough for their channels' biases.

    Args:
        weights: as for :func:`rounded`, float32.
        offsets: bias of each channel.
        axis: of the channels.
        input_step: between neighbouring values that the layer reads.

    Returns:
        The same shape. In channels that lacked room the largest weight has grown, by so little that
        the layer's output changes by less than a ten-thousandth of the bias.
    """
    by_channel = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).copy()
    least = np.abs(offsets.astype(np.float64)) * LEVELS / (input_step * _MOST_STEPS)
    largest = np.abs(by_channel).argmax(axis=1)
    rows = np.arange(len(by_channel))
    poor = np.abs(by_channel[rows, largest]) < least
    by_channel[rows[poor], largest[poor]] = least[poor]
    moved = [weights.shape[axis], *(s for i, s in enumerate(weights.shape) if i != axis)]
    return np.moveaxis(by_channel.reshape(moved), 0, axis)


def rounded(weights: Array, axis: int) -> Array:
    """Weights as whole multiples of their channel's step, each window's sum kept.

    Args:
        weights: (out, h, w, in) of a convolution or dense layer, or (1, h, w, C) of a depthwise
            one.
        axis: of the channels that have a step each: 0, or 3 for depthwise.

    Returns:
        The same shape; the largest weight of each channel stays as it is.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis)
    step = np.abs(weights).max(axis=others, keepdims=True) / LEVELS
    step = np.where(step > 0, step, 1.0)
    exact = weights / step
    whole = np.rint(exact)
    # Windows: height and width together, each pair of channels for itself.
    window_error = (exact - whole).sum(axis=(1, 2), keepdims=True)
    _move_sums(whole, exact, np.rint(window_error).astype(int))
    return np.asarray(whole * step, dtype=weights.dtype)


def _move_sums(whole: Array, exact: Array, wanted: Array) -> None:
    """Change single weights of each window by one step, those that were nearest to it first."""
    height, width = whole.shape[1:3]
    if height * width == 1:
        return
    flat = np.moveaxis(whole.reshape(whole.shape[0], -1, whole.shape[3]), 1, 2)
    residue = np.moveaxis((exact - whole).reshape(whole.shape[0], -1, whole.shape[3]), 1, 2)
    wanted = wanted.reshape(whole.shape[0], whole.shape[3])
    for row, channel in zip(*np.nonzero(wanted), strict=True):
        change = int(wanted[row, channel])
        sign = 1 if change > 0 else -1
        # The channel's largest weight sets the step and must stay.
        free = np.abs(flat[row, channel]) < LEVELS
        order = np.argsort(np.where(free, -sign * residue[row, channel], np.inf), kind="stable")
        flat[row, channel, order[: min(abs(change), int(free.sum()))]] += sign
    whole[...] = np.moveaxis(flat, 2, 1).reshape(whole.shape)


def correct_rounding(
    model: Any, means: dict[str, Array], ranges: dict[str, tuple[float, float]], is_float: Any
) -> None:
    """Round the weights of a float file (a ModelT) in place, and correct its biases.

    Args:
        means: mean of each channel of the tensors that layers read, by their names.
        ranges: smallest and largest value of these tensors.
        is_float: function of a tensor's name: whether its layer stays in floats.
    """
    graph = model.subgraphs[0]
    for operator, kind in zip(graph.operators, operator_names(model), strict=True):
        if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        if is_float(tensor_name(graph, int(operator.outputs[0]))) or len(operator.inputs) < 3:
            continue
        source, weights, bias = (int(i) for i in operator.inputs[:3])
        mean = means.get(tensor_name(graph, source))
        stored = constant(model, weights)
        if stored is None or bias < 0:
            continue
        shaped = stored if stored.ndim == 4 else stored[:, None, None]
        depthwise = kind == "DEPTHWISE_CONV_2D"
        axis = 3 if depthwise else 0
        offsets = constant(model, bias)
        low, high = ranges.get(tensor_name(graph, source), (0.0, 0.0))
        if offsets is not None and high > low:
            shaped = with_room_for_bias(shaped, offsets, axis, (high - low) / _INPUT_LEVELS)
        new = rounded(shaped, axis)
        store_constant(model, weights, new.reshape(stored.shape))
        if mean is None or offsets is None or mean.shape != (shaped.shape[3],):
            continue
        error = (new.astype(np.float64) - shaped).sum(axis=(1, 2)) * mean
        error = error[0] if depthwise else error.sum(axis=1)
        store_constant(model, bias, (offsets - error).astype(np.float32))
