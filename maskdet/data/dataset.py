"""Dataset: which photos there are, and what is in them. Nothing is decoded until asked for."""

import copy
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from maskdet.data.class_rules import shown_names
from maskdet.data.overrides import derive, note_own
from maskdet.errors import DataError, UsageError
from maskdet.geometry.masks import boxes_from_masks, fill_boxes
from maskdet.images import image_size, png_bytes, read_image

Array = NDArray[Any]
_log = logging.getLogger("maskdet")


class Dataset:
    """Base of all data sets, with the contract of matterport's ``Dataset``.

    Subclass it, call ``add_class`` and ``add_image``, override ``load_boxes`` or ``load_mask`` (one
    is enough, the other is derived), and call ``prepare()``. Or use :meth:`load` on a folder in a
    known format. Image ids are positions 0, 1, ...; class id 0 is the background; a negative class
    id marks a crowd, which is neither object nor background.

    Attributes:
        image_info: a dict for each image: ``id``, ``source``, ``path`` and whatever was given.
        class_info: a dict for each class: ``source``, ``id``, ``name``; the first is background.
        num_classes, class_ids, class_names, num_images, image_ids, sources, source_class_ids,
        class_from_source_map, image_from_source_map: set by ``prepare()``.
        gives_photos, gives_boxes, gives_masks, gives_labels: see below.

    What a class gives stands in four attributes of the class. They follow from the methods that it
    or its bases override; a class that sets one itself is believed, until a subclass overrides the
    method again.

    * ``gives_photos``: ``load_image`` gives the picture of the photo's own file, unchanged. True
      unless ``load_image`` is overridden.
    * ``gives_boxes``: ``load_boxes`` knows the boxes; else they are drawn around the masks.
    * ``gives_masks``: ``load_mask`` knows the masks; else they are filled boxes.
    * ``gives_labels``: ``load_label`` knows the class of the whole image.
    """

    gives_photos: ClassVar[bool] = True
    gives_boxes: ClassVar[bool] = False
    gives_masks: ClassVar[bool] = False
    gives_labels: ClassVar[bool] = False
    # Those of the four that follow from methods.
    _derived: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        note_own(cls)
        derive(cls, Dataset)

    def __init__(self, class_map: Any = None) -> None:
        self.class_map = class_map
        self.image_info: list[dict[str, Any]] = []
        self.class_info: list[dict[str, Any]] = [{"source": "", "id": 0, "name": "BG"}]
        self.source_class_ids: dict[str, list[int]] = {}
        self._image_ids: Array = np.arange(0)
        self._image_of: dict[str, int] | None = None
        self._shapes: dict[int, tuple[int, int]] = {}

    # ---- filling -------------------------------------------------------------------------------
    def add_class(self, source: str, class_id: Any, class_name: str) -> None:
        """Make a class known. A (source, class_id) that is known already is ignored.

        Raises UsageError for a source with a dot, which separates source and id in maps.
        """
        if "." in source:
            raise UsageError(f"The source name {source!r} must not contain a dot; rename it.")
        known = (c for c in self.class_info if c["source"] == source and c["id"] == class_id)
        first = next(known, None)
        if first is None:
            self.class_info.append({"source": source, "id": class_id, "name": class_name})
        elif first["name"] != class_name:
            _log.warning(
                "Class %r is not added: id %r of source %r is %r already; give it another id.",
                class_name,
                class_id,
                source,
                first["name"],
            )

    def add_image(self, source: str, image_id: Any, path: Any, **kwargs: Any) -> None:
        """Add a photo: ``image_id`` is the source's own (any type); ``kwargs`` are kept with it."""
        if not isinstance(self.image_info, list):  # an index, which cannot grow
            self.image_info = list(self.image_info)
        self.image_info.append({"id": image_id, "source": source, "path": path, **kwargs})

    def prepare(self, class_map: Any = None) -> None:
        """Number classes and images; call it after the last ``add_class`` and ``add_image``."""
        # A method may have been put into the class since it was made.
        derive(type(self), Dataset)
        self.num_classes = len(self.class_info)
        self.class_ids = np.arange(self.num_classes)
        self.class_names = shown_names([str(c["name"]) for c in self.class_info])
        self.num_images = len(self.image_info)
        self._image_ids = np.arange(self.num_images)
        self._shapes = {}
        self.class_from_source_map = {
            f"{info['source']}.{info['id']}": i for i, info in enumerate(self.class_info)
        }
        self._image_of = None
        self.sources = list(dict.fromkeys(c["source"] for c in self.class_info))
        self.source_class_ids = {
            source: [i for i, c in enumerate(self.class_info) if i == 0 or c["source"] == source]
            for source in self.sources
        }

    @property
    def image_from_source_map(self) -> dict[str, int]:
        """Image id of each ``"source.id"``; worked out when first asked for."""
        if self._image_of is None:
            self._image_of = {
                f"{info['source']}.{info['id']}": i for i, info in enumerate(self.image_info)
            }
        return self._image_of

    @property
    def image_ids(self) -> Array:
        """Positions of all images, int (N,); empty before ``prepare()``."""
        return self._image_ids

    def map_source_class_id(self, source_class_id: str) -> int:
        """Class id of ``"source.id"``. Raises KeyError where there is none."""
        return self.class_from_source_map[source_class_id]

    def get_source_class_id(self, class_id: int, source: str) -> Any:
        """The source's own id of a class. Raises UsageError if it is another source's class."""
        info = self.class_info[class_id]
        if info["source"] != source:
            raise UsageError(
                f"Class {class_id} ({info['name']}) comes from source {info['source']!r}, not from "
                f"{source!r}."
            )
        return info["id"]

    def source_image_link(self, image_id: int) -> Any:
        """The photo's path or address."""
        return self.image_info[image_id]["path"]

    def image_reference(self, image_id: int) -> str:
        """A text that leads a person to the photo; empty unless overridden."""
        return ""

    def image_label(self, image_id: int) -> str:
        """How messages name an image: its path, else its source and id."""
        info = self.image_info[image_id]
        return str(info["path"]) if info.get("path") else f"{info['source']} image {info['id']}"

    # ---- pixels --------------------------------------------------------------------------------
    def load_image(self, image_id: int) -> Array:
        """The photo, uint8 H x W x 3, RGB, turned by its EXIF orientation (unlike matterport's).

        Raises DataError as :func:`maskdet.images.read_image` does.
        """
        path = self.image_info[image_id]["path"]
        if not path:
            raise DataError(
                f"There is no path for {self.image_label(image_id)}; give add_image() one, or "
                "override load_image().",
                kind="missing path",
            )
        return read_image(path)

    def encoded_image(self, image_id: int) -> tuple[bytes, str]:
        """The photo as a file: its content and its ending with the dot.

        The photo's own file as it is; one that ``load_image`` makes as PNG.
        """
        path = self.image_info[image_id]["path"]
        if path and self.gives_photos:
            return Path(path).read_bytes(), Path(path).suffix
        return png_bytes(np.asarray(self.load_image(image_id))), ".png"

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) in pixels of what ``load_image`` gives, decoding only if it must."""
        key = int(image_id)
        if key not in self._shapes:
            path = self.image_info[key]["path"]
            if not self.gives_photos or not path:
                height, width = np.asarray(self.load_image(key)).shape[:2]
                self._shapes[key] = int(height), int(width)
            else:
                self._shapes[key] = image_size(path)
        return self._shapes[key]

    # ---- objects -------------------------------------------------------------------------------
    @property
    def provides_masks(self) -> bool:
        """Whether masks are real ones, not filled boxes: by default ``gives_masks``."""
        return self.gives_masks

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool H x W x N and class ids int32 (N,).

        Overrides may return uint8 or float masks too, or a list of H x W masks. By default the
        filled boxes of ``load_boxes``; if that is not overridden either, a warning and nothing.
        """
        # An override that hands images of other sources to super() must not come back here by way
        # of the other one, hence the two conditions.
        if self.gives_boxes and not self.gives_masks:
            return self._filled_boxes(image_id)
        self._warn_of_default("load_mask")
        return np.zeros((0, 0, 0), dtype=bool), np.zeros(0, dtype=np.int32)

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4), y1, x1, y2, x2 in image pixels, and class ids int32 (N,).

        By default taken from ``load_mask``; if that is not overridden either, a warning and
        nothing.
        """
        if self.gives_masks and not self.gives_boxes:
            masks, class_ids = self._checked_masks(image_id)
            return boxes_from_masks(masks).astype(np.float32), class_ids
        self._warn_of_default("load_boxes")
        return np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int32)

    def load_instances(self, image_id: int) -> tuple[Array, Array, Array | None]:
        """Boxes float32 (N, 4), class ids int32 (N,), masks bool H x W x N, read once.

        Masks are None where ``provides_masks`` is false: no bitmap is built for boxes.

        Raises:
            DataError: if an override returns boxes, class ids and masks that do not match.
        """
        if not self.provides_masks:
            boxes, class_ids = self._checked_boxes(image_id)
            return boxes, class_ids, None
        masks, class_ids = self._checked_masks(image_id)
        if not self.gives_boxes:
            return boxes_from_masks(masks).astype(np.float32), class_ids, masks
        boxes, box_class_ids = self._checked_boxes(image_id)
        if not np.array_equal(class_ids, box_class_ids):
            raise DataError(
                f"For {self.image_label(image_id)} load_boxes gives the class ids "
                f"{box_class_ids.tolist()} and load_mask {class_ids.tolist()}; both must list the "
                "same objects in the same order.",
                kind="mismatched objects",
            )
        return boxes, class_ids, masks

    def load_outlined(self, image_id: int) -> Array | None:
        """bool (N,): which objects have a mask or an outline of their own, not just a box.

        None where it is all or none of the set, as ``provides_masks`` says; formats in which both
        kinds stand side by side know it for each object.
        """
        return None

    def load_label(self, image_id: int) -> int:
        """Class id of the whole image, in sets for classification.

        Raises:
            UsageError: if the set has no class for each image.
        """
        raise UsageError(
            f"{type(self).__name__} has objects and no class for {self.image_label(image_id)} as a "
            "whole; use load_boxes(), read a folder of photos for each class, or override "
            "load_label()."
        )

    def load_difficult(self, image_id: int) -> Array:
        """bool (N,): objects that an evaluation neither counts nor punishes; none by default.

        Taken from the image's ``difficult`` in ``image_info`` where it has one.
        """
        stated = self.image_info[image_id].get("difficult")
        if stated is not None:
            return np.array(stated, dtype=bool).reshape(-1)
        return np.zeros(len(self.load_boxes(image_id)[1]), dtype=bool)

    def _filled_boxes(self, image_id: int) -> tuple[Array, Array]:
        boxes, class_ids = self._checked_boxes(image_id)
        return fill_boxes(boxes, self.image_shape(image_id)), class_ids

    def _warn_of_default(self, method: str) -> None:
        _log.warning(
            "The default %s() of Dataset was called, which gives no objects; override load_boxes() "
            "or load_mask() in %s.",
            method,
            type(self).__name__,
        )

    def _checked_boxes(self, image_id: int) -> tuple[Array, Array]:
        """What ``load_boxes`` gives, as float32 (N, 4) and int32 (N,)."""
        raw_boxes, ids = self.load_boxes(image_id)
        boxes = np.array(raw_boxes, dtype=np.float32)
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        class_ids = np.array(ids, dtype=np.int32).reshape(-1)
        if boxes.shape != (len(class_ids), 4):
            raise DataError(
                f"load_boxes must give boxes (N, 4) and N class ids, but gives shape {boxes.shape} "
                f"and {len(class_ids)} ids for {self.image_label(image_id)}.",
                kind="mismatched objects",
            )
        return boxes, class_ids

    def _checked_masks(self, image_id: int) -> tuple[Array, Array]:
        """What ``load_mask`` gives, as bool H x W x N and int32 (N,)."""
        raw_masks, ids = self.load_mask(image_id)
        class_ids = np.array(ids, dtype=np.int32).reshape(-1)
        masks = stack_masks(raw_masks)
        if masks.size == 0 and len(class_ids) == 0:
            masks = np.zeros((*self.image_shape(image_id), 0), dtype=bool)
        if masks.ndim != 3 or masks.shape[2] != len(class_ids):
            raise DataError(
                f"load_mask must give masks (height, width, N) and N class ids, but gives shape "
                f"{masks.shape} and {len(class_ids)} ids for {self.image_label(image_id)}.",
                kind="mismatched objects",
            )
        return masks, class_ids

    # ---- the whole -----------------------------------------------------------------------------
    def subset(self, image_ids: Iterable[int]) -> Self:
        """A prepared data set of the same class with these images only, in this order.

        Class ids stay what they are, also of classes that no longer occur.

        Raises:
            UsageError: for an image id that does not exist.
        """
        count, rows = len(self.image_info), [int(i) for i in image_ids]
        for image_id in rows:
            if not 0 <= image_id < count:
                raise UsageError(
                    f"There is no image {image_id}; the data set has {count}, counted from 0."
                )
        part = copy.copy(self)
        lazily = getattr(self.image_info, "subset", None)
        part.image_info = lazily(rows) if lazily else [dict(self.image_info[i]) for i in rows]
        part.class_info = [dict(info) for info in self.class_info]
        part.prepare()
        return part

    def class_counts(self) -> dict[str, int]:
        """How many objects of each class there are (background and crowds left out).

        Raises:
            DataError: for an object of a class that was not added.
        """
        counts = np.zeros(len(self.class_info), dtype=np.int64)
        for image_id in range(len(self.image_info)):
            class_ids = np.asarray(self.load_boxes(image_id)[1], dtype=np.int64).reshape(-1)
            if class_ids.max(initial=0) >= len(counts):
                raise DataError(
                    f"An object of {self.image_label(image_id)} has class id {class_ids.max()}, "
                    f"but the class ids end at {len(counts) - 1}; call add_class() for it.",
                    kind="unknown class",
                )
            counts += np.bincount(class_ids[class_ids > 0], minlength=len(counts))
        names = shown_names([str(info["name"]) for info in self.class_info])
        return {name: int(n) for name, n in zip(names[1:], counts[1:], strict=True)}

    @staticmethod
    def load(
        path: str | os.PathLike[str], *, index: str | bool = "auto", **options: Any
    ) -> "Dataset":
        """A data set from files in any format that maskdet knows; which one is found out.

        What was read of a large folder is kept in the cache folder (``$MASKDET_HOME`` or
        ``~/.cache/maskdet``), so that it opens in seconds as long as no file in it changes.

        Args:
            path: usually a folder.
            index: keep and use such an index: True, False, or "auto" for large folders.
            options: handed to the format's ``read``, e.g. ``classes=``, ``on_error="skip"``.

        Raises:
            DataError: if nothing is there or no format fits; says what was looked for.
        """
        # Formats make data sets, so they are built on this module.
        from maskdet.data.opening import open_dataset

        return open_dataset(path, index=index, **options)


def stack_masks(masks: Any) -> Array:
    """Masks as bool (H, W, N), from such an array of any dtype, one (H, W) mask or a list of them.

    Whole numbers count where they are not 0, floats from one half up.
    """
    if isinstance(masks, list | tuple):
        planes = [np.asarray(mask) for mask in masks]
        stacked = np.stack(planes, axis=-1) if planes else np.zeros((0, 0, 0), dtype=bool)
    else:
        stacked = np.asarray(masks)
    if stacked.ndim == 2:
        stacked = stacked[:, :, None]
    if stacked.dtype.kind == "f":
        return stacked >= 0.5
    return stacked.astype(bool)
