"""RoI Align over a feature pyramid."""

import math
from typing import Any

import keras
from keras import ops

from maskdet.layers.kernels import get_kernels


@keras.saving.register_keras_serializable("maskdet")
class PyramidROIAlign(keras.layers.Layer):
    """Crops each RoI from the pyramid level that fits its size (He et al. 2017; FPN's equation 1).

    Bilinear, one sample a bin, the outermost samples on the RoI's corners, as matterport's layer of
    this name. No gradient flows to the boxes.

    Args:
        pool_size: cells of a crop along height and width, or one number for both.
        image_shape: (height, width) of the network's input, pixels; None where it changes from
            batch to batch: then it is read off the finest map.
        first_level: number of the finest map (2 for P2).
        kernels: maker of the operations, see :mod:`maskdet.layers.kernels`.

    Call arguments:
        inputs: list of rois (B, N, 4) normalised (matterport's 0..1), then the feature maps,
            finest first, each (B, H, W, C).

    Returns:
        (B, N, pool height, pool width, C).
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int],
        image_shape: tuple[int, int] | None,
        first_level: int = 2,
        kernels: str = "auto",
        **kwargs: Any,
    ) -> None:
        # Maps and crops are in what the network computes in, boxes in float32.
        super().__init__(autocast=False, **kwargs)
        sides = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
        self.pool_size = (int(sides[0]), int(sides[1]))
        self.image_shape = None
        if image_shape is not None:
            self.image_shape = (int(image_shape[0]), int(image_shape[1]))
        self.first_level = int(first_level)
        self.kernels = kernels

    def call(self, inputs: list[Any]) -> Any:
        rois, *maps = inputs
        rois = ops.stop_gradient(ops.cast(rois, "float32"))  # (B, N, 4)
        level = self.levels(rois, len(maps), self._reference(maps[0]))  # (B, N)
        return get_kernels(self.kernels).roi_align(rois, level, maps, self.pool_size)

    def _reference(self, finest: Any) -> Any:
        """224 pixels as a share of the image's side."""
        if self.image_shape is not None:
            return 224.0 / math.sqrt(self.image_shape[0] * self.image_shape[1])
        cells = ops.cast(ops.shape(finest)[1] * ops.shape(finest)[2], "float32")
        return 224.0 / (ops.sqrt(cells) * 2.0**self.first_level)

    def levels(self, rois: Any, maps: int, reference: Any) -> Any:
        """Index of the map for each roi (B, N): level 4 for 224 x 224 pixels, one a doubling.

        ``reference`` is 224 pixels as a share of the image's side.
        """
        height = rois[..., 2] - rois[..., 0]  # (B, N)
        width = rois[..., 3] - rois[..., 1]  # (B, N)
        side = ops.sqrt(ops.maximum(height * width, 1e-20))  # (B, N)
        level = 4 + ops.cast(ops.round(ops.log(side / reference) / math.log(2.0)), "int32")
        last = self.first_level + maps - 1
        return ops.clip(level, self.first_level, last) - self.first_level

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        rois, first = inputs[0], inputs[1]
        shape = (*rois.shape[:2], *self.pool_size, first.shape[3])
        return keras.KerasTensor(shape, first.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "image_shape": self.image_shape,
            "first_level": self.first_level,
            "kernels": self.kernels,
        }
