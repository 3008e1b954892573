"""What a box alone teaches the mask head: BoxInst (Tian et al., CVPR 2021, arXiv 2012.02310).

A mask touches all four sides of its object's box and stays inside it (projection), and cells of one
colour lie on the same side of an outline. BoxInst compares neighbours of masks of whole images;
here is a mask head that looks at RoIs, which therefore are a little larger than the box: what lies
around it is background for certain (outside), and colours carry that inwards
(:mod:`~maskdet.models.mask_rcnn.colour_field`). Without both the head paints the whole RoI.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from maskdet.layers import box_coding
from maskdet.layers.colours import lab
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.kernels import get_kernels

#: Added to the class id of an object that has only a box, where a network takes in its objects.
BARE_BOX = 1 << 20
# A row's shadow is the mean of its strongest cells, one in so many.
_SHADOW_SHARE = 7
# Maps of means of 1, 2, 4 and 8 pixels squared that colours are read from.
_HALVINGS = 3


def marked(class_ids: NDArray[np.int32], outlined: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """Class ids that say of each object whether it has only a box.

    The training network takes no other input than matterport's, whose views of it (``mrcnn``) know
    nothing of such objects.

    Args:
        class_ids: (B, M), 0 padding, negative crowds.
        outlined: (B, M), whose mask is known; None: nobody's.
    """
    bare = class_ids > 0 if outlined is None else (class_ids > 0) & ~outlined
    return np.where(bare, class_ids + BARE_BOX, class_ids).astype(np.int32)


def unmarked(class_ids: Any) -> tuple[Any, Any]:
    """Plain class ids (B, M) int32 and, 1 or 0, which have an outline, of :func:`marked` ones."""
    bare = class_ids >= BARE_BOX  # (B, M)
    return ops.where(bare, class_ids - BARE_BOX, class_ids), 1.0 - ops.cast(bare, "float32")


@keras.saving.register_keras_serializable("maskdet")
class WideRois(Float32Layer):
    """RoIs for the mask head, of which those of objects with a box alone hold the whole box and a
    margin.

    Args:
        margin: largest share of the box's sides that is added on each side; how much of it is drawn
            anew for each RoI and side, none for every second one, so that the head sees tight RoIs
            too, as in inference.
        seed: of those draws.

    Call arguments:
        inputs: rois (B, P, 4) normalised, zero rows are padding; own_boxes (B, P, 4): the box of
            each one's object; outlined (B, P): 1 where its mask is known.

    Returns:
        (B, P, 4).
    """

    def __init__(self, margin: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.margin = float(margin)
        self.seed = int(seed)
        self.random = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: list[Any]) -> Any:
        rois, boxes, outlined = inputs
        rois, boxes = ops.cast(rois, "float32"), ops.cast(boxes, "float32")
        low = ops.minimum(rois[..., :2], boxes[..., :2])  # (B, P, 2)
        high = ops.maximum(rois[..., 2:], boxes[..., 2:])  # (B, P, 2)
        sides = boxes[..., 2:] - boxes[..., :2]  # (B, P, 2)
        # Every second side is tight: a RoI's border must not come to mean background.
        shares = keras.random.uniform(ops.shape(rois), -self.margin, self.margin, seed=self.random)
        shares = ops.maximum(shares, 0.0)  # (B, P, 4)
        low = ops.minimum(low, boxes[..., :2] - shares[..., :2] * sides)
        high = ops.maximum(high, boxes[..., 2:] + shares[..., 2:] * sides)
        wide = ops.clip(ops.concatenate([low, high], axis=-1), 0.0, 1.0)  # (B, P, 4)
        plain = (outlined > 0.5) | ops.all(rois == 0, axis=-1)  # (B, P)
        return ops.stop_gradient(ops.where(plain[..., None], rois, wide))

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        return keras.KerasTensor(inputs[0].shape, "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "seed": self.seed}


@keras.saving.register_keras_serializable("maskdet")
class RoiColours(Float32Layer):
    """The colour of each cell of each RoI's mask.

    Read from the image where a cell is a pixel, else from means of about a cell's size.

    Args:
        shape: (height, width) of a mask.
        mean_pixel, pixel_std: how the network's input was scaled.
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.

    Call arguments:
        inputs: rois (B, P, 4) normalised; image (B, H, W, C), the network's input.

    Returns:
        (B, P, *shape, 3) float32, CIELAB.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        mean_pixel: Any,
        pixel_std: float,
        kernels: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shape = (int(shape[0]), int(shape[1]))
        self.mean_pixel = [float(value) for value in mean_pixel][:3]
        self.pixel_std = float(pixel_std)
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        rois, image = inputs
        rois, image = ops.cast(rois, "float32"), ops.cast(image, "float32")
        maps = [image]
        for _ in range(_HALVINGS):
            maps.append(ops.average_pool(maps[-1], 2, 2, padding="same"))
        height, width = ops.shape(image)[1], ops.shape(image)[2]
        pixels = ops.cast(ops.stack([height, width]), "float32")  # (2,)
        cells = (
            (rois[..., 2:] - rois[..., :2])
            * pixels
            / ops.convert_to_tensor([float(side) for side in self.shape])
        )  # (B, P, 2) pixels of a cell
        step = ops.maximum(ops.sqrt(cells[..., 0] * cells[..., 1]), 1.0)  # (B, P)
        level = ops.cast(ops.round(ops.log(step) / ops.log(2.0)), "int32")
        level = ops.clip(level, 0, _HALVINGS)  # (B, P)
        crops = get_kernels(self.kernels).roi_align(rois, level, maps, self.shape)
        channels = int(image.shape[3])
        # One channel is grey; of more than three the first are colours.
        crops = ops.repeat(crops[..., :1], 3, axis=-1) if channels < 3 else crops[..., :3]
        rgb = crops * self.pixel_std + ops.convert_to_tensor(self.mean_pixel)  # (B, P, h, w, 3)
        return ops.stop_gradient(lab(rgb))

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        return keras.KerasTensor((*inputs[0].shape[:2], *self.shape, 3), "float32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shape": self.shape,
            "mean_pixel": self.mean_pixel,
            "pixel_std": self.pixel_std,
            "kernels": self.kernels,
        }


