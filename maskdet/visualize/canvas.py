"""What the pyplot pictures share: the photo in its axes, frames, outlines, showing.

These pictures go through pyplot, unlike those of :mod:`maskdet.visualize.plots`: scripts written
for matterport's `mrcnn` follow them with ``plt.savefig`` or their own ``plt.show``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]

# matplotlib's own backends that write files. Showing is left out there: it would only warn.
_WITHOUT_SCREEN = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def show() -> None:
    """Show pyplot's open figures where there is a screen or a notebook; else leave them open."""
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() not in _WITHOUT_SCREEN:
        plt.show()


def as_uint8(image: ArrayLike) -> NDArray[np.uint8]:
    """A uint8 copy; values are cut to 0..255 and lose their fraction."""
    return np.clip(np.asarray(image), 0, 255).astype(np.uint8)


def as_picture(image: ArrayLike) -> NDArray[np.uint8]:
    """A uint8 RGB copy (H, W, 3) of an image (H, W) or (H, W, C).

    One channel becomes grey; of more than three the first three are taken, of two the first.
    Raises UsageError for any other number of axes.
    """
    picture = as_uint8(image)
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] == 0:
        raise UsageError(
            f"An image must have shape (H, W) or (H, W, C), but has {np.shape(image)}; "
            "give one image, not a batch."
        )
    if picture.shape[2] < 3:
        return np.repeat(picture[..., :1], 3, axis=2)
    return picture[..., :3]


def prepare_axes(
    ax: Any, shape: Sequence[int], figsize: tuple[float, float], margin: int, title: str
) -> Any:
    """Axes for an image of ``shape``, with a margin of so many pixels; a new figure's for None.

    The limits are fixed here, so what is drawn later cannot move them.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(1, figsize=figsize)
    ax.set_ylim(shape[0] + margin, -margin)
    ax.set_xlim(-margin, shape[1] + margin)
    ax.axis("off")
    ax.set_title(title)
    return ax


def draw_frame(ax: Any, box: ArrayLike, color: Any, style: str = "solid", alpha: float = 1) -> None:
    """Put a box (4,) y1, x1, y2, x2 into the axes as a hollow rectangle."""
    from matplotlib.patches import Rectangle

    y1, x1, y2, x2 = (float(side) for side in np.asarray(box)[:4])
    ax.add_patch(
        Rectangle(
            (x1, y1),
            x2 - x1,
            y2 - y1,
            fill=False,
            edgecolor=color,
            linewidth=2,
            linestyle=style,
            alpha=alpha,
        )
    )


def draw_outline(ax: Any, mask: Array, color: Any) -> None:
    """Draw the outline of a mask (H, W), holes included; nothing for an empty mask."""
    inside = np.asarray(mask) > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return
    top, left = rows[0], columns[0]
    cut = inside[top : rows[-1] + 1, left : columns[-1] + 1]
    # A rim of zeros closes the line where the mask touches the image's border.
    field = np.pad(cut.astype(np.float32), 1)
    ax.contour(
        np.arange(field.shape[1]) + left - 1,
        np.arange(field.shape[0]) + top - 1,
        field,
        levels=[0.5],
        colors=[color],
        linewidths=1,
    )


def check_counts(count: int, **others: int | None) -> None:
    """Raise UsageError unless every given number equals the number of boxes."""
    for name, other in others.items():
        if other is not None and other != count:
            raise UsageError(
                f"There must be as many {name} as boxes, but there are {other} {name} and "
                f"{count} boxes; select the same objects in both."
            )
