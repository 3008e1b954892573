"""How pixels become numbers that a network was trained on: the one place that knows it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Pixels:
    """A backbone's scaling: ``(pixel - mean) / std`` of pixels 0..255, RGB.

    Attributes:
        mean: taken from each pixel first; one number, or one a channel.
        std: what the difference is divided by.
    """

    mean: tuple[float, ...]
    std: float

    def scaled(self, values: Any) -> Any:
        """Float32 pixels (..., C) as the network takes them; a numpy array or a graph's tensor.

        The product with 1 / std rather than the quotient, so that every way gives the same bits.
        """
        differences = values - np.asarray(self.mean, dtype=np.float32)
        return differences if self.std == 1.0 else differences * np.float32(1.0 / self.std)

    def of_images(self, images: Array) -> Array:
        """Images (..., C) of any dtype, 0..255, as the network takes them; float32."""
        scaled: Array = np.array(images, dtype=np.float32, order="C")
        means = np.asarray(self.mean, dtype=np.float32)
        # In place and a row of pixels at a time: three channels by themselves are short work that
        # numpy begins anew for each pixel, which took four times as long.
        if means.any() and scaled.size:
            rows = scaled.reshape(*scaled.shape[:-2], -1)  # (..., W * C), the same memory
            rows -= np.resize(np.broadcast_to(means, scaled.shape[-1]), rows.shape[-1])
        if self.std != 1.0:
            scaled *= np.float32(1.0 / self.std)
        return scaled

    def grey_levels(self) -> tuple[float, int] | None:
        """(value of one grey level, level that is 0), where one scale fits all channels.

        A mean of half a level is rounded, so that the picture becomes half a level brighter.
        """
        means = np.unique(np.asarray(self.mean, dtype=np.float64))
        if len(means) != 1 or not 0 <= means[0] <= 255:
            return None
        return 1.0 / float(self.std), int(np.floor(means[0]))

    def near(self, other: "Pixels") -> bool:
        """Whether another scaling gives a network nearly the same numbers."""
        means = np.broadcast_arrays(np.asarray(self.mean), np.asarray(other.mean))
        return bool(
            np.abs(means[0] - means[1]).max() <= 1.0 and abs(self.std / other.std - 1) < 0.02
        )
