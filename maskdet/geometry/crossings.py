"""Where the rows of an image cross zero between samples that are interpolated bilinearly.

Between two neighbouring samples values change evenly. So a side of a cell, which has a sample at
each corner, changes its sign in one row at most, and a row that meets two signs at a cell's two
sides crosses zero once between them, at a place that can be reckoned. Cells whose corners agree
are left out: the work follows the outlines, not the areas.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskdet.geometry.runs import offsets_of

Array = NDArray[Any]


class _Lines(NamedTuple):
    """Lines of samples across an axis, counted over all masks: (L,) each.

    ``places``: in pixels from the first pixel's centre; ``firsts``: the first pixel that lies there
    or beyond and in the window, whole.
    """

    places: Array
    firsts: Array

    @classmethod
    def of(cls, low: Array, high: Array, window: tuple[Array, Array], count: int) -> "_Lines":
        """``count`` lines for each box from ``low`` to ``high``, the outermost ones outside it."""
        pitch = np.maximum(high - low, 1)[:, None] / max(count - 2, 1)
        places = low[:, None] - 0.5 + pitch * (np.arange(count) - 0.5)  # (N, count)
        firsts = np.clip(np.ceil(places), window[0][:, None], window[1][:, None])
        return cls(places.ravel(), firsts.ravel())


class _Cells(NamedTuple):
    """Cells between four samples: the lines above and to the left of them, (M,), and the samples at
    the upper and lower ends of their left and right sides, (2, M)."""

    row_lines: Array
    column_lines: Array
    upper: Array
    lower: Array


def row_crossings(grid: Array, whole: Array, windows: Array) -> tuple[Array, Array]:
    """Where rows enter masks and leave them: rows and columns, int64 (C,), left to right.

    A pixel is in where the value at its centre is 0 or more, so that a row is in from one column
    returned up to the next. Rows are those of all windows, counted one window after another.

    Args:
        grid: float64 (N, h + 2, w + 2), samples with a border of negative ones around them.
        whole: int64 (N, 4), the boxes that the h x w samples fill, y1, x1, y2, x2 in pixels.
        windows: int64 (N, 4), what the image has of the boxes.
    """
    offsets = offsets_of(windows[:, 2] - windows[:, 0])
    shift = offsets[:-1] - windows[:, 0]  # from the image's rows to those of all windows
    ends = whole[:, 0] + shift, whole[:, 2] + shift
    rows = _Lines.of(*ends, (offsets[:-1], offsets[1:]), grid.shape[1])
    columns = _Lines.of(whole[:, 1], whole[:, 3], (windows[:, 1], windows[:, 3]), grid.shape[2])
    cells = _mixed_cells(grid)
    cell, first, counts = _stretches(cells, rows)
    left = columns.firsts.take(cells.column_lines)
    right = columns.firsts.take(cells.column_lines + 1)
    facts = np.stack([*_hyperbolas(cells, rows, columns), left, right]).take(cell, axis=1)
    # Each row of each stretch, one stretch after another: (C,). Whole numbers in floats, since they
    # are reckoned with; written where they stand, since allocating takes as long as reckoning.
    row = np.arange(counts.sum(), dtype=np.float64)
    row += np.repeat((first - offsets_of(counts)[:-1]).astype(np.float64), counts)
    column, over_step, under, under_step, low, high = np.repeat(facts, counts, axis=1)
    over_step *= row
    column += over_step
    under_step *= row
    under += under_step
    with np.errstate(divide="ignore", invalid="ignore"):
        column /= under
    np.ceil(column, out=column)
    # A crossing stays in its cell: rounding may lead out of it, or to 0 / 0.
    np.fmin(column, high, out=column)
    np.fmax(column, low, out=column)
    # Cells side by side come from left to right. Numbers of 16 bits are sorted by their digits.
    short = np.uint16 if offsets[-1] < 2**16 else np.int64
    order = np.argsort(row.astype(short), kind="stable")
    return row.take(order).astype(np.int64), column.take(order).astype(np.int64)


def _mixed_cells(grid: Array) -> _Cells:
    """Cells with corners on both sides of zero, row by row."""
    _, height, width = grid.shape
    inside = grid >= 0
    beside = inside[:, :, 1:] != inside[:, :, :-1]  # (N, h + 2, w + 1)
    below = inside[:, 1:, 1:] != inside[:, :-1, 1:]  # (N, h + 1, w + 1)
    cells = np.flatnonzero(beside[:, 1:] | beside[:, :-1] | below)
    band, column = np.divmod(cells, width - 1)
    mask = band // (height - 1)
    row_line = band + mask
    left = row_line * width + column
    corners = grid.ravel().take(left + np.array([[0], [1], [width], [width + 1]]))  # (4, M)
    return _Cells(row_line, mask * width + column, corners[:2], corners[2:])


def _stretches(cells: _Cells, rows: _Lines) -> tuple[Array, Array, Array]:
    """Rows in which a cell's sides differ: the cell's number, the first row and how many, (S,).

    A cell has up to three such stretches: above both rows in which a side changes its sign,
    between them, and below.
    """
    line = cells.row_lines
    places, low, high = rows.places.take(line), rows.firsts.take(line), rows.firsts.take(line + 1)
    upper, lower = cells.upper >= 0, cells.lower >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = cells.upper / (cells.upper - cells.lower)
        turns = np.ceil(places + share * (rows.places.take(line + 1) - places))  # (2, M)
    turns = np.where(upper != lower, np.minimum(np.maximum(turns, low), high), high)
    first, second = np.minimum(*turns), np.maximum(*turns)
    above = upper[0] != upper[1]  # as below: there is no third stretch unless both have changed
    starts = np.stack([low, first, second], axis=1).ravel()  # (3 * M,)
    ends = np.stack([first, second, high], axis=1).ravel()
    used = np.flatnonzero((ends > starts) & np.stack([above, ~above, above], axis=1).ravel())
    starts = starts[used].astype(np.int64)
    return used // 3, starts, ends[used].astype(np.int64) - starts


def _hyperbolas(cells: _Cells, rows: _Lines, columns: _Lines) -> tuple[Array, Array, Array, Array]:
    """a, b, c, d, each (M,): row y crosses zero at the column (a + b * y) / (c + d * y)."""
    top, left = rows.places.take(cells.row_lines), columns.places.take(cells.column_lines)
    pitch = rows.places.take(cells.row_lines + 1) - top
    width = columns.places.take(cells.column_lines + 1) - left
    step = (cells.lower - cells.upper) / pitch  # (2, M): what a side's value gains in a row
    value = cells.upper - top * step  # (2, M): in row 0
    fall, fall_step = value[0] - value[1], step[0] - step[1]  # from the left side to the right one
    return left * fall + width * value[0], left * fall_step + width * step[0], fall, fall_step
