"""Boxes before and after refinement, shown with pyplot, and frames painted into an array.

For looking into training and into the network's stages: anchors, proposals and what became of them.
Boxes are y1, x1, y2, x2 in pixels of the image. Nothing is shown here: a notebook does so by
itself, a script calls ``plt.show`` or ``plt.savefig``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError
from maskdet.geometry.pasting import paste_mask
from maskdet.visualize.canvas import (
    as_picture,
    check_counts,
    draw_frame,
    draw_outline,
    prepare_axes,
)
from maskdet.visualize.instances import apply_mask, random_colors

Array = NDArray[Any]

# (line style, opacity) of a box by its visibility; 0 is drawn in grey.
_STYLES = {0: ("dotted", 0.5), 1: ("dotted", 1.0), 2: ("solid", 1.0)}


def draw_box(image: Array, box: ArrayLike, color: Sequence[float]) -> Array:
    """Paint a frame three pixels wide into an image, in place.

    Args:
        image: (H, W, C), changed. The part of the frame outside it is dropped.
        box: (4,) y1, x1, y2, x2; the lines' middles lie on these rows and columns.
        color: C values in the image's own range, 0..255 for photos.

    Returns:
        The same image.
    """
    y1, x1, y2, x2 = (int(side) for side in np.asarray(box)[:4])

    def span(low: int, high: int) -> slice:
        return slice(max(low - 1, 0), max(high + 2, 0))

    for y in (y1, y2):
        image[span(y, y), span(x1, x2)] = color
    for x in (x1, x2):
        image[span(y1, y2), span(x, x)] = color
    return image


def _joined(ax: Any, box: Array, refined: Array, color: Any) -> None:
    # The refined box, tied to its origin from corner to corner.
    from matplotlib.lines import Line2D

    draw_frame(ax, refined, color)
    ax.add_line(Line2D([box[1], refined[1]], [box[0], refined[0]], color=color))


def draw_boxes(
    image: ArrayLike,
    boxes: ArrayLike | None = None,
    refined_boxes: ArrayLike | None = None,
    masks: Array | None = None,
    captions: Sequence[str] | None = None,
    visibilities: Sequence[int] | NDArray[Any] | None = None,
    title: str = "",
    ax: Any = None,
) -> None:
    """Draw boxes, what they were refined to, captions and masks over an image.

    Args:
        image: uint8 (H, W, 3), left as it is.
        boxes: (N, 4) y1, x1, y2, x2; rows of zeros are left out with all that belongs to them.
        refined_boxes: (N, 4), drawn solid and tied to ``boxes`` where those are given.
        masks: (H, W, N).
        captions: N texts, written on the refined box where one is drawn.
        visibilities: 0 (grey and faint, its refined box left out), 1 (dotted, the default) or
            2 (solid) for each box.
        title: text above the picture.
        ax: matplotlib axes to draw into; a new figure's by default.

    Raises:
        UsageError: neither kind of box is given, their numbers differ, or a visibility is none of
            the three.
    """
    if boxes is None and refined_boxes is None:
        raise UsageError("draw_boxes needs `boxes` or `refined_boxes`; both are None.")
    starts = None if boxes is None else np.asarray(boxes)
    ends = None if refined_boxes is None else np.asarray(refined_boxes).astype(np.int32)
    leading = starts if starts is not None else ends
    assert leading is not None
    count = len(leading)
    check_counts(
        count,
        refined_boxes=None if ends is None else len(ends),
        masks=None if masks is None else masks.shape[-1],
        captions=None if captions is None else len(captions),
        visibilities=None if visibilities is None else len(visibilities),
    )
    picture = as_picture(image)
    axes = prepare_axes(ax, picture.shape, (12, 12), picture.shape[0] // 10, title)
    for i, bright in enumerate(random_colors(count)):
        if not np.any(leading[i]):
            continue
        visibility = 1 if visibilities is None else int(visibilities[i])
        if visibility not in _STYLES:
            raise UsageError(f"A visibility must be 0, 1 or 2, but number {i} is {visibility}.")
        style, alpha = _STYLES[visibility]
        color: tuple[float, float, float] = bright if visibility else (0.5, 0.5, 0.5)
        corner = leading[i]
        if starts is not None:
            draw_frame(axes, starts[i], color, style, alpha)
        if ends is not None and visibility > 0:
            corner = ends[i]
            if starts is not None:
                _joined(axes, starts[i], ends[i], color)
            else:
                draw_frame(axes, ends[i], color)
        if captions is not None:
            back = {"facecolor": color, "alpha": 0.5, "pad": 2, "edgecolor": "none"}
            axes.text(
                corner[1], corner[0], str(captions[i]), size=11, va="top", color="w", bbox=back
            )
        if masks is not None:
            apply_mask(picture, masks[..., i], color)
            draw_outline(axes, masks[..., i], color)
    axes.imshow(picture)


def draw_rois(
    image: ArrayLike,
    rois: ArrayLike,
    refined_rois: ArrayLike,
    mask: ArrayLike,
    class_ids: ArrayLike,
    class_names: Sequence[str],
    limit: int = 10,
) -> None:
    """Draw RoIs over an image and print how many are positive.

    Positive RoIs are dashed in a colour, with the refined box, its class and its mask; negative
    ones dashed in grey.

    Args:
        image: uint8 (H, W, 3), left as it is.
        rois: (N, 4) y1, x1, y2, x2 in pixels.
        refined_rois: (N, 4), the RoIs after their deltas.
        mask: (N, h, w), each RoI's mask in 0..1, at the mask head's size.
        class_ids: (N,), 0 for negative RoIs.
        class_names: all names, the background's first.
        limit: of more RoIs than this, so many are chosen with ``np.random``.

    Raises:
        UsageError: the numbers of RoIs, masks and class ids differ.
    """
    starts, ends, minis = np.asarray(rois), np.asarray(refined_rois), np.asarray(mask)
    kinds = np.asarray(class_ids).reshape(-1).astype(int)
    count = len(starts)
    check_counts(count, refined_rois=len(ends), masks=len(minis), class_ids=len(kinds))
    if count > limit:
        picked = np.random.choice(count, limit, replace=False)
        title = f"Showing {limit} random ROIs out of {count}"
    else:
        picked = np.arange(count)
        title = f"{count} ROIs"
    picture = as_picture(image)
    axes = prepare_axes(None, picture.shape, (12, 12), 20, title)
    for i in picked:
        if not kinds[i]:
            draw_frame(axes, starts[i], "gray", "dashed")
            continue
        color = tuple(np.random.rand(3))
        draw_frame(axes, starts[i], color, "dashed")
        _joined(axes, starts[i], ends[i], color)
        name = str(class_names[kinds[i]])
        axes.text(ends[i][1], ends[i][0] + 8, name, color="w", size=11, backgroundcolor="none")
        apply_mask(picture, paste_mask(minis[i], starts[i], picture.shape), color)
    axes.imshow(picture)
    positive = int((kinds > 0).sum())
    print("Positive ROIs: ", positive)
    print("Negative ROIs: ", int((kinds == 0).sum()))
    print(f"Positive Ratio: {positive / max(count, 1):.2f}")
