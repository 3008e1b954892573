"""How far scores can be believed: of images scored 0.8, eight in ten should be right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Bins of the published definition.
BINS = 15


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of the likeliest classes beside how often they were right, in bins of equal width.

    Attributes:
        error: the expected calibration error, 0..1: the mean over images of the distance between
            their bin's mean score and accuracy (Guo et al. 2017, "On Calibration of Modern Neural
            Networks", eq. 3).
        counts: int (bins,), images.
        scores: float (bins,), mean score; NaN in an empty bin.
        accuracies: float (bins,), share that was right; NaN in an empty bin.
    """

    error: float
    counts: Array
    scores: Array
    accuracies: Array


def calibration_of(scores: Array, right: Array, bins: int = BINS) -> Calibration:
    """The calibration of some images' results, one at least.

    Args:
        scores: (N,), 0..1, of the likeliest class.
        right: bool (N,), whether it was the true one.
        bins: of equal width, each open at its lower end.
    """
    numbers = np.clip(np.ceil(np.asarray(scores, np.float64) * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(numbers, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = np.bincount(numbers, scores, bins) / counts
        accuracies = np.bincount(numbers, right, bins) / counts
    distances = np.abs(np.nan_to_num(means - accuracies))
    return Calibration(float((counts * distances).sum() / counts.sum()), counts, means, accuracies)
