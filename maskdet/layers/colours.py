"""Colours as people see them, for losses that ask what belongs together."""

from typing import Any

from keras import ops

# sRGB to CIE XYZ (IEC 61966-2-1), rows divided by the white of daylight (D65).
_TO_XYZ = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
# Below this share of white the eye's response is taken as linear (CIE 15:2004).
_DARK = (6 / 29) ** 3


def lab(rgb: Any) -> Any:
    """CIELAB of sRGB pixels.

    Args:
        rgb: (..., 3), 0..255; what lies outside is cut off.

    Returns:
        (..., 3): lightness 0..100, green to red, blue to yellow; a distance of about 2 can just be
        seen.
    """
    shares = ops.clip(rgb / 255.0, 0.0, 1.0)
    bright = ((ops.maximum(shares, 0.04045) + 0.055) / 1.055) ** 2.4
    linear = ops.where(shares <= 0.04045, shares / 12.92, bright)  # (..., 3)
    xyz = ops.matmul(linear, ops.transpose(ops.convert_to_tensor(_TO_XYZ, dtype="float32")))
    root = ops.maximum(xyz, _DARK) ** (1 / 3)
    response = ops.where(xyz > _DARK, root, xyz / (3 * (6 / 29) ** 2) + 4 / 29)  # (..., 3)
    x, y, z = (response[..., i] for i in range(3))
    return ops.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
