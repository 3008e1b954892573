"""Light, contrast and colour of a picture; objects stay where they are."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def jitter(
    image: NDArray[np.uint8],
    brightness: float,
    contrast: float,
    saturation: float,
    tint: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """All changes as one matrix per pixel, which costs a single pass.

    Args:
        image: (H, W, 3); of another number of channels or kind only light and contrast change.
        brightness, contrast, saturation: factors, 1 changes nothing.
        tint: factors (3,) of red, green and blue.
    """
    mean = float(image[::8, ::8].mean())
    if image.shape[2] != 3 or image.dtype != np.uint8:
        changed = image * np.float32(contrast * brightness) + mean * (1 - contrast) * brightness
        highest = 255.0 if image.dtype == np.uint8 else np.inf
        return np.clip(changed, 0 if image.dtype == np.uint8 else -np.inf, highest).astype(
            image.dtype
        )
    mix = saturation * np.eye(3) + (1 - saturation) * LUMA[None, :]
    mix = mix * np.asarray(tint)[:, None] * (contrast * brightness)
    shift = np.full((3, 1), mean * (1 - contrast) * brightness)
    matrix = np.concatenate([mix, shift], axis=1).ravel().tolist()
    # Pillow's own loop: a matrix product of numpy took longer and woke threads of its own.
    return np.asarray(Image.fromarray(image).convert("RGB", tuple(matrix)))


def cut_out(image: NDArray[np.uint8], share: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A grey rectangle of up to ``share`` of each side somewhere on the picture (DeVries 2017)."""
    height, width = image.shape[:2]
    h, w = (max(1, int(side * rng.uniform(0.3, 1) * share)) for side in (height, width))
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    image = image.copy()
    image[y : y + h, x : x + w] = rng.integers(0, 256, image.shape[2])
    return image
