"""Changes of pixels that leave objects where they are: hue, blur, noise, JPEG's marks."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[Any]


def _is_photo(image: Pixels) -> bool:
    return image.shape[2] == 3 and image.dtype == np.uint8


def turn_hue(image: Pixels, share: float) -> Pixels:
    """Colours moved by a share of the colour circle; only photos (uint8, 3 channels) have one."""
    if not _is_photo(image):
        return image
    planes = np.array(Image.fromarray(image).convert("HSV"))
    planes[..., 0] += np.uint8(round(share * 256) % 256)  # uint8 goes round, as the circle does
    return np.asarray(Image.fromarray(planes, "HSV").convert("RGB"))


def blur(image: Pixels, radius: float) -> Pixels:
    """Gaussian blur, radius in pixels; images of floats are left as they are."""
    if image.dtype != np.uint8:
        return image
    soft = ImageFilter.GaussianBlur(radius)
    if _is_photo(image):
        return np.asarray(Image.fromarray(image).filter(soft))
    planes = [np.ascontiguousarray(image[..., i]) for i in range(image.shape[2])]
    return np.stack([np.asarray(Image.fromarray(p).filter(soft)) for p in planes], axis=-1)


def add_noise(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Gaussian noise with a deviation of ``strength`` of the range (255 or the image's own)."""
    deviation = strength * (255.0 if image.dtype == np.uint8 else float(np.ptp(image) or 1.0))
    noisy = image + rng.normal(0.0, deviation, image.shape).astype(np.float32)
    if image.dtype == np.uint8:
        noisy = np.clip(np.around(noisy), 0, 255)
    return noisy.astype(image.dtype)


def as_jpeg(image: Pixels, quality: int) -> Pixels:
    """What JPEG of this quality makes of a photo (uint8, 3 channels)."""
    if not _is_photo(image):
        return image
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="JPEG", quality=quality)
    return np.asarray(Image.open(content))
