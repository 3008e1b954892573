"""What a training asks of a data set."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.errors import ConfigError, DataError, UsageError

#: Images from which on objects are not counted one by one, from boxes and from bitmaps.
_MANY, _MANY_BITMAPS = 5000, 200


def check_classes(dataset: Dataset, num_classes: int) -> None:
    """Raises ConfigError or UsageError where a data set is not prepared, empty, or has another
    number of classes than ``num_classes`` (with the background)."""
    names = list(getattr(dataset, "class_names", []))
    if not names:
        raise UsageError("The data set is not prepared; call its prepare() first.")
    if len(names) != num_classes:
        raise ConfigError(
            f"NUM_CLASSES is {num_classes}, but the data set has {len(names)} classes with "
            f"the background ({', '.join(names)}); set NUM_CLASSES = {len(names)}."
        )
    if not len(dataset.image_ids):
        raise UsageError("The data set has no images; look at the path it was read from.")


def check_names(dataset: Dataset, known: Sequence[str], what: str, in_order: bool = True) -> None:
    """Raises ConfigError where a data set's classes are not those that weights were trained for.

    Args:
        known: names by class id, the background first; empty where nobody knows them.
        what: what cannot be done with the set, such as "trained on".
        in_order: whether the classes must have the same numbers too.
    """
    own, names = [str(name) for name in dataset.class_names[1:]], list(known[1:])
    if not names or own == names:
        return
    if sorted(own) == sorted(names):
        if not in_order:
            return
        raise ConfigError(
            f"The data set numbers its classes {', '.join(own)}, but the weights were trained for "
            f"{', '.join(names)}, in that order; load the set with classes={names}."
        )
    advice = "leave the layers that know the classes out of the weights (exclude=[...]), or "
    raise ConfigError(
        f"The data set has the classes {', '.join(own)}, but the weights were trained for "
        f"{', '.join(names)}, so they cannot be {what} it{_near_miss(own, names)}; "
        f"{advice if in_order else ''}name the classes alike."
    )


def _near_miss(own: Sequence[str], names: Sequence[str]) -> str:
    """A class that is spelt in two ways, in brackets; "" where there is none."""
    for name in (name for name in own if name not in names):
        others = [other for other in names if other not in own]
        alike = {other.casefold(): other for other in others}
        near = difflib.get_close_matches(name.casefold(), alike, n=1)
        if near:
            return f" (is {name!r} what the weights call {alike[near[0]]!r}?)"
    return ""


def check_sources(dataset: Dataset) -> None:
    """Raises ConfigError for images of a source that has no class."""
    for info in dataset.image_info:
        if info["source"] not in dataset.source_class_ids:
            known = ", ".join(repr(name) for name in dataset.source_class_ids if name)
            raise ConfigError(
                f"Image {info['id']!r} is of source {info['source']!r}, which has no class "
                f"(add_class() named {known or 'none'}); give images and classes one source."
            )


def fitting_objects(
    class_ids: NDArray[Any],
    masks: NDArray[Any] | None,
    image_shape: tuple[int, ...],
    classes: int,
    label: str,
) -> None:
    """Raises DataError for an image's objects that cannot be of it.

    Args:
        class_ids: (N,), negative for crowds; masks: bool (H, W, N) or None.
        image_shape: (height, width, ...) of the image's pixels.
        classes: number of classes with the background.
        label: what a message calls the image.
    """
    wrong = class_ids[(np.abs(class_ids) >= classes) | (class_ids == 0)]
    if len(wrong):
        raise DataError(
            f"An object of {label} has class id {int(wrong[0])}, but the class ids are 1 .. "
            f"{classes - 1}; give the data set's own numbers, not the source's.",
            kind="unknown class",
        )
    if masks is not None and masks.shape[2] and masks.shape[:2] != tuple(image_shape[:2]):
        raise DataError(
            f"The masks of {label} are {masks.shape[0]} x {masks.shape[1]} pixels (height, width), "
            f"but the image is {image_shape[0]} x {image_shape[1]}; resize both alike.",
            kind="mask of another size",
        )


def largest_count(dataset: Dataset, limit: int, on_error: str = "raise") -> int:
    """Objects of the image with most of them, 1 to ``limit``; large sets are not counted.

    Targets are worked out for every padded object too, so padding beyond what a set needs is paid
    for at each step.

    Args:
        on_error: "raise" names an image whose objects cannot be read; "skip" leaves it to the
            loader, which warns of it.

    Raises:
        DataError: naming the image.
    """
    images = len(dataset.image_ids)
    from_bitmaps = dataset.provides_masks and not dataset.gives_boxes
    if images > (_MANY_BITMAPS if from_bitmaps else _MANY):
        return limit
    read = dataset.load_mask if from_bitmaps else dataset.load_boxes
    largest = 1
    for image_id in dataset.image_ids:
        try:
            largest = max(largest, len(read(int(image_id))[1]))
        except Exception as error:  # a user's load_mask may raise anything
            if on_error != "skip":
                label = dataset.image_label(int(image_id))
                text = f"The objects of {label} cannot be read: {type(error).__name__}: {error}"
                raise DataError(text, kind="unreadable mask") from error
    return min(limit, largest)
