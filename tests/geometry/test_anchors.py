"""Promise: anchors stand where published weights expect them, in the order they expect."""

import numpy as np
import pytest

from maskdet.errors import UsageError
from maskdet.geometry import backbone_shapes, generate_anchors, generate_pyramid_anchors


def test_one_level_by_hand() -> None:
    # Ratio 0.25 is tall: height 8 / 0.5 = 16, width 8 * 0.5 = 4. Centres at (0, 0) and (0, 10).
    anchors = generate_anchors(8, [0.25, 1], (1, 2), feature_stride=10)
    assert anchors.dtype == np.float64
    expected = [[-8, -2, 8, 2], [-4, -4, 4, 4], [-8, 8, 8, 12], [-4, 6, 4, 14]]
    np.testing.assert_array_equal(anchors, expected)


def test_anchor_stride_leaves_cells_out() -> None:
    anchors = generate_anchors(2, [1], (3, 3), feature_stride=4, anchor_stride=2)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres.tolist() == [[0, 0], [0, 8], [8, 0], [8, 8]]


def test_pyramid_goes_from_fine_to_coarse() -> None:
    shapes = backbone_shapes((64, 96, 3), [4, 8])
    assert shapes.tolist() == [[16, 24], [8, 12]]
    anchors = generate_pyramid_anchors([8, 16], [0.5, 1, 2], shapes, [4, 8])
    assert anchors.shape == ((16 * 24 + 8 * 12) * 3, 4)
    assert anchors[1].tolist() == [-4, -4, 4, 4]
    assert anchors[16 * 24 * 3 + 1].tolist() == [-8, -8, 8, 8]


def test_sides_that_do_not_divide_are_rounded_up() -> None:
    assert backbone_shapes((100, 150), [4, 8, 16]).tolist() == [[25, 38], [13, 19], [7, 10]]


def test_levels_must_agree() -> None:
    with pytest.raises(UsageError, match="1 scales, 2 shapes and 2 strides"):
        generate_pyramid_anchors([8], [1], [[4, 4], [2, 2]], [4, 8])
