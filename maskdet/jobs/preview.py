"""A data set to look at: sheets of its photos with what their annotations say drawn in."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskdet.data.augment import Augmentation
from maskdet.data.augment.sample import Sample
from maskdet.data.dataset import Dataset
from maskdet.errors import DataError, UsageError
from maskdet.images import scaled, write_image
from maskdet.progress import progress_bar
from maskdet.visualize.draw import draw_instances, palette
from maskdet.visualize.legend import with_legend
from maskdet.visualize.sheet import contact_sheet

Array = NDArray[np.uint8]
#: Pictures side by side on a sheet: of augmented photos the photo itself and its variants.
COLUMNS = 4
# The longer side of a picture, in pixels: 24 of them make a file of about a megabyte.
_SIDE = 420
_QUALITY = 85
_LINE = 2
# Up to so many classes colours tell them apart, and names would only hide what they stand on.
_COLOURS_SUFFICE = 8
# Crowds, and what augmentation has left too little of.
_UNCOUNTED, _GREY = "does not count", (150, 150, 150)
# Photos of which drawing takes so long that a bar is shown.
_MANY = 48


@dataclass
class Preview:
    """What has been drawn.

    Attributes:
        pictures: the sheets.
        photos: images on them; variants of one count once.
        by_class: objects on them by class (of a set with a class for each image, images), the most
            frequent first; variants and crowds left out.
        failures: a sentence for each photo that could not be read.
    """

    pictures: list[Path] = field(default_factory=list)
    photos: int = 0
    by_class: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Tile:
    sample: Sample
    title: str


def photos_to_show(
    dataset: Dataset, seed: int | None = 0, class_id: int | None = None
) -> list[int]:
    """Image ids in the order in which they are shown.

    Args:
        seed: draws the order; None: as they are in the set.
        class_id: images with this class alone.

    Raises:
        UsageError: if there are none.
    """
    ids = [i for i in range(len(dataset.image_info)) if _has(dataset, i, class_id)]
    if not ids:
        what = "photo" if class_id is None else f"photo with {dataset.class_names[class_id]!r}"
        raise UsageError(f"There is nothing to draw, since the data set has no {what}.")
    return ids if seed is None else np.random.default_rng(seed).permutation(ids).tolist()


def sheet_paths(path: str | os.PathLike[str], sheets: int) -> list[Path]:
    """Paths of so many sheets: the path itself for one, else with numbers before the ending."""
    first = Path(path)
    if sheets == 1:
        return [first]
    digits = len(str(sheets))
    return [first.with_stem(f"{first.stem}_{n:0{digits}}") for n in range(1, sheets + 1)]


def preview(
    dataset: Dataset,
    image_ids: Sequence[int],
    paths: Sequence[Path],
    photos: int = 24,
    class_id: int | None = None,
    augmentation: Augmentation | None = None,
    seed: int = 0,
) -> Preview:
    """Draw photos with their boxes and masks, a colour for each class, sheet after sheet.

    A photo that cannot be read is left out, and the next one takes its place.

    Args:
        dataset: prepared.
        image_ids: what is drawn, as far as the sheets have room for it.
        paths: of the sheets (.jpg or .png).
        photos: of a sheet.
        class_id: draw the objects of this class alone.
        augmentation: each photo is followed by variants of it that a training might see.
        seed: draws the variants.

    Raises:
        DataError: if not one of the photos could be read.
    """
    drawn, objects = Preview(), Counter[int]()
    waiting = iter(image_ids)
    room = min(len(image_ids), photos * len(paths))
    bar = progress_bar(total=room, label="drawing", shown=room > _MANY)
    for path in paths:
        tiles: list[_Tile] = []
        shown = 0
        while shown < photos and (image_id := next(waiting, None)) is not None:
            try:
                sample = _sample(dataset, image_id, class_id)
            except DataError as error:
                drawn.failures.append(str(error))
                continue
            tiles.append(_Tile(sample, _title(dataset, image_id)))
            if augmentation is not None:
                draws = np.random.default_rng((seed, image_id))
                tiles += _variants(sample, augmentation, draws)
            objects.update(int(k) for k in sample.class_ids if k > 0)
            shown += 1
            bar.update()
        if tiles:
            _write_sheet(path, tiles, dataset)
            drawn.pictures.append(path)
            drawn.photos += shown
    bar.close()
    if not drawn.pictures:
        raise DataError(
            f"None of the photos can be read, the first one since: {drawn.failures[0]}",
            kind="unreadable photo",
        )
    drawn.by_class = {dataset.class_names[k]: count for k, count in objects.most_common()}
    return drawn


def _has(dataset: Dataset, image_id: int, class_id: int | None) -> bool:
    if class_id is None:
        return True
    if dataset.gives_labels:
        return dataset.load_label(image_id) == class_id
    return bool((np.abs(np.asarray(dataset.load_boxes(image_id)[1])) == class_id).any())


def _title(dataset: Dataset, image_id: int) -> str:
    info = dataset.image_info[image_id]
    return Path(str(info["path"])).name if info.get("path") else str(info["id"])


def _sample(dataset: Dataset, image_id: int, class_id: int | None) -> Sample:
    """A photo with its objects, scaled to a sheet's size; a class is an object as large as it."""
    image = np.asarray(dataset.load_image(image_id))
    height, width = image.shape[:2]
    if dataset.gives_labels:
        boxes = np.array([[0, 0, height, width]], dtype=np.float32)
        class_ids, masks = np.array([dataset.load_label(image_id)], dtype=np.int32), None
    else:
        boxes, class_ids, masks = dataset.load_instances(image_id)
    factor = _SIDE / max(height, width)
    shape = (max(1, round(height * factor)), max(1, round(width * factor)))
    planes = None
    if masks is not None:
        grey = scaled(masks.astype(np.uint8) * 255, shape) if masks.shape[2] else masks
        planes = np.moveaxis(grey >= 128, 2, 0) if masks.shape[2] else np.zeros((0, *shape), bool)
    sample = Sample(scaled(image, shape), (boxes * factor).astype(np.float32), class_ids, planes)
    return sample if class_id is None else sample.subset(np.abs(class_ids) == class_id)


def _variants(
    sample: Sample, augmentation: Augmentation, draws: np.random.Generator
) -> list[_Tile]:
    canvas = (_SIDE, _SIDE)
    return [
        _Tile(augmentation.apply(sample, canvas, draws, lambda: sample), f"variant {number}")
        for number in range(1, COLUMNS)
    ]


def _write_sheet(path: Path, tiles: Sequence[_Tile], dataset: Dataset) -> None:
    colours = [_GREY, *palette(dataset.num_classes - 1)]
    names = dataset.class_names
    named = dataset.gives_labels or len(names) - 1 > _COLOURS_SUFFICE
    pictures = []
    for tile in tiles:
        sample = tile.sample
        masks = None if sample.masks is None else np.moveaxis(sample.masks, 0, 2)
        pictures.append(
            draw_instances(
                sample.image,
                sample.boxes,
                np.abs(sample.class_ids) if named else None,
                names,
                masks=masks,
                colors=[colours[max(0, int(k))] for k in sample.class_ids],
                width=_LINE,
            )
        )
    ids = {max(0, int(k)) for tile in tiles for k in tile.sample.class_ids}
    entries = [
        (names[k] if k else _UNCOUNTED, colours[k]) for k in sorted(ids, key=lambda k: k or 1e9)
    ]
    sheet = contact_sheet(pictures, [tile.title for tile in tiles], COLUMNS, _SIDE, snug=True)
    write_image(path, with_legend(sheet, entries), _QUALITY)
