"""Promise: the geometry functions give the numbers that the original gives, case by case."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskdet.geometry import (
    backbone_shapes,
    boxes_from_masks,
    decode_boxes,
    denormalize_boxes,
    encode_boxes,
    expand_mask,
    generate_anchors,
    generate_pyramid_anchors,
    non_max_suppression,
    normalize_boxes,
    pairwise_iou,
    pairwise_mask_iou,
    paste_mask,
    place,
    resize_bilinear,
    shrink_mask,
)

FOLDER = Path(__file__).resolve().parents[2] / "../shared/parity"
PRESENT = (FOLDER / "utils_golden.json").is_file() and (FOLDER / "utils_golden.npz").is_file()
pytestmark = pytest.mark.skipif(
    not PRESENT, reason="the original's golden numbers (../shared/parity) are not here"
)
CASES: list[dict[str, Any]] = (
    json.loads((FOLDER / "utils_golden.json").read_text(encoding="utf-8"))["cases"]
    if PRESENT
    else []
)


def cases(function: str) -> list[Any]:
    """The golden cases of one function of the original, as pytest parameters."""
    return [pytest.param(case, id=case["name"]) for case in CASES if case["function"] == function]


@pytest.fixture(scope="module")
def arrays() -> Any:
    """Reads an array of the golden file by its key, unpacking bits where they are packed."""
    with np.load(FOLDER / "utils_golden.npz", allow_pickle=False) as store:
        stored = {key: store[key] for key in store.files}

    def read(key: str) -> Any:
        packed = f"{key}#packed"
        if f"{key}#shape" not in stored:
            return stored[key]
        shape = tuple(stored[f"{key}#shape"])
        bits = np.unpackbits(stored[packed] if packed in stored else stored[key])
        return bits[: int(np.prod(shape))].reshape(shape).astype(bool)

    return read


@pytest.mark.parametrize("case", cases("utils.resize_image"))
def test_place_chooses_the_same_size_window_scale_and_padding(case: Any, arrays: Any) -> None:
    settings = case["arguments"]
    if settings["mode"] == "crop":
        pytest.skip("random crops belong to matterport's own door, not to placements")
    image = arrays(case["inputs"]["image"])
    placement = place(
        image.shape,
        settings["min_dim"],
        settings["max_dim"],
        settings.get("min_scale", 0),
        settings["mode"],
    )
    outputs = case["outputs"]
    assert placement.canvas_shape == arrays(outputs["image"]).shape[:2]
    assert placement.window == tuple(arrays(outputs["window"]))
    assert placement.scale == float(arrays(outputs["scale"]))
    assert placement.padding == tuple(map(tuple, arrays(outputs["padding"])))


@pytest.mark.parametrize("case", cases("utils.resize"))
def test_resize_bilinear(case: Any, arrays: Any) -> None:
    image = arrays(case["inputs"]["image"])
    ours = resize_bilinear(image, case["arguments"]["output_shape"])
    np.testing.assert_allclose(ours, arrays(case["outputs"]["image"]), atol=2e-5)


def assert_equal_but_for_ties(ours: Any, expected: Any, values: Any) -> None:
    """Masks agree wherever the resized value is not exactly one half.

    At one half the original decides by the rounding noise of its old scikit-image, which fits the
    scaling to three points.
    """
    differs = ours != expected
    np.testing.assert_allclose(values[differs], 0.5, atol=1e-12)
    assert differs.sum() <= 1


@pytest.mark.parametrize("case", cases("utils.minimize_mask"))
def test_shrink_mask(case: Any, arrays: Any) -> None:
    boxes, masks = arrays(case["inputs"]["bbox"]), arrays(case["inputs"]["mask"])
    expected = arrays(case["outputs"]["mini_mask"])
    for i, box in enumerate(boxes):
        shape = case["arguments"]["mini_shape"]
        ours = shrink_mask(masks[:, :, i], box, shape)
        y1, x1, y2, x2 = box
        values = resize_bilinear(masks[y1:y2, x1:x2, i], shape)
        assert_equal_but_for_ties(ours, expected[:, :, i], values)


@pytest.mark.parametrize("case", cases("utils.expand_mask"))
def test_expand_mask(case: Any, arrays: Any) -> None:
    boxes, minis = arrays(case["inputs"]["bbox"]), arrays(case["inputs"]["mini_mask"])
    expected = arrays(case["outputs"]["mask"])
    for i, box in enumerate(boxes):
        ours = expand_mask(minis[:, :, i], box, case["arguments"]["image_shape"])
        y1, x1, y2, x2 = box
        values = np.zeros(ours.shape)
        values[y1:y2, x1:x2] = resize_bilinear(minis[:, :, i], (y2 - y1, x2 - x1))
        assert_equal_but_for_ties(ours, expected[:, :, i], values)


@pytest.mark.parametrize("case", cases("utils.unmold_mask"))
def test_paste_mask(case: Any, arrays: Any) -> None:
    mini = arrays(case["inputs"]["mask"])
    ours = paste_mask(mini, case["arguments"]["bbox"], case["arguments"]["image_shape"])
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["mask"]))


@pytest.mark.parametrize("case", cases("utils.extract_bboxes"))
def test_boxes_from_masks(case: Any, arrays: Any) -> None:
    ours = boxes_from_masks(arrays(case["inputs"]["mask"]))
    assert ours.dtype == np.int32
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["boxes"]))


@pytest.mark.parametrize("case", cases("utils.compute_iou"))
def test_pairwise_iou_of_one_box(case: Any, arrays: Any) -> None:
    ours = pairwise_iou(arrays(case["inputs"]["box"])[None], arrays(case["inputs"]["boxes"]))
    np.testing.assert_array_equal(ours[0], arrays(case["outputs"]["iou"]))


@pytest.mark.parametrize("case", cases("utils.compute_overlaps"))
def test_pairwise_iou(case: Any, arrays: Any) -> None:
    ours = pairwise_iou(arrays(case["inputs"]["boxes1"]), arrays(case["inputs"]["boxes2"]))
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["overlaps"]))


@pytest.mark.parametrize("case", cases("utils.compute_overlaps_masks"))
def test_pairwise_mask_iou(case: Any, arrays: Any) -> None:
    ours = pairwise_mask_iou(arrays(case["inputs"]["masks1"]), arrays(case["inputs"]["masks2"]))
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["overlaps"]))


@pytest.mark.parametrize("case", cases("utils.non_max_suppression"))
def test_non_max_suppression(case: Any, arrays: Any) -> None:
    keep = non_max_suppression(
        arrays(case["inputs"]["boxes"]),
        arrays(case["inputs"]["scores"]),
        case["arguments"]["threshold"],
    )
    assert keep.dtype == np.int32
    np.testing.assert_array_equal(keep, arrays(case["outputs"]["keep"]))


@pytest.mark.parametrize("case", cases("utils.apply_box_deltas"))
def test_decode_boxes(case: Any, arrays: Any) -> None:
    ours = decode_boxes(arrays(case["inputs"]["boxes"]), arrays(case["inputs"]["deltas"]))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, arrays(case["outputs"]["boxes"]), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("case", cases("utils.box_refinement"))
def test_encode_boxes(case: Any, arrays: Any) -> None:
    ours = encode_boxes(arrays(case["inputs"]["box"]), arrays(case["inputs"]["gt_box"]))
    np.testing.assert_allclose(ours, arrays(case["outputs"]["result"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", cases("utils.norm_boxes"))
def test_normalize_boxes(case: Any, arrays: Any) -> None:
    ours = normalize_boxes(arrays(case["inputs"]["boxes"]), case["arguments"]["shape"])
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["boxes"]))


@pytest.mark.parametrize("case", cases("utils.denorm_boxes"))
def test_denormalize_boxes(case: Any, arrays: Any) -> None:
    ours = denormalize_boxes(arrays(case["inputs"]["boxes"]), case["arguments"]["shape"])
    assert ours.dtype == np.int32
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["boxes"]))


@pytest.mark.parametrize("case", cases("utils.generate_anchors"))
def test_generate_anchors(case: Any, arrays: Any) -> None:
    ours = generate_anchors(**case["arguments"])
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["anchors"]))


@pytest.mark.parametrize("case", cases("utils.generate_pyramid_anchors"))
def test_generate_pyramid_anchors(case: Any, arrays: Any) -> None:
    ours = generate_pyramid_anchors(**case["arguments"])
    outputs = case["outputs"]
    assert ours.dtype == np.float64
    assert len(ours) == int(arrays(outputs["count"]))
    rows = arrays(outputs["row_index"])
    np.testing.assert_array_equal(ours[rows], arrays(outputs["rows"]))
    np.testing.assert_allclose(ours.sum(axis=0), arrays(outputs["column_sums"]), rtol=1e-12)


@pytest.mark.parametrize("case", cases("model.compute_backbone_shapes"))
def test_backbone_shapes(case: Any, arrays: Any) -> None:
    settings = case["arguments"]
    ours = backbone_shapes(settings["image_shape"], settings["BACKBONE_STRIDES"])
    np.testing.assert_array_equal(ours, arrays(case["outputs"]["shapes"]))
