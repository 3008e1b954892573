"""Guards: any family gets the anchors and levels of its own settings."""

import keras
import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.geometry.boxes import normalize_boxes
from maskdet.layers import pyramid

SETTINGS = {"scales": (8, 16), "ratios": (0.25, 1), "strides": (10, 20)}


def test_anchors_by_hand():
    # A cell of the fine level, one of the coarse; ratio 0.25 is tall: height 16, width 4.
    anchors = pyramid.pixel_anchors((10, 10, 3), **SETTINGS)
    assert anchors.dtype == np.float32
    assert anchors.tolist() == [[-8, -2, 8, 2], [-4, -4, 4, 4], [-16, -4, 16, 4], [-8, -8, 8, 8]]
    assert pyramid.pixel_anchors((10, 10), **SETTINGS, dtype=np.float64).dtype == np.float64


def test_levels_of_other_shapes_are_taken_as_they_are():
    anchors = pyramid.pixel_anchors((10, 10), **SETTINGS, level_shapes=[(1, 2), (0, 0)])
    assert anchors.tolist() == [[-8, -2, 8, 2], [-4, -4, 4, 4], [-8, 8, 8, 12], [-4, 6, 4, 14]]


def test_normalised_anchors_are_those_of_the_settings_asked_for():
    shape = (40, 60)
    others = [
        SETTINGS,
        SETTINGS | {"scales": (9, 16)},
        SETTINGS | {"ratios": (0.5, 1)},
        SETTINGS | {"strides": (20, 40)},
        SETTINGS | {"anchor_stride": 2},
        SETTINGS | {"level_shapes": [(2, 3), (1, 2)]},
    ]
    # Asked for twice: the second time they come out of memory.
    for settings in [*others, *others]:
        expected = normalize_boxes(pyramid.pixel_anchors(shape, **settings, dtype="f8"), shape)
        anchors = pyramid.normalised_anchors(shape, **settings)
        assert anchors.dtype == np.float32
        np.testing.assert_array_equal(anchors, expected)
    first = pyramid.normalised_anchors(shape, **SETTINGS)
    assert pyramid.normalised_anchors((*shape, 3), **SETTINGS) is first


def test_the_memory_of_anchors_has_an_end():
    for side in range(20, 20 + 2 * pyramid.CACHED_SHAPES):
        pyramid.normalised_anchors((side, side), **SETTINGS)
    assert len(pyramid._cache) <= pyramid.CACHED_SHAPES


def test_levels_that_do_not_agree_are_refused():
    with pytest.raises(UsageError, match="1 scales, 2 shapes and 2 strides"):
        pyramid.pixel_anchors((10, 10), scales=(8,), ratios=(1,), strides=(10, 20))


@pytest.mark.parametrize(("mode", "expected"), [("square", (96, 64)), ("pad64", None)])
def test_inputs_have_one_shape_unless_the_mode_lets_it_differ(mode, expected):
    assert pyramid.fixed_shape(np.array([96, 64, 3]), resize_mode=mode) == expected


class Halving:
    """A backbone that only halves the image, five times."""

    train_bn = "not asked"

    def build(self, image, train_bn=False):
        self.train_bn = train_bn
        stages = []
        for number in range(1, 6):
            image = keras.layers.MaxPooling2D(2, name=f"stage{number}")(image)
            stages.append(image)
        return stages


def test_levels_have_their_strides_and_one_width():
    image, backbone = keras.Input((128, 192, 3)), Halving()
    levels = pyramid.features(
        image, backbone=backbone, strides=[8, 16, 32, 64], channels=5, train_bn=None
    )
    shapes = [tuple(level.shape) for level in levels]
    assert shapes == [(None, 16, 24, 5), (None, 8, 12, 5), (None, 4, 6, 5), (None, 2, 3, 5)]
    assert backbone.train_bn is None
