"""Outlines of any data set's objects, in the form that a writer needs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.annotated import Shape
from maskdet.data.dataset import Dataset
from maskdet.geometry.polygons import polygons_from_mask
from maskdet.geometry.rle import encode_rle

Array = NDArray[Any]


def shapes_of(dataset: Dataset, image_id: int) -> list[Shape | None]:
    """For each object of an image its polygons where the set has some, else its run lengths.

    None for a box alone. Mask pictures become run lengths, so nothing refers to a file.
    """
    count = len(dataset.load_boxes(image_id)[1])
    known: Sequence[Shape | None] = getattr(dataset, "load_shapes", lambda _: [None] * count)(
        image_id
    )
    if all(shape is not None and shape.picture is None for shape in known) and count:
        return list(known)
    if not dataset.provides_masks:
        return [None] * count
    masks = None
    shapes: list[Shape | None] = []
    has_shapes = hasattr(dataset, "load_shapes")
    for i in range(count):
        shape = known[i] if has_shapes else None
        if has_shapes and shape is None:
            shapes.append(None)
        elif shape is not None and shape.picture is None:
            shapes.append(shape)
        else:
            if masks is None:
                masks = np.asarray(dataset.load_mask(image_id)[0])
            shapes.append(Shape(rle=encode_rle(masks[..., i])))
    return shapes


def polygons_of(dataset: Dataset, image_id: int) -> list[tuple[Array, ...] | None]:
    """For each object of an image its outline as polygons (K, 2) of y, x; None for a box alone.

    Polygons of a mask follow its pixels' edges, a hole is cut open to the outline around it; the
    mask is their union.
    """
    height, width = dataset.image_shape(image_id)
    outlines: list[tuple[Array, ...] | None] = []
    for shape in shapes_of(dataset, image_id):
        if shape is None:
            outlines.append(None)
        elif shape.polygons is not None:
            outlines.append(shape.polygons)
        else:
            parts = polygons_from_mask(shape.mask((height, width)))
            outlines.append(tuple(np.asarray(part, dtype=np.float64) for part in parts))
    return outlines


def bridged(polygons: Sequence[Array]) -> Array:
    """Several polygons as one (K, 2), for formats with a single outline.

    From the first polygon's first corner a line leads to each other one and back; filled by the
    even-odd rule the mask stays the same, holes included.
    """
    first = np.asarray(polygons[0], dtype=np.float64)
    parts = [first, first[:1]]
    for other in polygons[1:]:
        parts += [other, other[:1], first[:1]]
    return np.concatenate(parts[:-1] if len(polygons) > 1 else parts[:1])
