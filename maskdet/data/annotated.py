"""Annotations of any file format as one data set: what formats hand over, what becomes of it.

A format parses its files into :class:`Picture` and :class:`Item`; :func:`build_dataset` checks
them, numbers the classes and gives an :class:`AnnotatedDataset`. Boxes and corners are in pixels of
the photo as it is shown (EXIF turned) unless a picture says otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.box_rules import Box
from maskdet.data.class_rules import source_class_ids
from maskdet.data.dataset import Dataset
from maskdet.data.outlines import Shape
from maskdet.data.picture_checks import PictureChecker
from maskdet.data.picture_keys import each_id_once, each_photo_once
from maskdet.data.pictures import Item, Picture, embedded_bytes
from maskdet.errors import DataError, UsageError
from maskdet.geometry.masks import fill_boxes
from maskdet.images import image_size, read_bytes
from maskdet.progress import progress_bar

__all__ = [
    "AnnotatedDataset",
    "Box",
    "Item",
    "Picture",
    "Shape",
    "build_dataset",
]

Array = NDArray[Any]
# Images of which reading takes so long that a bar is shown.
MANY = 2000


class AnnotatedDataset(Dataset):
    """What :func:`build_dataset` gives. ``image_info`` holds for each image, beside the usual:

    ``boxes`` float32 (N, 4), ``class_ids`` int32 (N,; negative for crowds), ``shapes`` list of
    :class:`Shape` or None, ``places`` list of str, ``difficult``, ``truncated``, ``occluded`` bool
    (N,), ``stated_size`` ((height, width) or None), ``annotation`` (str).
    """

    gives_photos = True  # load_image reads them as they are, from wherever they lie
    masks_given = False

    @property
    def provides_masks(self) -> bool:
        """Whether any object has an outline; those without one then have their filled box."""
        return self.masks_given

    def image_reference(self, image_id: int) -> str:
        """The photo's path."""
        return str(self.image_info[image_id]["path"])

    def encoded_image(self, image_id: int) -> tuple[bytes, str]:
        """The photo's file content and ending; also where it lies inside a larger file."""
        info = self.image_info[image_id]
        if info["embedded"] is None:
            return super().encoded_image(image_id)
        return embedded_bytes(info["embedded"]), Path(info["path"]).suffix or ".jpg"

    def load_image(self, image_id: int) -> Array:
        """The photo, uint8 H x W x 3, RGB, turned by its EXIF orientation."""
        info = self.image_info[image_id]
        if info["embedded"] is None:
            return super().load_image(image_id)
        name = f"{info['path']} in {info['embedded'][0]}"
        return read_bytes(embedded_bytes(info["embedded"]), name)

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) in pixels, from the photo's header."""
        key = int(image_id)
        if key not in self._shapes:
            info = self.image_info[key]
            if info["embedded"] is None:
                self._shapes[key] = image_size(info["path"])
            else:
                height, width = self.load_image(key).shape[:2]
                self._shapes[key] = height, width
        return self._shapes[key]

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4) and class ids int32 (N,)."""
        info = self.image_info[image_id]
        return info["boxes"].copy(), info["class_ids"].copy()

    def load_shapes(self, image_id: int) -> list[Shape | None]:
        """Outlines as the files have them, one for each object; None for a box alone."""
        return list(self.image_info[image_id]["shapes"])

    def load_outlined(self, image_id: int) -> Array | None:
        """bool (N,): which objects have an outline, not just a box; None where a script makes the
        masks."""
        if type(self).load_mask is not AnnotatedDataset.load_mask:
            return super().load_outlined(image_id)
        return np.array([shape is not None for shape in self.load_shapes(image_id)], dtype=bool)

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool H x W x N and class ids int32 (N,).

        Raises:
            DataError: if a mask picture or run lengths cannot be read.
        """
        info = self.image_info[image_id]
        shape = self.image_shape(image_id)
        masks = np.zeros((len(info["boxes"]), *shape), dtype=bool)
        for i, outline in enumerate(info["shapes"]):
            if outline is None:
                masks[i] = fill_boxes(info["boxes"][i][None], shape)[..., 0]
            else:
                masks[i] = outline.mask(shape, info["places"][i])
        return np.moveaxis(masks, 0, -1), info["class_ids"].copy()


def build_dataset(
    pictures: Iterable[Picture],
    source: str,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    class_ids: Mapping[str, Any] | None = None,
    one_file_each: bool = False,
) -> AnnotatedDataset:
    """A prepared data set of parsed annotations.

    Args:
        pictures: from a format's parser.
        source: name of the data set's source, such as "coco".
        classes: names in the order of their ids (from 1); None: all that occur, sorted.
        on_error: "raise", or "skip" to leave out bad objects and missing photos, each with a
            warning.
        class_ids: the source's own id of each class, where it has one; decides the order too if
            ``classes`` is None. Of classes with one id the first keeps it.
        one_file_each: the format has a file for each photo, so a photo that two describe is a
            mistake; else the objects of all that describe a photo are put together.

    Raises:
        DataError: for a missing photo, a box without area or outside its image, an unknown class,
            two files for one photo; or if no image is left.
        UsageError: for another ``on_error``.
    """
    if on_error not in ("raise", "skip"):
        raise UsageError(f"on_error must be 'raise' or 'skip', but is {on_error!r}.")
    checker = PictureChecker(classes, on_error == "skip")
    listed = list(pictures)
    bar = progress_bar(listed, f"reading {source}", shown=len(listed) >= MANY)
    entries = [entry for entry in map(checker.entry, bar) if entry is not None]
    if not entries:
        raise DataError(
            f"No image of this {source} data set can be used"
            + (f": {checker.first_error}" if checker.first_error else "; it describes none."),
            kind="no images",
        )
    checker.report()
    entries = each_photo_once(entries, one_file_each, checker.skip)
    each_id_once(entries)
    stated = class_ids or {}
    names = list(dict.fromkeys(stated if classes is None else classes))
    if classes is None:
        used = {name for entry in entries for name in entry["names"]}
        names += sorted(used - set(names))
    dataset = AnnotatedDataset()
    for name, number in source_class_ids(names, stated).items():
        dataset.class_info.append({"source": source, "id": number, "name": name})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    for entry in entries:
        signs = np.where(entry.pop("crowd"), -1, 1)
        ids = np.array([numbers[name] for name in entry.pop("names")], dtype=np.int32)
        image_id, path = entry.pop("id"), entry.pop("path")
        origin = entry.pop("source") or source
        ids = (ids * signs).astype(np.int32)
        dataset.add_image(origin, image_id, path, class_ids=ids, **entry)
    dataset.masks_given = any(
        shape is not None for info in dataset.image_info for shape in info["shapes"]
    )
    dataset.prepare()
    return dataset
