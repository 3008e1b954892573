"""Run lengths: COCO's uncompressed form of a mask, for JSON files.

Counts alternate between false and true pixels, begin with false ones (perhaps 0 of them) and go
down the columns, left to right.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maskdet.errors import DataError, UsageError

Array = NDArray[Any]


def encode_rle(mask: ArrayLike) -> dict[str, list[int]]:
    """A mask (H, W) as ``{"size": [height, width], "counts": [...]}``; plain integers.

    Raises UsageError for anything but a plane.
    """
    plane = np.asarray(mask)
    if plane.ndim != 2:
        raise UsageError(
            f"Run lengths describe one mask of shape (height, width), but the shape is "
            f"{plane.shape}; encode masks one by one."
        )
    pixels = plane.astype(bool, copy=False).ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate([[0], changes, [pixels.size]])
    counts = np.diff(edges).tolist() if pixels.size else []
    if pixels.size and pixels[0]:
        counts.insert(0, 0)
    return {"size": [int(side) for side in plane.shape], "counts": counts}


def decode_rle(rle: Mapping[str, Any]) -> Array:
    """Inverse of :func:`encode_rle`: bool (H, W).

    Raises DataError where counts are compressed text, negative, or do not sum up to the size.
    """
    try:
        height, width = (int(side) for side in rle["size"])
        counts = rle["counts"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            "A run-length mask needs 'size' as [height, width] and 'counts' as a list, but these "
            f"could not be read ({error!r}); write the mask again."
        ) from error
    if isinstance(counts, str | bytes):
        raise DataError(
            "This run-length mask is compressed to text; read it with pycocotools.mask.decode."
        )
    try:
        lengths = np.asarray(counts, dtype=np.int64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"The counts of a run-length mask must be integers ({error}); write the mask again."
        ) from error
    if height < 0 or width < 0 or (lengths < 0).any() or lengths.sum() != height * width:
        raise DataError(
            f"The counts of a run-length mask must be positive and sum up to {height} x {width} = "
            f"{height * width} pixels, but sum up to {int(lengths.sum())}; write the mask again."
        )
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape((height, width), order="F")


def counts_from_text(text: str | bytes) -> list[int]:
    """COCO's compressed counts: five bits a character, each count from the third on as the
    difference to the one before the last.

    Raises DataError for text that is no such thing.
    """
    data = text.encode("latin-1", errors="replace") if isinstance(text, str) else text
    counts: list[int] = []
    value = shift = 0
    for byte in data:
        part = byte - 48
        if not 0 <= part < 64 or shift > 60:
            raise DataError(
                f"Compressed run lengths hold {bytes([byte])!r}; repair or remove them."
            )
        value |= (part & 31) << shift
        shift += 5
        if part & 32:
            continue
        if part & 16:
            value |= -1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
        value = shift = 0
    if shift:
        raise DataError("Compressed run lengths break off; repair or remove them.")
    return counts


def encode_rle_at(
    part: ArrayLike, corner: tuple[int, int], size: tuple[int, int]
) -> dict[str, list[int]]:
    """:func:`encode_rle` of an image of ``size`` that is empty but for a part at ``corner`` (y, x).

    Costs what the part costs, however large the image is. The part must lie inside.
    """
    plane = np.asarray(part).astype(bool, copy=False)
    columns, rows = np.nonzero(plane.T)
    positions = (columns + corner[1]) * size[0] + rows + corner[0]
    return encode_runs(positions, positions + 1, size)


def encode_runs(starts: Array, ends: Array, size: tuple[int, int]) -> dict[str, list[int]]:
    """:func:`encode_rle` of runs of true pixels in an image of ``size``.

    Args:
        starts, ends: integers (R,), counted down the columns, left to right, in that order; ends
            lie outside. A run may begin where the one before it ends.
    """
    apart = starts[1:] != ends[:-1]
    firsts, lasts = np.append(starts[:1], starts[1:][apart]), np.append(ends[:-1][apart], ends[-1:])
    edges = np.stack([firsts, lasts], axis=1).ravel()
    counts: list[int] = np.diff(edges, prepend=0).tolist()
    rest = int(size[0]) * int(size[1]) - sum(counts)
    return {"size": [int(side) for side in size], "counts": counts + ([rest] if rest else [])}
