"""How long calls take, side by side."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: Calls before the first one that counts: memory is there then, and graphs are made.
WARM_UP = 3


def medians_in_turns(
    calls: Mapping[str, Callable[[], Any]], rounds: int, warm_up: int = WARM_UP
) -> dict[str, float]:
    """Median milliseconds of each call by name.

    They take turns, so that whatever slows the machine down for a while slows all of them.

    Args:
        calls: by name, in the order of a round.
        rounds: that count, 1 or more.
        warm_up: rounds before those.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(warm_up + rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begun)
    return {name: 1e3 * float(np.median(values[warm_up:])) for name, values in times.items()}
