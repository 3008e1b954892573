"""Which photos to label next: those that a detector is unsure of and that are unlike the others.

Pure functions of numbers; :mod:`maskdet.models.usefulness` gets them out of a network.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
#: Lowest score of a detection that counts.
FLOOR = 0.1
#: The largest distance of two features of length 1: of a photo that has nothing to be compared to.
FARTHEST = 2.0
# Squared distance below which two features are one: float32 cannot tell them apart.
_SAME = 1e-5


def uncertainty(scores: ArrayLike) -> float:
    """How unsure a detector is of a photo, from the scores (N,) of its detections.

    The sum over detections of ``1 - |2 s - 1|``, which is 1 at a score of 0.5 and 0 at 0 and 1;
    summed, as of the ways that Brust, Käding and Denzler, "Active learning for deep object
    detection" (VISAPP 2019) compare. Scores below FLOOR do not count. Every photo may hide one
    more object, of a score just below FLOOR: so much is added for each, and a photo without any
    detection has that alone.
    """
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    counted = np.append(values[values >= FLOOR], FLOOR)
    return float((1 - np.abs(2 * counted - 1)).sum())


def pooled(maps: ArrayLike, window: tuple[int, int, int, int], canvas: tuple[int, int]) -> Array:
    """A photo's feature float32 (C,): the mean of maps (h, w, C) over the photo's own part.

    Its length is 1 (0 where the maps are 0), so that brightness and contrast count little, and its
    numbers are rounded to float16, so that a feature that was kept is the one that was computed.

    Args:
        window: y1, x1, y2, x2 of the photo on the network's canvas.
        canvas: (height, width) of that.
    """
    values = np.asarray(maps, dtype=np.float32)
    cells = np.array(values.shape[:2] * 2) / np.array(canvas * 2)
    y1, x1, y2, x2 = (np.array(window) * cells).round().astype(int)
    part = values[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]  # (h, w, C)
    feature = part.mean(axis=(0, 1), dtype=np.float64)  # (C,)
    length = float(np.linalg.norm(feature))
    rounded: Array = (feature / (length or 1.0)).astype(np.float16).astype(np.float32)
    return rounded


def ranked(
    uncertainties: ArrayLike,
    features: ArrayLike,
    labelled: ArrayLike | None = None,
    each: Callable[[], object] = lambda: None,
) -> tuple[Array, Array]:
    """An order of photos, the most useful first.

    k-centre greedy (Sener and Savarese, "Active learning for convolutional neural networks: a
    core-set approach", ICLR 2018), weighted by uncertainty, as Zhdanov, "Diverse mini-batch active
    learning" (2019) weights clusters: the next photo is the one with the largest product of
    uncertainty and distance to the nearest photo that is labelled or comes before it. What is like
    a labelled photo comes last, however unsure the network is. Among equals the first stays first.

    Args:
        uncertainties: (N,), not negative.
        features: (N, C), as :func:`pooled` gives them.
        labelled: (M, C), of photos that are labelled already; None for none.
        each: called when a photo has got its place; ten thousand take a minute.

    Returns:
        Positions int64 (N,), the most useful first; and the distance of each photo float32 (N,), in
        the order of ``features``, at the time of its choice: FARTHEST for a first photo without a
        labelled one.
    """
    weights = np.asarray(uncertainties, dtype=np.float32).reshape(-1)
    order = np.zeros(len(weights), dtype=np.int64)
    unlikeness = np.zeros(len(weights), dtype=np.float32)
    if not len(weights):
        return order, unlikeness
    points = np.asarray(features, dtype=np.float32).reshape(len(weights), -1)
    lengths = (points * points).sum(axis=1)  # (N,)
    nearest = np.full(len(points), FARTHEST**2, dtype=np.float32)  # squared distances

    def come_nearer(point: Array) -> None:
        squared = lengths + point @ point - 2 * (points @ point)  # (N,)
        np.minimum(nearest, np.where(squared < _SAME, 0, squared), out=nearest)

    if labelled is not None:
        for point in np.asarray(labelled, dtype=np.float32).reshape(-1, points.shape[1]):
            come_nearer(point)
    waiting = np.ones(len(weights), dtype=bool)
    for place in range(len(weights)):
        use = np.where(waiting, weights * np.sqrt(nearest), -1)
        choice = int(np.argmax(use))
        order[place], unlikeness[choice] = choice, np.sqrt(nearest[choice])
        waiting[choice] = False
        come_nearer(points[choice])
        each()
    return order, unlikeness
