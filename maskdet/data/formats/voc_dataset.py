"""The data set that VOC XML files give: boxes, and masks from mask pictures or outlines."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.dataset import Dataset
from maskdet.data.outlines import Shape
from maskdet.errors import DataError
from maskdet.geometry.masks import fill_boxes
from maskdet.geometry.rle import encode_rle
from maskdet.images import turn_plane

Array = NDArray[Any]


class VOCDataset(Dataset):
    """What VOC's ``read`` gives. Its ``image_info`` holds for each image, beside the usual:

    ``height``, ``width`` (of the turned photo), ``boxes`` float32 (N, 4), ``class_ids`` int32 (N,),
    ``difficult``, ``truncated``, ``occluded`` bool (N,), ``pose`` list of str, ``annotation`` (path
    of the XML file), ``orientation`` (EXIF, 1..8), ``mask`` (path of the mask picture, or None),
    ``mask_values`` (the pixel value of each object in it) and ``shapes`` (list of the outlines as
    :class:`~maskdet.data.outlines.Shape`, None for a box alone).
    """

    # Decided once for the whole set, so that all parts of a split agree; without, boxes are filled.
    masks_given = False
    gives_masks = False

    @property
    def provides_masks(self) -> bool:
        """True if the set was read with a mask picture for every image that has objects, or with
        outlines."""
        return self.masks_given or self.gives_masks

    def image_shape(self, image_id: int) -> tuple[int, int]:
        """(height, width) in pixels, as found when the set was read."""
        info = self.image_info[image_id]
        return info["height"], info["width"]

    def image_reference(self, image_id: int) -> str:
        """The photo's path."""
        return str(self.image_info[image_id]["path"])

    def load_boxes(self, image_id: int) -> tuple[Array, Array]:
        """Boxes float32 (N, 4) and class ids int32 (N,), copies of what the XML says."""
        info = self.image_info[image_id]
        return info["boxes"].copy(), info["class_ids"].copy()

    def load_mask(self, image_id: int) -> tuple[Array, Array]:
        """Masks bool H x W x N and class ids int32 (N,): real ones where the set has them.

        In the mask picture, pixels of value k belong to the k-th object of the XML file; 0 is
        background and 255 the border around objects. An object that others hide wholly has an empty
        mask. Without a picture the outlines count; without an outline, the filled box.

        Raises:
            DataError: if the mask picture is missing, damaged, or of another size or kind.
        """
        info = self.image_info[image_id]
        if not self.masks_given:
            return self._filled_boxes(image_id)
        shape = self.image_shape(image_id)
        if info["mask"] is not None:
            plane = _mask_plane(info["mask"], shape, info["orientation"])
            masks = np.moveaxis(plane == info["mask_values"][:, None, None], 0, -1)
        else:
            masks = fill_boxes(info["boxes"], shape)
            for number, outline in enumerate(self._outlines(image_id)):
                if outline is not None:
                    masks[..., number] = outline.mask(shape)
        return masks, info["class_ids"].copy()

    def load_shapes(self, image_id: int) -> list[Shape | None]:
        """The outline of each object, None for a box alone; those of a mask picture by its values.

        Where ``load_mask`` is overridden, its masks as run lengths.
        """
        if self.gives_masks:
            masks, _ = self._checked_masks(image_id)
            return [Shape(rle=encode_rle(mask)) for mask in np.moveaxis(masks, -1, 0)]
        info = self.image_info[image_id]
        if self.masks_given and info["mask"] is not None:
            return [Shape(picture=(info["mask"], int(value))) for value in info["mask_values"]]
        return self._outlines(image_id)

    def load_outlined(self, image_id: int) -> Array | None:
        """bool (N,): which objects have a mask or an outline, not just a box; None where none has,
        and where a script makes the masks."""
        if self.gives_masks or not self.masks_given:
            return super().load_outlined(image_id)
        return np.array([shape is not None for shape in self.load_shapes(image_id)], dtype=bool)

    def _outlines(self, image_id: int) -> list[Shape | None]:
        info = self.image_info[image_id]
        return list(info.get("shapes") or [None] * len(info["boxes"]))


def _mask_plane(path: str, shape: tuple[int, int], orientation: int) -> Array:
    """The mask picture's values (H, W), turned as the photo where it is not turned yet."""
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                raise DataError(
                    f"The mask {path} is a colour picture ({picture.mode}), but its pixels must be "
                    "object numbers; save it as a palette or grey PNG.",
                    kind="unreadable mask",
                    path=path,
                )
            plane = np.array(picture)
    except (OSError, SyntaxError) as error:
        raise DataError(
            f"The mask {path} cannot be read ({error}); replace it.",
            kind="unreadable mask",
            path=path,
        ) from error
    if plane.shape != shape and plane.shape == shape[::-1]:
        plane = turn_plane(plane, orientation)
    if plane.shape != shape:
        raise DataError(
            f"The mask {path} is {plane.shape[1]} x {plane.shape[0]} pixels, but its photo "
            f"{shape[1]} x {shape[0]}; both must have one size.",
            kind="mask of another size",
            path=path,
        )
    return plane
