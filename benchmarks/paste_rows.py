"""What benchmarks/paste.py measures: made masks, the ways of pasting them, and the former way."""

import statistics

import numpy as np
from common import seconds_of

from maskdet.detections import Detections
from maskdet.geometry.masks import whole_box
from maskdet.geometry.pasting import pasted_runs

SHAPE = (480, 640)
COUNT, SIDE = 20, 28
# Shares of the photo's sides that boxes have, from .. to.
SIZES = {"small": (0.05, 0.15), "medium": (0.3, 0.5), "nearly full": (0.92, 1.0)}
WARM_UP = 5


def all_rows(rounds):
    """A row for each kind of masks: milliseconds by way."""
    rng = np.random.default_rng(0)
    lobes, photo = lobed_masks(rng), rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    kinds = {name: detections_of(lobes, boxes(rng, *size)) for name, size in SIZES.items()}
    ragged = rng.random((COUNT, SIDE, SIDE), dtype=np.float32)
    kinds["ragged, nearly full"] = detections_of(ragged, boxes(rng, *SIZES["nearly full"]))
    return [
        {"masks": name, **counts_of(found), **times_of(found, photo, rounds)}
        for name, found in kinds.items()
    ]


def lobed_masks(rng):
    """Blobs that fill their boxes, with four waves around their outline and a soft edge, as
    float32 (COUNT, SIDE, SIDE) in 0..1."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    waves = rng.normal(size=(COUNT, 2, 4, 1, 1)) * 0.08
    turns = np.arange(2, 6)[:, None, None] * angle  # (4, SIDE, SIDE)
    edge = 0.85 + (waves[:, 0] * np.cos(turns) + waves[:, 1] * np.sin(turns)).sum(axis=1)
    return (1 / (1 + np.exp(12 * (radius - edge)))).astype(np.float32)


def boxes(rng, low, high):
    """(COUNT, 4) anywhere in the photo."""
    sides = rng.uniform(low, high, (COUNT, 2)) * SHAPE
    starts = rng.uniform(0, 1, (COUNT, 2)) * (SHAPE - sides)
    return np.concatenate([starts, starts + sides], axis=1)


def detections_of(minis, rows):
    scores = np.linspace(0.9, 0.5, COUNT)
    return Detections(rows, np.ones(COUNT), scores, ("BG", "object"), SHAPE, minis)


def counts_of(found):
    """What there is to do: rows and pixels of all boxes, and how often rows cross outlines."""
    runs = pasted_runs(found.small_masks, found.boxes, SHAPE)
    y1, x1, y2, x2 = runs.windows.T
    return {
        "rows": int((y2 - y1).sum()),
        "pixels": int(((y2 - y1) * (x2 - x1)).sum()),
        "crossings": 2 * len(runs.rows),
    }


def times_of(found, photo, rounds):
    """Median milliseconds of each way, which take turns."""
    minis, rows = found.small_masks, found.boxes
    ways = {
        "products": lambda: pasted_by_products(minis, rows),
        "fill": lambda: filled(rows),
        "runs": lambda: pasted_runs(minis, rows, SHAPE),
        "full size": lambda: found.masks,
        "crops": found.crops,
        "areas": lambda: found.areas,
        "rle": found.rle,
        "draw": lambda: found.draw(photo),
    }
    times = {way: [] for way in ways}
    for _ in range(rounds + WARM_UP):
        for way, call in ways.items():
            times[way].append(1e3 * seconds_of(call))
    return {way: statistics.median(own[WARM_UP:]) for way, own in times.items()}


def filled(rows):
    """Zeros, and each box filled: what writing full-size masks costs at least."""
    planes = np.zeros((COUNT, *SHAPE), dtype=bool)
    for plane, box in zip(planes, rows, strict=True):
        y1, x1, y2, x2 = whole_box(box)
        plane[y1:y2, x1:x2] = True
    return planes


def pasted_by_products(minis, rows):
    """Full-size masks bool (H, W, N), each resized into its box by two products, then cut."""
    planes = np.zeros((COUNT, *SHAPE), dtype=bool)
    for plane, mini, box in zip(planes, minis, rows, strict=True):
        y1, x1, y2, x2 = whole_box(box)
        values = weights(y2 - y1) @ mini @ weights(x2 - x1).T
        np.greater_equal(values, 0.5 - 1e-6, out=plane[y1:y2, x1:x2])
    return np.moveaxis(planes, 0, -1)


def weights(size):
    """Bilinear weights float32 (size, SIDE), from samples to pixels; 0 beyond the samples."""
    centres = (np.arange(size) + 0.5) * (SIDE / size) - 0.5
    left = np.floor(centres).astype(np.int64)
    lines, share = np.arange(size), (centres - left).astype(np.float32)
    matrix = np.zeros((size, SIDE + 2), dtype=np.float32)
    matrix[lines, left + 1] = 1 - share
    matrix[lines, left + 2] = share
    return matrix[:, 1:-1]
