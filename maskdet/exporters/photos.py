"""Photos that an export measures values with, and others that it compares results on."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.scenes import make_scene
from maskdet.errors import UsageError
from maskdet.images import read_image
from maskdet.photo_results import asked_photos, no_photos
from maskdet.progress import progress_bar

Array = NDArray[Any]
#: A data set, or images uint8 (H, W, C).
Photos = Dataset | Iterable[Array]


@dataclass(frozen=True)
class ComparedPhotos:
    """What network and file are compared on.

    Attributes:
        images: uint8 (H, W, C).
        names: what a message calls each.
        made_up: whether they are drawn scenes, for want of photos.
    """

    images: list[Array]
    names: list[str]
    made_up: bool


class PhotoFiles(Sequence[Array]):
    """Photos by their paths, read when they are asked for.

    Args:
        paths: of photos.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        self._paths = list(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return PhotoFiles(self._paths[number])
        return read_image(self._paths[number])


def photos_given(source: Any) -> Photos | None:
    """What a user may name as photos: a data set, images, a folder of photos, or their paths.

    Raises:
        UsageError: for a folder without photos, and for anything else.
    """
    if isinstance(source, str | os.PathLike):
        paths = [photo.path for photo in asked_photos([source])]
        if not paths:
            raise no_photos([source], " to calibrate with")
        return PhotoFiles(paths)
    if isinstance(source, list | tuple) and source and isinstance(source[0], str | os.PathLike):
        return PhotoFiles(source)
    if isinstance(source, np.ndarray):
        if source.ndim < 4:
            raise UsageError(
                f"calibration is one image of shape {source.shape}; put some into a list."
            )
        return list(source)
    if source is None or isinstance(source, Dataset | Iterable):
        return source
    raise UsageError(
        f"calibration is a {type(source).__name__}; give a data set, images, a folder of photos, "
        "or a list of their paths."
    )


def any_photos(source: Photos | None) -> bool:
    """Whether there is a photo in a source."""
    if isinstance(source, Dataset):
        return len(source.image_ids) > 0
    return source is not None and (not isinstance(source, Sequence) or len(source) > 0)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` numbers of 0 .. count - 1, evenly spread."""
    numbers = np.linspace(0, max(count - 1, 0), min(most, count))
    return np.unique(numbers.round().astype(np.int64))


def calibration_images(source: Photos, most: int, progress: bool) -> Iterator[Array]:
    """At most ``most`` images of a data set (spread evenly over it) or of any sequence."""
    if isinstance(source, Dataset):
        ids = [source.image_ids[i] for i in spread(len(source.image_ids), most)]
        images: Iterable[Array] = (source.load_image(i) for i in ids)
        total = len(ids)
    else:
        images, total = islice(source, most), most
        if isinstance(source, Sequence):
            total = min(most, len(source))
    yield from progress_bar(images, "measuring values", total, shown=progress)


def compared_photos(
    dataset: Dataset | None, calibration: Photos | None, calibrated: int, most: int
) -> ComparedPhotos:
    """The photos of a data set; else those of ``calibration`` that values were not measured with;
    else all of those; else made-up scenes.

    A file is never judged by its calibration photos alone where there are others.

    Args:
        calibrated: how many of ``calibration`` are used for measuring.
        most: how many photos to give.
    """
    if dataset is not None and len(dataset.image_ids):
        return _of_dataset(dataset, list(range(len(dataset.image_ids))), most)
    if isinstance(calibration, Dataset) and len(calibration.image_ids):
        count = len(calibration.image_ids)
        others = sorted(set(range(count)) - set(spread(count, calibrated).tolist()))
        return _of_dataset(calibration, others or list(range(count)), most)
    if isinstance(calibration, Sequence) and len(calibration):
        numbers = list(range(calibrated, len(calibration))) or list(range(len(calibration)))
        picked = [numbers[i] for i in spread(len(numbers), most)]
        names = [f"calibration photo {i}" for i in picked]
        return ComparedPhotos([np.asarray(calibration[i]) for i in picked], names, False)
    draws = np.random.default_rng(7)
    scenes = [make_scene((480, 640), draws).image for _ in range(most)]
    return ComparedPhotos(scenes, [f"made-up scene {i}" for i in range(most)], True)


def _of_dataset(dataset: Dataset, numbers: list[int], most: int) -> ComparedPhotos:
    ids = [int(dataset.image_ids[numbers[i]]) for i in spread(len(numbers), most)]
    images = [np.asarray(dataset.load_image(i)) for i in ids]
    return ComparedPhotos(images, [dataset.image_label(i) for i in ids], False)
