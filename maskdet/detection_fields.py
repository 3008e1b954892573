"""Fields of detections: arrays of their own, of finite numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError

Array = NDArray[Any]
_NOT_FINITE = "some are NaN, infinite or too large"


def owned(name: str, values: Any, dtype: Any) -> Array:
    """A copy as an array of ``dtype``.

    Raises UsageError for what is no finite number, or does not fit.
    """
    try:
        array = np.asarray(values)
        if array.dtype == dtype:  # what detectors give: nothing can be lost
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(_NOT_FINITE)
            return array.copy()
        if array.dtype.kind not in "biuf":
            raise TypeError(f"not numbers but {array.dtype}")
        with np.errstate(over="ignore", invalid="ignore"):
            owned = array.astype(dtype)
        if not np.isfinite(array).all() or not np.isfinite(owned).all():
            raise ValueError(_NOT_FINITE)
        if owned.dtype.kind == "i" and not np.array_equal(owned, array):
            raise ValueError("some are not whole or too large")
        return owned
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The {name} of detections must be finite numbers ({error}); remove the bad rows."
        ) from error
