"""One image's objects, shown with pyplot under the names that matterport's scripts call.

Boxes are y1, x1, y2, x2 in pixels of the image, masks (H, W, N). Colours are (R, G, B) of 0..1.
Without a screen the pictures stay open in pyplot, for ``plt.savefig``.
"""

import colorsys
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError
from maskdet.visualize.canvas import (
    as_picture,
    as_uint8,
    check_counts,
    draw_frame,
    draw_outline,
    prepare_axes,
    show,
)

Array = NDArray[Any]


def random_colors(N: int, bright: bool = True) -> list[tuple[float, float, float]]:
    """N colours (R, G, B) of 0..1, evenly around the hue circle, shuffled with ``random``."""
    value = 1.0 if bright else 0.7
    colors = [colorsys.hsv_to_rgb(i / N, 1, value) for i in range(N)]
    random.shuffle(colors)
    return colors


def apply_mask(image: Array, mask: Array, color: Sequence[float], alpha: float = 0.5) -> Array:
    """Tint the mask's pixels of an image in place.

    Args:
        image: (H, W, 3) of 0..255, changed.
        mask: (H, W) bool, or 1 inside.
        color: (R, G, B) of 0..1.
        alpha: share of the colour in the result.

    Returns:
        The same image.
    """
    inside = np.asarray(mask) == 1
    for channel in range(3):
        plane = image[..., channel]
        plane[inside] = plane[inside] * (1 - alpha) + alpha * color[channel] * 255
    return image


def display_images(
    images: Sequence[Array] | Array,
    titles: Sequence[str] | None = None,
    cols: int = 4,
    cmap: Any = None,
    norm: Any = None,
    interpolation: str | None = None,
) -> None:
    """Show images in a grid.

    Args:
        images: each (H, W), (H, W, 1) or (H, W, 3) of 0..255; sizes may differ.
        titles: one text for each image.
        cols: images in a row.
        cmap, norm, interpolation: matplotlib's, for images of one channel.
    """
    import matplotlib.pyplot as plt

    cols = max(1, cols)
    rows = max(1, math.ceil(len(images) / cols))
    figure = plt.figure(figsize=(14, max(1.0, 14 * rows / cols)))
    for number, image in enumerate(images, start=1):
        axes = figure.add_subplot(rows, cols, number)
        axes.axis("off")
        if titles is not None and number <= len(titles):
            axes.set_title(titles[number - 1], fontsize=9)
        axes.imshow(as_uint8(image), cmap=cmap, norm=norm, interpolation=interpolation)
    show()


def display_instances(
    image: ArrayLike,
    boxes: ArrayLike,
    masks: Array | None,
    class_ids: ArrayLike,
    class_names: Sequence[str],
    scores: ArrayLike | None = None,
    title: str = "",
    figsize: tuple[float, float] = (16, 16),
    ax: Any = None,
    show_mask: bool = True,
    show_bbox: bool = True,
    colors: Sequence[Sequence[float]] | None = None,
    captions: Sequence[str] | None = None,
) -> None:
    """Show an image with the boxes, masks and names of its objects.

    Objects whose box is all zeros are left out. Without objects the image alone is drawn, and a
    line printed.

    Args:
        image: uint8 (H, W, 3), left as it is; other numbers of channels show as grey or RGB.
        boxes: (N, 4) y1, x1, y2, x2 in pixels.
        masks: (H, W, N) bool, or None.
        class_ids: (N,) places in ``class_names``.
        class_names: all names, the background's first.
        scores: (N,) of 0..1, written behind the names.
        title: text above the picture.
        figsize: inches, for a new figure.
        ax: matplotlib axes to draw into; then nothing is shown here.
        show_mask: tint and outline the masks.
        show_bbox: draw the boxes.
        colors: a colour for each object; random ones by default.
        captions: a text for each object in place of name and score.

    Raises:
        UsageError: boxes, masks, class ids or scores differ in number.
    """
    picture = as_picture(image)
    rows = np.asarray(boxes)
    count = len(rows)
    ids = np.asarray(class_ids)
    if not count:
        print("\n*** No instances to display *** \n")
    else:
        check_counts(
            count,
            masks=None if masks is None else masks.shape[-1],
            class_ids=len(ids),
            scores=None if scores is None else np.size(scores),
        )
    axes = prepare_axes(ax, picture.shape, figsize, 10, title)
    palette_colors = random_colors(count) if colors is None or not len(colors) else colors
    written = captions is not None and len(captions) > 0
    for i in range(count):
        if not np.any(rows[i]):
            continue  # No box: the object was probably lost when the image was cut.
        color = tuple(palette_colors[i])
        if show_bbox:
            draw_frame(axes, rows[i], color, "dashed", 0.7)
        if written and captions is not None:
            text = str(captions[i])
        else:
            text = str(class_names[int(ids[i])])
            if scores is not None:
                text += f" {float(np.asarray(scores)[i]):.3f}"
        axes.text(rows[i][1], rows[i][0] + 8, text, color="w", size=11, backgroundcolor="none")
        if show_mask and masks is not None:
            apply_mask(picture, masks[..., i], color)
            draw_outline(axes, masks[..., i], color)
    axes.imshow(picture)
    if ax is None:
        show()


def display_top_masks(
    image: Array, mask: Array, class_ids: ArrayLike, class_names: Sequence[str], limit: int = 4
) -> None:
    """Show an image, and beside it the masks of the classes that cover most of it.

    Each class has a picture in which its first object is 1, the second 2, and so on; where objects
    overlap the later one is seen. Pictures for which there is no class are empty, titled "-".

    Args:
        image: (H, W, 3) of 0..255.
        mask: (H, W, N) bool.
        class_ids: (N,) places in ``class_names``.
        class_names: all names, the background's first.
        limit: number of classes.

    Raises:
        UsageError: masks and class ids differ in number.
    """
    ids = np.asarray(class_ids).reshape(-1)
    masks = np.asarray(mask).astype(bool)
    if masks.shape[-1] != len(ids):
        raise UsageError(
            f"There must be a class id for each mask, but there are {masks.shape[-1]} masks and "
            f"{len(ids)} class ids; select the same objects in both."
        )
    areas = {int(kind): int(masks[..., ids == kind].sum()) for kind in np.unique(ids)}
    covered = [kind for kind, area in areas.items() if area > 0]
    top = sorted(covered, key=lambda kind: areas[kind], reverse=True)[:limit]
    pictures: list[Array] = [image]
    titles = [f"H x W={image.shape[0]}x{image.shape[1]}"]
    for kind in top:
        own = masks[..., ids == kind]
        pictures.append(np.max(own * np.arange(1, own.shape[-1] + 1), axis=-1))
        titles.append(str(class_names[kind]))
    for _ in range(limit - len(top)):
        pictures.append(np.zeros(image.shape[:2], np.uint8))
        titles.append("-")
    display_images(pictures, titles=titles, cols=limit + 1, cmap="Blues_r")
