"""Runs: masks as stretches of true pixels in rows, and what can be had from them cheaply.

Pixels are written as bits, eight at a time, and turned into bools where somebody asks for bools.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class MaskCrop(NamedTuple):
    """What a mask has inside its box and the image: bool (h, w), perhaps without pixels.

    ``y``, ``x``: the image's pixel that the first one of ``mask`` is.
    """

    y: int
    x: int
    mask: Array


@dataclass(frozen=True, eq=False)
class MaskRuns:
    """Masks of one image as runs: stretches of true pixels, row by row.

    Rows are counted over all masks, of each from its window's upper side on.

    Attributes:
        rows: int64 (R,), ascending: each run's row.
        starts, ends: int64 (R,), columns of the image; the end lies outside. Runs of a row come
            from left to right and do not overlap, but may touch.
        windows: int64 (N, 4), y1, x1, y2, x2 of each mask's box in whole pixels, cut to the image.
        image_shape: (height, width) of the image.
    """

    rows: Array
    starts: Array
    ends: Array
    windows: Array
    image_shape: tuple[int, int]

    @property
    def offsets(self) -> Array:
        """The first row of each mask, and the number of all rows: int64 (N + 1,)."""
        return offsets_of(self.windows[:, 2] - self.windows[:, 0])

    def areas(self) -> Array:
        """True pixels of each mask: int64 (N,)."""
        sums = offsets_of(self.ends - self.starts)
        return np.diff(sums[np.searchsorted(self.rows, self.offsets)])

    def positions(self) -> list[tuple[Array, Array]]:
        """Of each mask its runs' starts and ends, counted row by row through the whole image."""
        offsets, width = self.offsets, self.image_shape[1]
        bounds = np.searchsorted(self.rows, offsets).tolist()
        before = (self.windows[:, 0] - offsets[:-1]) * width  # pixels above row 0 of all rows
        runs = [slice(*pair) for pair in zip(bounds[:-1], bounds[1:], strict=True)]
        firsts = [self.rows[own] * width + shift for own, shift in zip(runs, before, strict=True)]
        return [
            (first + self.starts[own], first + self.ends[own])
            for own, first in zip(runs, firsts, strict=True)
        ]

    def crops(self) -> list[MaskCrop]:
        """Each mask's part in its window; costs what the windows cost, however large the image."""
        offsets = self.offsets
        bits, ends = self._bits(self.rows, int(offsets[-1])), offsets.tolist()
        crops = []
        for first, last, (y1, x1, _, x2) in zip(
            ends[:-1], ends[1:], self.windows.tolist(), strict=True
        ):
            part = np.unpackbits(bits[first:last, x1 // 8 : -(-x2 // 8)], axis=1).view(bool)
            crops.append(MaskCrop(y1, x1, part[:, x1 % 8 : x1 % 8 + x2 - x1]))
        return crops

    def planes(self) -> Array:
        """All masks at full size: bool (N, H, W)."""
        height, width = self.image_shape
        count, offsets = len(self.windows), self.offsets
        shifts = np.arange(count) * height + self.windows[:, 0] - offsets[:-1]
        runs = np.diff(np.searchsorted(self.rows, offsets))
        bits = self._bits(self.rows + np.repeat(shifts, runs), count * height)
        pixels = np.unpackbits(bits) if width % 8 == 0 else np.unpackbits(bits, axis=1, count=width)
        return pixels.view(bool).reshape(count, height, width)

    def _bits(self, rows: Array, count: int) -> Array:
        """``count`` rows of the image's width, the first pixel the highest bit: uint8 (count, W / 8
        rounded up), with each run in the row that ``rows`` says."""
        width = self.image_shape[1]
        tails = _tails(width)
        # A row without a run has one from the image's right side to there.
        starts, ends = np.full(count, width), np.full(count, width)
        starts[rows], ends[rows] = self.starts, self.ends  # of several runs in a row the last
        bits = tails.take(starts, axis=0, mode="clip")
        bits ^= tails.take(ends, axis=0, mode="clip")
        rest = np.flatnonzero(rows[1:] == rows[:-1])
        while len(rest):  # first runs of their rows, then second ones
            first = _first_of_row(rows[rest])
            now, rest = rest[first], rest[~first]
            bits[rows[now]] |= tails[self.starts[now]] ^ tails[self.ends[now]]
        return bits


def offsets_of(counts: Array) -> Array:
    """Where each of several stretches begins that lie one behind another, and the end of all."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _first_of_row(rows: Array) -> Array:
    first = np.ones(len(rows), dtype=bool)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    return first


@lru_cache(maxsize=2)  # a camera's frames have one size, and so have their transposes
def _tails(width: int) -> Array:
    """Row i has the bits of columns i and beyond: uint8 (width + 1, width / 8 rounded up)."""
    tails = np.zeros((width + 1, -(-width // 8)), dtype=np.uint8)
    for start in range(0, width, 64):  # never the whole table as bools
        rows = np.arange(start, min(start + 64, width))[:, None]
        tails[start : start + 64][: len(rows)] = np.packbits(np.arange(width) >= rows, axis=1)
    tails.setflags(write=False)
    return tails