def inside_boxes(boxes: Any, rois: Any, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Which rows and columns of masks on RoIs lie inside boxes.

    Args:
        boxes, rois: (B, P, 4) in one unit; the outermost cells of a mask lie on its RoI's corners.
        shape: (height, width) of a mask.

    Returns:
        rows (B, P, h) and columns (B, P, w), 1 or 0.
    """
    sides = []
    for axis, count in enumerate(shape):
        share = ops.arange(count, dtype="float32") / max(count - 1, 1)  # (count,)
        low, high = rois[..., axis, None], rois[..., axis + 2, None]  # (B, P, 1)
        places = low + share * (high - low)  # (B, P, count)
        # Half a cell: a box thinner than a cell has one all the same.
        slack = 0.5 * (high - low) / max(count - 1, 1) + 1e-6
        within = (places >= boxes[..., axis, None] - slack) & (
            places <= boxes[..., axis + 2, None] + slack
        )
        sides.append(ops.cast(within, "float32"))
    return sides[0], sides[1]


def projection_losses(masks: Any, rows: Any, columns: Any) -> Any:
    """How far masks' shadows on both axes are from their boxes' (BoxInst, equation 2): (B, P).

    BoxInst takes the largest value of each row and column, which one cell satisfies; here a seventh
    of them counts, so that objects do not shrink to lines.

    Args:
        masks: (B, P, h, w), 0..1.
        rows: (B, P, h), columns: (B, P, w): 1 inside the box.
    """
    across = shadow(masks)  # (B, P, h)
    down = shadow(ops.swapaxes(masks, 2, 3))  # (B, P, w)
    return 2.0 - dice(across, rows) - dice(down, columns)


def shadow(masks: Any) -> Any:
    """Mean of each row's strongest cells: (B, P, h, w) -> (B, P, h)."""
    count = max(1, masks.shape[3] // _SHADOW_SHARE)
    return ops.mean(ops.top_k(masks, count)[0], axis=-1)


def outside_losses(masks: Any, inside: Any) -> Any:
    """Cross entropy of what lies around boxes, which is no object: a mean over cells, (B, P).

    Args:
        masks: (B, P, h, w), 0..1.
        inside: (B, P, h, w), 1 inside the box.
    """
    outside = 1.0 - inside
    losses = -ops.log(ops.clip(1.0 - masks, 1e-6, 1.0)) * outside
    return ops.sum(losses, axis=(2, 3)) / ops.maximum(ops.sum(outside, axis=(2, 3)), 1.0)


def dice(values: Any, target: Any) -> Any:
    """The dice coefficient over the last axis, with squares (Milletari et al. 2016)."""
    both = 2.0 * ops.sum(values * target, axis=-1)
    return both / (ops.sum(values**2, axis=-1) + ops.sum(target**2, axis=-1) + 1e-5)


def own_boxes(boxes: Any, owner: Any) -> Any:
    """The box (B, P, 4) of each RoI's object, of boxes (B, M, 4) and owner (B, P)."""
    return box_coding.gather_rows(ops.cast(boxes, "float32"), owner)
