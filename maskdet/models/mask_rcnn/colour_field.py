"""Outlines that colours show: the mask head's own masks, refined, as its targets.

A conditional random field whose cells are tied by likeness of colour and nearness (Kraehenbuehl
and Koltun, NeurIPS 2011), the head's masks as unaries; DiscoBox (Lan et al., ICCV 2021) teaches
from boxes with such masks, between neighbours. Here every cell of a RoI is tied to cells of a
coarse grid over the box and what surrounds it, whose outer cells are background for certain: ground
that goes on outside the box is told from the object however far into the box it reaches.
"""

from typing import Any

from keras import ops

from maskdet.layers import box_coding
from maskdet.models.mask_rcnn.box_supervision import dice, inside_boxes, shadow
from maskdet.models.mask_rcnn.targets import interpolation

#: Cells a side of the coarse grid.
CONTEXT_SHAPE = (14, 14)
# Share of a box's sides that the grid reaches beyond it on each side.
_MARGIN = 0.2
# Distances at which a tie is exp(-1/2): in CIELAB, and in sides of the box.
_COLOUR_REACH, _REACH = 6.0, 0.35
# The logit of a cell in a box, on top of what the head says.
_PRIOR = 1.0
# Weight of all ties of a cell together; rounds of mean field inference.
_TIES, _ROUNDS = 10.0, 5
# Added to the sum of a cell's ties: where that is small, they count for less.
_LEAST_TIES = 0.1


def context_boxes(boxes: Any) -> Any:
    """Boxes (B, P, 4), normalised, with a margin of what surrounds them, within the image."""
    sides = boxes[..., 2:] - boxes[..., :2]  # (B, P, 2)
    low, high = boxes[..., :2] - _MARGIN * sides, boxes[..., 2:] + _MARGIN * sides
    return ops.clip(ops.concatenate([low, high], axis=-1), 0.0, 1.0)


def refined_masks(
    masks: Any, colours: Any, inside: Any, rois: Any, boxes: Any, context_colours: Any
) -> tuple[Any, Any]:
    """Masks drawn to the outlines that colours show, without gradient.

    Args:
        masks: (B, P, h, w), 0..1, of RoIs that hold their box.
        colours: (B, P, h, w, 3), CIELAB.
        inside: (B, P, h, w), 1 inside the box.
        rois, boxes: (B, P, 4), normalised.
        context_colours: (B, P, *CONTEXT_SHAPE, 3), CIELAB, of the boxes' :func:`context_boxes`.

    Returns:
        The masks, (B, P, h, w), 0..1, and how well each one's shadows fill its box, (B, P), 0..1.
    """
    masks = ops.stop_gradient(masks)
    context = context_boxes(boxes)  # (B, P, 4)
    cells = _traits(colours, rois, boxes)  # (B, P, h * w, 5)
    coarse_cells = _traits(context_colours, context, boxes)  # (B, P, k, 5)
    rows, columns = inside_boxes(boxes, context, CONTEXT_SHAPE)
    coarse_inside = rows[..., :, None] * columns[..., None, :]  # (B, P, *CONTEXT_SHAPE)

    low, high = box_coding.within(context, rois)  # (B, P, 2)
    down = interpolation(low[..., 0], high[..., 0], CONTEXT_SHAPE[0], int(masks.shape[2]))
    across = interpolation(low[..., 1], high[..., 1], CONTEXT_SHAPE[1], int(masks.shape[3]))
    coarse = ops.matmul(ops.matmul(down, masks), ops.swapaxes(across, -1, -2))
    # The field is settled on the coarse grid, and told to all cells once.
    own = _own_logits(coarse)  # (B, P, *CONTEXT_SHAPE)
    values = ops.sigmoid(own) * coarse_inside
    ties = _ties(coarse_cells, coarse_cells)  # (B, P, k, k)
    for _ in range(_ROUNDS - 1):
        values = ops.sigmoid(own + _votes(ties, values, values)) * coarse_inside
    votes = _votes(_ties(cells, coarse_cells), values, masks)
    values = ops.sigmoid(_own_logits(masks) + votes) * inside  # (B, P, h, w)
    rows, columns = ops.max(inside, axis=3), ops.max(inside, axis=2)
    fit = dice(shadow(values), rows) * dice(shadow(ops.swapaxes(values, 2, 3)), columns)
    return ops.stop_gradient(values), ops.stop_gradient(fit)


def _own_logits(masks: Any) -> Any:
    """What the head itself says of cells, (B, P, h, w)."""
    kept = ops.clip(masks, 0.02, 0.98)
    return ops.log(kept / (1.0 - kept)) + _PRIOR


def _votes(ties: Any, values: Any, like: Any) -> Any:
    """What coarse cells' values make of cells, (B, P, n, k) and (B, P, *CONTEXT_SHAPE) -> the shape
    of ``like``, logits; none where no coarse cell is of a cell's colour."""
    shape = ops.shape(values)
    flat = ops.reshape(values, (shape[0], shape[1], shape[2] * shape[3], 1))
    sums = ops.matmul(ties, ops.concatenate([2.0 * flat - 1.0, ops.ones_like(flat)], axis=-1))
    return _TIES * ops.reshape(sums[..., 0] / (sums[..., 1] + _LEAST_TIES), ops.shape(like))


def _traits(colours: Any, rois: Any, boxes: Any) -> Any:
    """What cells are compared by: colour and place in the box, (B, P, cells, 5), in reaches."""
    height, width = int(colours.shape[2]), int(colours.shape[3])
    # Clipped: a RoI without an object may lie anywhere beside its box.
    low, high = (ops.clip(side, -4.0, 4.0) for side in box_coding.within(rois, boxes))  # (B, P, 2)
    steps = [ops.arange(n, dtype="float32") / max(n - 1, 1) for n in (height, width)]
    places = [
        low[..., axis, None] + steps[axis] * (high - low)[..., axis, None] for axis in (0, 1)
    ]  # (B, P, h), (B, P, w)
    flat = ops.zeros_like(colours[..., 0])  # (B, P, h, w)
    places = [places[0][..., :, None] + flat, places[1][..., None, :] + flat]
    traits = ops.concatenate(
        [colours / _COLOUR_REACH, ops.stack(places, axis=-1) / _REACH], axis=-1
    )  # (B, P, h, w, 5)
    batch, count = ops.shape(colours)[0], ops.shape(colours)[1]
    return ops.reshape(traits, (batch, count, height * width, 5))


def _ties(cells: Any, others: Any) -> Any:
    """How far each cell goes by each other one: (B, P, n, 5) and (B, P, k, 5) -> (B, P, n, k)."""
    # exp(-d / 2), d = |a|2 - 2 ab + |b|2, as one product of seven columns: the matrix is by far the
    # largest thing here, and each pass over it counts.
    halves = [-0.5 * ops.sum(ops.square(t), axis=-1, keepdims=True) for t in (cells, others)]
    left = ops.concatenate([cells, halves[0], ops.ones_like(halves[0])], axis=-1)
    right = ops.concatenate([others, ops.ones_like(halves[1]), halves[1]], axis=-1)
    return ops.exp(ops.matmul(left, ops.swapaxes(right, -1, -2)))
