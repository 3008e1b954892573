"""A data set of some classes alone, in an order of one's own."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.formats.outlines import shapes_of
from maskdet.data.outlines import Shape
from maskdet.errors import UsageError

Array = NDArray[Any]
# What image_info may hold with a value for each object.
_BY_OBJECT = ("truncated", "occluded", "pose")


def class_numbers(dataset: Dataset, names: Sequence[str]) -> list[int]:
    """Class ids of names, as they are shown or in full.

    Raises:
        UsageError: for a name that is no class of the set; names the nearest one.
    """
    numbers: dict[str, int] = {}
    for number in range(len(dataset.class_info) - 1, 0, -1):
        numbers[str(dataset.class_info[number]["name"])] = number
        numbers[dataset.class_names[number]] = number
    for name in names:
        if name not in numbers:
            near = difflib.get_close_matches(name, numbers, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            listed = ", ".join(dataset.class_names[1:])
            raise UsageError(f"There is no class {name!r}{hint}; the data set has {listed}.")
    return [numbers[name] for name in names]


def select_classes(dataset: Dataset, names: Sequence[str]) -> "SelectedClasses":
    """A prepared data set with these classes alone, numbered in this order.

    Photos stay, also those without an object then; of a set with a class for each image those of
    other classes go.

    Raises:
        UsageError: for a name that is no class of the set, or one that stands twice.
    """
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"The class {twice!r} is named twice; name each once.")
    return SelectedClasses(dataset, class_numbers(dataset, names))


class SelectedClasses(Dataset):
    """What :func:`select_classes` gives: a view, so nothing is copied but numbers.

    Args:
        dataset: prepared.
        numbers: its class ids that are kept; the first becomes 1.
    """

    def __init__(self, dataset: Dataset, numbers: Sequence[int]) -> None:
        super().__init__()
        self.whole = dataset
        for name in ("gives_photos", "gives_masks", "gives_boxes", "gives_labels"):
            setattr(self, name, getattr(dataset, name))
        self._number_of = np.zeros(len(dataset.class_info), dtype=np.int32)
        for new, old in enumerate(numbers, start=1):
            self._number_of[old] = new
            self.class_info.append(dict(dataset.class_info[old]))
        for image_id in range(len(dataset.image_info)):
            if dataset.gives_labels and not self._number_of[dataset.load_label(image_id)]:
                continue
            info = dict(dataset.image_info[image_id])
            # The source's own numbers and outlines are asked of it.
            for key in ("boxes", "class_ids", "shapes", "difficult", "label", "mask_values"):
                info.pop(key, None)
            kept = self._kept(image_id)
            for key in _BY_OBJECT:
                if info.get(key) is not None and len(info[key]) == len(kept):
                    info[key] = [
                        value for value, stays in zip(info[key], kept, strict=True) if stays
                    ]
            self.image_info.append({**info, "whole_id": image_id})
        self.prepare()

    def _kept(self, image_id: int) -> Array:
        """bool (objects of the whole set's image,)."""
        class_ids = np.asarray(self.whole.load_boxes(image_id)[1], dtype=np.int64).reshape(-1)
        return self._number_of[np.abs(class_ids)] > 0

    def _whole_id(self, image_id: int) -> int:
        return int(self.image_info[image_id]["whole_id"])

    def _numbers(self, class_ids: Array) -> Array:
        ids = np.asarray(class_ids, dtype=np.int64).reshape(-1)
        return (self._number_of[np.abs(ids)] * np.sign(ids)).astype(np.int32)

    @property
    def provides_masks(self) -> bool:
        """As the whole set says."""
        return self.whole.provides_masks

    def load_image(self, image_id: int) -> Array:
        """The photo, uint8 H x W x 3, RGB."""
        return self.whole.load_image(self._whole_id(image_id))

    def encoded_image(self, image_id: int) -> tuple[bytes, str]:
        """The photo as a file: its content and its ending with the dot."""
        return self.whole.encoded_image(self._whole_id(image_id))

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.whole.image_shape(self._whole_id(image_id))

    def image_label(self, image_id: int) -> str:
        """How messages name an image."""
        return self.whole.image_label(self._whole_id(image_id))

    def image_reference(self, image_id: int) -> str:
        """What leads a person to the photo."""
        return self.whole.image_reference(self._whole_id(image_id))

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4) and class ids int32 (N,) of the kept classes."""
        whole_id = self._whole_id(image_id)
        boxes, class_ids = self.whole.load_boxes(whole_id)
        kept = self._kept(whole_id)
        rows = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
        return rows[kept], self._numbers(class_ids)[kept]

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool H x W x N and class ids int32 (N,) of the kept classes."""
        whole_id = self._whole_id(image_id)
        masks, class_ids = self.whole._checked_masks(whole_id)
        kept = self._kept(whole_id)
        return masks[..., kept], self._numbers(class_ids)[kept]

    def load_shapes(self, image_id: int) -> list[Shape | None]:
        """The outline of each object, None for a box alone."""
        whole_id = self._whole_id(image_id)
        kept = self._kept(whole_id)
        shapes = shapes_of(self.whole, whole_id)
        return [shape for shape, stays in zip(shapes, kept, strict=True) if stays]

    def load_outlined(self, image_id: int) -> Array | None:
        """bool (N,): which objects of the kept classes have a mask or an outline of their own; None
        where the whole set says so."""
        whole_id = self._whole_id(image_id)
        outlined = self.whole.load_outlined(whole_id)
        return None if outlined is None else np.asarray(outlined)[self._kept(whole_id)]

    def load_label(self, image_id: int) -> int:
        """Class id of the whole image."""
        return int(self._number_of[self.whole.load_label(self._whole_id(image_id))])

    def load_difficult(self, image_id: int) -> Array:
        """bool (N,): objects that an evaluation neither counts nor punishes."""
        whole_id = self._whole_id(image_id)
        return np.asarray(self.whole.load_difficult(whole_id), dtype=bool)[self._kept(whole_id)]
