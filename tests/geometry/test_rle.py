"""Promise: run lengths are COCO's, and decoding undoes encoding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from maskdet.errors import DataError, UsageError
from maskdet.geometry import decode_rle, encode_rle
from maskdet.geometry.rle import encode_runs

planes = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12))


def test_by_hand_down_the_columns() -> None:
    mask = [[0, 1, 1], [0, 0, 1]]
    assert encode_rle(mask) == {"size": [2, 3], "counts": [2, 1, 1, 2]}
    assert encode_rle([[1, 0]]) == {"size": [1, 2], "counts": [0, 1, 1]}
    assert encode_rle(np.zeros((2, 2))) == {"size": [2, 2], "counts": [4]}


@given(planes)
def test_decoding_undoes_encoding(mask: np.ndarray) -> None:
    back = decode_rle(encode_rle(mask))
    assert back.dtype == bool and back.shape == mask.shape
    np.testing.assert_array_equal(back, mask)


# pycocotools 2.0.11 has not followed numpy's new __array__ signature.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_same() -> None:
    mask = np.random.default_rng(1).random((23, 17)) < 0.4
    theirs = coco.decode(coco.frPyObjects(encode_rle(mask), 23, 17))
    np.testing.assert_array_equal(theirs, mask)


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ({"size": [2, 2], "counts": [3]}, "2 x 2 = 4 pixels, but sum up to 3"),
        ({"size": [2, 2], "counts": [5, -1]}, "positive"),
        ({"size": [2, 2], "counts": "abc"}, "pycocotools"),
        ({"size": [2, 2], "counts": ["a"]}, "integers"),
        ({"counts": [4]}, "'size'"),
        ({"size": 4, "counts": [4]}, "'size'"),
    ],
)
def test_damage_is_named(rle: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode_rle(rle)


def test_only_planes() -> None:
    with pytest.raises(UsageError, match="one by one"):
        encode_rle(np.zeros((2, 2, 2)))


@given(planes)
def test_runs_that_touch_are_one(mask: np.ndarray) -> None:
    """Each pixel as a run of its own gives what the mask gives."""
    pixels = np.flatnonzero(mask.ravel(order="F"))
    assert encode_runs(pixels, pixels + 1, mask.shape) == encode_rle(mask)
