"""Random draws decided by a seed, without touching those of the rest of the process."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's and numpy's generators start from ``seed`` inside, and go on as before afterwards.

    Keras draws the seeds of new weights from Python's.
    """
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
