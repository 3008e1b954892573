"""Promise: an image of shares (0..1), which a network would take for black, is not passed over in
silence; an image of 0..255 is.
"""

import warnings

import numpy as np
import pytest

from maskdet.errors import MaskdetWarning
from maskdet.images import checked_image

SHARES = np.linspace(0, 1, 60).reshape(4, 5, 3)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 15)])
def test_shares_are_named_with_their_range(kind, shape):
    image = (SHARES * 0.75).reshape(shape).astype(kind)
    with pytest.warns(MaskdetWarning, match=r"Image 7 .*from 0 to 0\.75.*0 \.\. 255.*by 255"):
        checked = checked_image(image, 3, "Image 7")
    assert checked.dtype == np.float32
    assert checked.max() == image.max()  # it is a warning: the values stay as they are


def test_shares_up_to_one_and_a_grey_networks_shares_are_named():
    with pytest.warns(MaskdetWarning, match="from 0 to 1,"):
        checked_image(SHARES, 3)
    with pytest.warns(MaskdetWarning, match="from 0 to 0.5,"):
        checked_image(SHARES[..., :1] / SHARES[..., :1].max() / 2, 1)


@pytest.mark.parametrize(
    ("image", "channels"),
    [
        (SHARES * 255, 3),
        (SHARES.astype(np.uint8), 3),  # bytes of 0 and 1: somebody's dark photo
        (SHARES.round().astype(np.int64), 3),
        (np.zeros((4, 5, 3)), 3),
        (SHARES * 2 - 1, 3),  # -1..1 is somebody's own scale
        (SHARES * 1.01, 3),
        (np.concatenate([SHARES, SHARES], axis=2), 6),  # layers that are no colours
    ],
    ids=["floats 0..255", "uint8", "int64", "black", "-1..1", "just above 1", "6 channels"],
)
def test_nothing_is_said_of_other_images(image, channels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked = checked_image(image, channels)
    assert checked.shape == image.shape
