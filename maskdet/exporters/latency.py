"""How long a call takes."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def median_milliseconds(call: Callable[[], Any], rounds: int) -> float:
    """Median milliseconds of a call after three to warm up."""
    times = []
    for _ in range(rounds + 3):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(times[3:]))
