"""Detections: what a detector found in one image; the one result type of the whole library."""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detection_fields import owned
from maskdet.detection_files import coco_entries, damaged, packed, unpacked, voc_text
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.geometry.masks import fill_boxes
from maskdet.geometry.pasting import paste_mask, pasted_runs
from maskdet.geometry.polygons import polygons_from_mask
from maskdet.geometry.rle import encode_runs
from maskdet.geometry.runs import MaskCrop, MaskRuns

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects found in one image, best first where a detector made them.

    All fields are checked and copied when made, stay aligned under every selection, and cannot be
    written to. Two Detections are equal when their contents are.

    Attributes:
        boxes: float32 (N, 4) as y1, x1, y2, x2, in pixels of the image; y2, x2 lie outside.
        class_ids: int32 (N,), positions in ``class_names``; 0 is the background.
        scores: float32 (N,), 0..1.
        class_names: the name of every class id, "BG" first.
        image_shape: (height, width) of the image in pixels.
        small_masks: float32 (N, mh, mw) in 0..1, each filling its box, or None without masks.

    Raises UsageError for fields that do not fit each other and for numbers that are not finite.
    """

    boxes: Array
    class_ids: Array
    scores: Array
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]
    small_masks: Array | None = None

    def __post_init__(self) -> None:
        boxes = owned("boxes", self.boxes, np.float32)
        if boxes.size == 0:
            boxes = boxes.reshape(0, 4)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise UsageError(
                f"Detections need boxes of shape (N, 4) as y1, x1, y2, x2, but got {boxes.shape}; "
                "give a single box as [box]."
            )
        ids = owned("class_ids", self.class_ids, np.int32)
        scores = owned("scores", self.scores, np.float32)
        names = tuple(str(name) for name in self.class_names)
        shape = tuple(int(side) for side in self.image_shape)
        if len(shape) not in (2, 3) or min(shape) < 0:
            raise UsageError(
                f"Detections need the image's (height, width) in pixels, but got {shape}; "
                "give image.shape."
            )
        small = self.small_masks
        if small is not None:
            small = owned("small_masks", small, np.float32)
            if small.ndim != 3:
                raise UsageError(
                    "Detections need small_masks of shape (N, height, width), but got "
                    f"{small.shape}; stack one small mask a box."
                )
        counts = [len(boxes), *(ids.shape or (0,)), *(scores.shape or (0,))]
        counts += [] if small is None else [len(small)]
        if ids.ndim != 1 or scores.ndim != 1 or len(set(counts)) != 1:
            raise UsageError(
                f"Detections need one class id, score and mask a box, but boxes have shape "
                f"{boxes.shape}, class_ids {ids.shape}, scores {scores.shape}, small_masks "
                f"{None if small is None else small.shape}; select the same rows of each."
            )
        if len(ids) and not 0 <= ids.min() <= ids.max() < len(names):
            raise UsageError(
                f"Class ids must lie in 0 .. {len(names) - 1}, as there are {len(names)} class "
                f"names, but go from {ids.min()} to {ids.max()}; give the names the detector was "
                "trained with."
            )
        fields = {
            "boxes": boxes,
            "class_ids": ids,
            "scores": scores,
            "class_names": names,
            "image_shape": shape[:2],
            "small_masks": small,
        }
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def empty(
        cls, class_names: Sequence[str], image_shape: Sequence[int], has_masks: bool = False
    ) -> "Detections":
        """An image in which nothing was found, with or without the mask field."""
        return cls(
            boxes=np.zeros((0, 4)),
            class_ids=np.zeros(0),
            scores=np.zeros(0),
            class_names=tuple(class_names),
            image_shape=(int(image_shape[0]), int(image_shape[1])),
            small_masks=np.zeros((0, 28, 28)) if has_masks else None,
        )

    # --- Content ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.boxes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        if (self.class_names, self.image_shape, self.has_masks) != (
            other.class_names,
            other.image_shape,
            other.has_masks,
        ):
            return False
        pairs = [
            (self.boxes, other.boxes),
            (self.class_ids, other.class_ids),
            (self.scores, other.scores),
        ]
        if self.small_masks is not None and other.small_masks is not None:
            pairs.append((self.small_masks, other.small_masks))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    # Equal by content that is held in arrays: no place in a set.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        objects = ", ".join(
            f"{name} {score:.2f}" for name, score in zip(self.names[:5], self.scores, strict=False)
        )
        more = ", ..." if len(self) > 5 else ""
        kind = "boxes and masks" if self.has_masks else "boxes"
        height, width = self.image_shape
        return f"Detections({len(self)} {kind} in {height} x {width} pixels: {objects}{more})"

    def summary(self) -> str:
        """What there is in a few words: "2 cat, 1 dog"."""
        counts = Counter(self.names)
        return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "nothing"

    def listing(self) -> str:
        """Every object with its score: "cat 0.93, dog 0.55"."""
        objects = zip(self.names, self.scores, strict=True)
        return ", ".join(f"{name} {score:.2f}" for name, score in objects) or "nothing"

    @property
    def has_masks(self) -> bool:
        """Whether the detector gave masks; otherwise :attr:`masks` are the filled boxes."""
        return self.small_masks is not None

    @property
    def names(self) -> list[str]:
        """The class name of every detection."""
        return [self.class_names[class_id] for class_id in self.class_ids]

    def mask(self, index: int) -> Array:
        """One detection's mask at full size: bool (H, W)."""
        if self.small_masks is None:
            return fill_boxes(self.boxes[index][None], self.image_shape)[:, :, 0]
        return paste_mask(self.small_masks[index], self.boxes[index], self.image_shape)

    @property
    def masks(self) -> Array:
        """All masks at full size: bool (H, W, N), (H, W, 0) without detections.

        Small masks are put into their boxes and are true at one half and above; parts of a box
        outside the image are dropped. Built anew at each access, as they can be large: keep them
        in a variable, or use :meth:`mask` for one at a time. :meth:`crops`, :attr:`areas`,
        :meth:`rle` and :meth:`polygons` do without them.
        """
        if self.small_masks is None:
            return fill_boxes(self.boxes, self.image_shape)
        return np.moveaxis(self._runs().planes(), 0, -1)

    def crops(self) -> list[MaskCrop]:
        """Every mask cut out by its box: (y, x, bool (h, w)), where in the image the part begins.

        Boxes are in whole pixels and cut to the image; outside of them a mask is false.
        """
        return self._runs().crops()

    @property
    def areas(self) -> Array:
        """How many pixels each mask has, or each box without masks: int64 (N,)."""
        return self._runs().areas()

    def _runs(self, by_columns: bool = False) -> MaskRuns:
        """The masks' runs, along rows or along columns, of boxes that are full without masks."""
        small = np.ones((len(self), 1, 1)) if self.small_masks is None else self.small_masks
        if by_columns:
            boxes = self.boxes[:, [1, 0, 3, 2]]
            return pasted_runs(small.swapaxes(1, 2), boxes, self.image_shape[::-1])
        return pasted_runs(small, self.boxes, self.image_shape)

    # --- Selection -------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> "Detections":
        """The chosen detections, by an integer, a slice, integers or N booleans."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"detection {index} of {len(self)}")
            index = [int(index)]
        if not isinstance(index, slice):
            rows_and_more = isinstance(index, tuple)  # numpy's found[0, 1]: fields have one axis
            index = np.asarray(index)
            if index.size == 0 and index.dtype.kind != "b":
                index = index.astype(np.int64)
            if rows_and_more or index.ndim != 1 or index.dtype.kind not in "biu":
                raise UsageError(
                    "Detections are chosen by an integer, a slice, a list of integers or of "
                    f"booleans, but got {index.dtype} of shape {index.shape}; choose rows only."
                )
            if index.dtype.kind == "b" and len(index) != len(self):
                raise UsageError(
                    f"Choosing by booleans needs one for each of {len(self)} detections, but got "
                    f"{len(index)}; compare the detections' own scores or class_ids."
                )
        small = self.small_masks
        return replace(
            self,
            boxes=self.boxes[index],
            class_ids=self.class_ids[index],
            scores=self.scores[index],
            small_masks=None if small is None else small[index],
        )

    def __iter__(self) -> Iterator["Detections"]:
        """One Detections of length 1 for each object."""
        return (self[index] for index in range(len(self)))

    def filter(
        self, min_score: float | None = None, classes: Iterable[str | int] | str | int | None = None
    ) -> "Detections":
        """Those with a score of ``min_score`` or more, of the given classes (names or ids).

        Raises UsageError for a class that is not known.
        """
        keep = np.ones(len(self), dtype=bool)
        if min_score is not None:
            keep &= self.scores >= min_score
        if classes is not None:
            wanted = [classes] if isinstance(classes, str | int | np.integer) else list(classes)
            keep &= np.isin(self.class_ids, [self._class_id(item) for item in wanted])
        return self[keep]

    def _class_id(self, item: str | int) -> int:
        if isinstance(item, str):
            if item in self.class_names:
                return self.class_names.index(item)
            near = difflib.get_close_matches(item, self.class_names, n=1)
            hint = f" (nearest: {near[0]!r})" if near else ""
            raise UsageError(
                f"There is no class {item!r}{hint}; use one of {', '.join(self.class_names)}."
            )
        if not 0 <= int(item) < len(self.class_names):
            raise UsageError(
                f"There is no class id {item}; use 0 .. {len(self.class_names) - 1} for "
                f"{', '.join(self.class_names)}."
            )
        return int(item)

    # --- Other forms -----------------------------------------------------------------------------

    def rle(self) -> list[dict[str, list[int]]]:
        """Every mask as COCO's uncompressed run lengths: size, counts (column by column)."""
        runs = self._runs(by_columns=True).positions()
        return [encode_runs(starts, ends, self.image_shape) for starts, ends in runs]

    def polygons(self) -> list[list[Array]]:
        """Every mask as polygons of (y, x) corners; none for a mask without pixels."""
        return [
            [corners + (crop.y, crop.x) for corners in polygons_from_mask(crop.mask)]
            for crop in self.crops()
        ]

    def to_coco(
        self, image_id: int, category_ids: Mapping[int, int] | None = None
    ) -> list[dict[str, Any]]:
        """COCO result entries: image_id, category_id, bbox (x, y, width, height), score.

        With masks also ``segmentation`` as uncompressed run lengths. ``category_ids`` maps class
        ids to the data set's own; without it they are kept. Plain numbers, ready for JSON.
        """
        ids = self.class_ids.tolist()
        categories = ids if category_ids is None else [category_ids[class_id] for class_id in ids]
        runs = self.rle() if self.has_masks else None
        return coco_entries(image_id, self.boxes, categories, self.scores, runs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: each object's name, score and box (y1, x1, y2, x2 in pixels)."""
        rows = zip(self.names, self.scores.tolist(), self.boxes.tolist(), strict=True)
        objects = [{"name": name, "score": score, "box": box} for name, score, box in rows]
        return {"image_shape": list(self.image_shape), "objects": objects}

    def to_voc_xml(self, path: str | os.PathLike[str] | None = None, filename: str = "") -> str:
        """The boxes as a VOC annotation, as LabelImg writes it; also into ``path`` if given.

        Corners are those that LabelImg writes: counted from 0, the far ones exclusive.
        Boxes are rounded to whole pixels and cut to the image; those without area are left out.
        ``filename`` is the photo's name, written into the file.
        """
        text = voc_text(self.boxes, self.names, self.image_shape, filename)
        if path is not None:
            write_whole(path, text)
        return text

    def to_matterport(self) -> dict[str, Array]:
        """matterport's result: ``rois`` int32 (N, 4), ``class_ids``, ``scores``, ``masks``.

        Arrays of its own that may be written to; masks are bool (H, W, N).
        """
        return {
            "rois": np.around(self.boxes).astype(np.int32),
            "class_ids": self.class_ids.copy(),
            "scores": self.scores.copy(),
            "masks": self.masks,
        }

    def draw(self, image: Array) -> Array:
        """The detections drawn onto a copy of ``image`` uint8 (H, W, 3): boxes, masks, labels.

        Raises UsageError where the image's size is not the one that was searched.
        """
        shape = tuple(np.shape(image)[:2])
        if shape != self.image_shape:
            raise UsageError(
                f"These detections belong to an image of {self.image_shape} pixels (height, "
                f"width), but this one has {shape}; draw on the image that was searched."
            )
        from maskdet.visualize.draw import draw_instances  # Pillow only where it is used

        return draw_instances(
            image,
            self.boxes,
            class_ids=self.class_ids,
            class_names=self.class_names,
            scores=self.scores,
            masks=self.crops() if self.has_masks else None,
        )

    # --- Files -----------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything as JSON, exactly; the file is complete or not there at all."""
        fields = {
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "boxes": self.boxes.tolist(),
            "class_ids": self.class_ids.tolist(),
            "scores": self.scores.tolist(),
        }
        write_whole(path, packed(fields, self.small_masks))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Detections":
        """Reads what :meth:`save` wrote.

        Raises DataError for a file that is missing, is not ours, or is damaged.
        """
        fields, small_masks = unpacked(path)
        try:
            return cls(
                boxes=fields["boxes"],
                class_ids=fields["class_ids"],
                scores=fields["scores"],
                class_names=tuple(fields["class_names"]),
                image_shape=tuple(fields["image_shape"]),
                small_masks=small_masks,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise damaged(path, error) from error
