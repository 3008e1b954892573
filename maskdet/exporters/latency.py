"""How long a call takes."""

from collections.abc import Callable
from typing import Any

from maskdet.timing import medians_in_turns


def median_milliseconds(call: Callable[[], Any], rounds: int) -> float:
    """Median milliseconds of a call after three to warm up."""
    return medians_in_turns({"call": call}, rounds)["call"]
