"""Parts that a data set comes with: photos to train on and photos to test on."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.errors import MaskdetError, MaskdetWarning

_TRAIN = "train"
#: What the other part is called, the usual names first.
_TEST = ("val", "valid", "validation", "test")


def given_parts(path: str | os.PathLike[str]) -> tuple[tuple[str, str] | None, bool]:
    """Names of the parts to train on and to test on, and whether they are folders of their own.

    A part is a folder below ``path`` that is a data set by itself, or else what the format's
    ``split`` chooses.

    Returns:
        (None, False) where the set is one whole.
    """

    def in_folder(part: str) -> Dataset:
        return Dataset.load(Path(path) / part, on_error="skip")

    def in_split(part: str) -> Dataset:
        return Dataset.load(path, split=part, on_error="skip")

    for load, are_folders in ((in_folder, True), (in_split, False)):
        if _opens(load, _TRAIN):
            test = next((part for part in _TEST if _opens(load, part)), None)
            if test is not None:
                return (_TRAIN, test), are_folders
    return None, False


def _opens(load: Callable[[str], Dataset], part: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        try:
            dataset: Any = load(part)
        except (MaskdetError, TypeError):  # formats without parts know no split
            return False
    return len(dataset.image_info) > 0
