"""Python's search for garbage, held off where much is made that stays."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects that stay, such as a library's modules or a network, without looking
    through them again and again.

    Whoever has turned the search off finds it so afterwards.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
