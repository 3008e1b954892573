"""Guards: SSD's anchors lie where the TF Object Detection API puts them, whose weights count on
it."""

from pathlib import Path

import numpy as np
import pytest

from maskdet import SsdConfig
from maskdet.geometry.prior_boxes import cell_shapes, level_sizes, prior_boxes
from maskdet.models.ssd.anchors import anchors_as_shares, anchors_per_cell, level_shapes

TFLITE = (
    Path(__file__).resolve().parents[3]
    / "../shared/weights/ssd_mobilenet_v1_0.75_coco_quant.tflite"
)


def config_with(**settings):
    config = SsdConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    config.validate()
    return config


def test_sizes_grow_evenly_and_a_square_lies_between_two():
    sizes = level_sizes(6, 0.2, 0.95)
    np.testing.assert_allclose(sizes, [0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
    shapes = cell_shapes(sizes, [1.0, 2.0])
    # The finest map: a tenth, then twice as wide as high and the other way.
    root = np.sqrt(2)
    np.testing.assert_allclose(
        shapes[0], [[0.1, 0.1], [0.2 / root, 0.2 * root], [0.2 * root, 0.2 / root]]
    )
    np.testing.assert_allclose(
        shapes[1], [[0.35, 0.35], [0.35 / root, 0.35 * root], [np.sqrt(0.35 * 0.5)] * 2]
    )
    np.testing.assert_allclose(shapes[5][-1], [np.sqrt(0.95)] * 2)  # the next size is all of it
    assert len(cell_shapes(sizes, [1.0, 2.0], between=False, reduced=False)[0]) == 2


def test_centres_lie_in_the_middle_of_cells_row_by_row():
    boxes = prior_boxes([(2, 4)], [np.array([[0.2, 0.4], [0.1, 0.1]])], (100, 100))
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    np.testing.assert_allclose(centres[::2], centres[1::2], atol=1e-6)
    expected = [[y, x] for y in (0.25, 0.75) for x in (0.125, 0.375, 0.625, 0.875)]
    np.testing.assert_allclose(centres[::2], expected, atol=1e-6)
    np.testing.assert_allclose(boxes[0], [0.15, -0.075, 0.35, 0.325], atol=1e-6)


def test_squares_stay_squares_on_an_input_that_is_none():
    [box] = prior_boxes([(1, 1)], [np.array([[0.5, 0.5]])], (100, 200))
    height, width = (box[2] - box[0]) * 100, (box[3] - box[1]) * 200
    assert height == pytest.approx(50) and width == pytest.approx(50)


@pytest.mark.parametrize(
    ("side", "cells", "count"),
    [
        (300, [19, 10, 5, 3, 2, 1], 1917),
        (320, [20, 10, 5, 3, 2, 1], 2034),
        (512, [32, 16, 8, 4, 2, 1], 3072 + 6 * (256 + 64 + 16 + 4 + 1)),
        (640, [40, 20, 10, 5, 3, 2], 4800 + 6 * (400 + 100 + 25 + 9 + 4)),
    ],
)
def test_every_side_has_its_cells(side, cells, count):
    config = config_with(IMAGE_MIN_DIM=side, IMAGE_MAX_DIM=side)
    assert level_shapes(config) == [(cell, cell) for cell in cells]
    assert list(anchors_per_cell(config)) == [3, 6, 6, 6, 6, 6]
    assert anchors_as_shares(config).shape == (count, 4)


def test_they_are_those_of_the_published_file_to_its_last_step():
    if not TFLITE.is_file():
        pytest.skip("the API's quantised SSD is not here")
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(TFLITE.read_bytes(), 0))
    [tensor] = [t for t in model.subgraphs[0].tensors if t.name == b"anchors"]
    stored = np.frombuffer(model.buffers[tensor.buffer].data, np.uint8).reshape(-1, 4)
    scale, zero = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
    boxes = anchors_as_shares(SsdConfig())
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    ours = np.rint(np.concatenate([centres, sides], axis=1) / scale) + zero
    np.testing.assert_array_equal(ours, stored)
