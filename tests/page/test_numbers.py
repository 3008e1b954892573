"""Guards: the page gives a network the very bytes that Python gives it, and says the same of what
comes out: boxes, classes, scores, masks.
"""

import json

import numpy as np
import PIL
import pytest

from maskdet.detections import Detections
from maskdet.geometry.placement import PlacementRule, place
from maskdet.images import resize_image
from maskdet.tasks.table import get_task
from maskdet.tasks.task import FileFacts
from tests.page.node import run_cases

# Before 13, Pillow always went across first; what it rounds between differs by one step.
STEPS = 0 if int(PIL.__version__.split(".")[0]) >= 13 else 1
SETTINGS = {
    "square": (0, 320, 0.0),
    "corner": (0, 416, 0.0),
    "stretch": (0, 300, 0.0),
    "centre": (256, 224, 0.0),
    "pad64": (128, 0, 0.0),
    "crop": (128, 0, 1.5),
    "none": (0, 0, 0.0),
}
SHAPES = [
    (480, 640),
    (641, 480),
    (333, 500),
    (77, 45),
    (1, 1),
    (1, 300),
    (700, 1),
    (2, 1203),
    (31, 1999),
    (319, 321),
    (321, 963),
    (224, 224),
    (256, 300),
    (959, 1281),
]
LARGE = [(2000, 3000), (1501, 2251)]


def rule_json(rule):
    return {
        "minDim": rule.min_dim,
        "maxDim": rule.max_dim,
        "minScale": rule.min_scale,
        "mode": rule.mode,
    }


def pixel_case(image, rule):
    opaque = np.full((*image.shape[:2], 1), 255, np.uint8)
    return {
        "kind": "pixels",
        "height": image.shape[0],
        "width": image.shape[1],
        "rule": rule_json(rule),
        "bytes": np.concatenate([image, opaque], axis=2),
    }


def check_pixels(node, pairs, folder):
    outputs = run_cases(node, [pixel_case(*pair) for pair in pairs], folder)
    for (image, rule), output in zip(pairs, outputs, strict=True):
        expected = resize_image(image, rule(image.shape))
        placed = np.frombuffer(output, np.uint8).reshape(expected.shape)
        wrong = np.argwhere(np.abs(placed.astype(int) - expected) > STEPS)
        assert not len(wrong), f"{image.shape} {rule}: {len(wrong)} bytes, first at {wrong[0]}"


def drawn(shape, seed):
    """Noise with slopes under it, so that sums reach both ends of a byte."""
    draws = np.random.default_rng(seed)
    noise = draws.integers(0, 256, (*shape, 3))
    slope = np.linspace(-100, 100, shape[1])[None, :, None]
    return np.clip(noise + slope, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", SETTINGS)
def test_pixels_are_equal(node, mode, tmp_path):
    rule = PlacementRule(*SETTINGS[mode], mode)
    shapes = SHAPES + (LARGE if mode not in ("none", "pad64") else [])
    if mode == "pad64":
        # Enlarged to the shorter side: a strip would become a gigabyte.
        shapes = [shape for shape in shapes if max(shape) < 60 * min(shape)]
    if mode in ("centre", "crop"):
        shapes = [shape for shape in shapes if max(shape) < 60 * min(shape)]
    check_pixels(node, [(drawn(shape, i), rule) for i, shape in enumerate(shapes)], tmp_path)


def test_pixels_of_random_sizes_are_equal(node, tmp_path):
    draws = np.random.default_rng(8)
    pairs = []
    for number in range(120):
        shape = tuple(int(side) for side in np.exp(draws.uniform(0, np.log(900), 2)))
        side = int(draws.integers(1, 500))
        mode = ("square", "corner", "stretch")[number % 3]
        pairs.append((drawn(shape, number), PlacementRule(0, side, 0.0, mode)))
    check_pixels(node, pairs, tmp_path)


@pytest.mark.parametrize("value", [0, 255])
def test_plain_colours_stay_what_they_are(node, value, tmp_path):
    photos = [np.full((*shape, 3), value, np.uint8) for shape in SHAPES]
    check_pixels(
        node, [(photo, PlacementRule(0, 97, 0.0, "stretch")) for photo in photos], tmp_path
    )


def detector_outputs(draws, rows, side):
    corners = draws.uniform(-0.1, 1.1, (rows, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    boxes[::5, 2] = boxes[::5, 0]  # without area
    return {
        "location": boxes[None].astype(np.float32),
        "category": (draws.integers(0, 5, (1, rows)) + draws.uniform(-0.2, 0.2)).astype(np.float32),
        "score": np.sort(draws.uniform(0, 1, (1, rows)).astype(np.float32))[:, ::-1],
        "number of detections": np.array([rows - 2], np.float32),
        "masks": draws.uniform(0, 1, (1, rows, side, side + 3)).astype(np.float32),
    }


def facts_json(rule, **more):
    return {
        "format": "maskdet.tflite",
        "version": 1,
        "task": "detection",
        "class_names": ["BG", "cat", "Mädchen", "<b>bolt</b>"],
        "min_dim": rule.min_dim,
        "max_dim": rule.max_dim,
        "min_scale": rule.min_scale,
        "resize_mode": rule.mode,
        "min_confidence": 0.3,
        "outputs": ["boxes", "masks"],
        **more,
    }


def decode_case(shape, facts, outputs):
    listed = {
        name: {"shape": list(values.shape), "values": values.ravel().tolist()}
        for name, values in outputs.items()
    }
    return {"kind": "decode", "shape": list(shape), "facts": facts, "outputs": listed}


def file_facts(facts, rule):
    return FileFacts(
        class_names=tuple(facts["class_names"]),
        ours=True,
        task=facts["task"],
        outputs=frozenset(facts["outputs"]),
        min_confidence=facts["min_confidence"],
        placement=rule,
        all=facts,
    )


def test_detections_are_decoded_alike(node, tmp_path):
    draws = np.random.default_rng(5)
    cases, results = [], []
    for mode, settings in SETTINGS.items():
        rule = PlacementRule(*settings, mode)
        for plain in (False, True):
            shape = (int(draws.integers(60, 900)), int(draws.integers(60, 900)))
            outputs = detector_outputs(draws, 20, 7)
            facts = facts_json(rule, plain_boxes=plain)
            cases.append(decode_case(shape, facts, outputs))
            task = get_task("detection")
            arrays = list(outputs.values())
            results.append(task.decode(arrays, rule(shape), file_facts(facts, rule)))
    outputs = run_cases(node, cases, tmp_path)
    total = 0
    for expected, output in zip(results, outputs, strict=True):
        result = json.loads(output)
        assert (result["height"], result["width"]) == expected.image_shape
        found = result["detections"]
        assert len(found) == len(expected)
        total += len(found)
        np.testing.assert_allclose([item["box"] for item in found], expected.boxes, atol=1e-4)
        np.testing.assert_array_equal(
            np.float32([item["score"] for item in found]), expected.scores
        )
        assert [item["classId"] for item in found] == expected.class_ids.tolist()
        assert [item["className"] for item in found] == expected.names
        for item, small in zip(found, expected.small_masks, strict=True):
            shares = np.float32(list(item["mask"]["shares"].values()))
            np.testing.assert_array_equal(shares.reshape(small.shape), small)
    assert total > 100


def test_files_without_masks_give_none(node, tmp_path):
    rule = PlacementRule(0, 320, 0.0, "square")
    outputs = detector_outputs(np.random.default_rng(6), 9, 7)
    facts = facts_json(rule, outputs=["boxes"])
    older = facts_json(rule, has_masks=True)
    del older["outputs"]
    first, second = run_cases(
        node, [decode_case((300, 400), item, outputs) for item in (facts, older)], tmp_path
    )
    assert all("mask" not in item for item in json.loads(first)["detections"])
    assert all("mask" in item for item in json.loads(second)["detections"])


def test_labels_are_decoded_alike(node, tmp_path):
    rule = PlacementRule(256, 224, 0.0, "centre")
    facts = facts_json(rule, task="classification", outputs=["labels"])
    scores = np.random.default_rng(7).dirichlet(np.ones(6)).astype(np.float32)[None]
    (output,) = run_cases(node, [decode_case((300, 400), facts, {"probability": scores})], tmp_path)
    expected = get_task("classification").decode(
        [scores], rule((300, 400)), file_facts(facts, rule)
    )
    labels = json.loads(output)["labels"]
    top = expected.top(6)
    assert [item["className"] for item in labels] == [name for name, _ in top]
    assert np.float32([item["score"] for item in labels]).tolist() == [score for _, score in top]
    assert "class 4" in [item["className"] for item in labels]


def test_masks_are_pasted_alike(node, tmp_path):
    draws = np.random.default_rng(9)
    cases, planes = [], []
    for number in range(80):
        shape = (int(draws.integers(1, 300)), int(draws.integers(1, 300)))
        side = (int(draws.integers(1, 30)), int(draws.integers(1, 30)))
        # Every third has no share near zero, so that its edges do not fade.
        shares = draws.uniform(0.4 if number % 3 == 0 else 0.0, 1, side).astype(np.float32)
        reach = 1.0 if number % 4 else 0.004  # thinner than a pixel
        ends = draws.uniform(-0.3, 1.3, 2), draws.uniform(-0.3, 1.3, 2)
        low = np.minimum(*ends)
        high = low + (np.maximum(*ends) - low) * reach
        box = (np.concatenate([low, high]) * np.array(shape * 2)).astype(np.float32)
        cases.append(
            {
                "kind": "mask",
                "side": side,
                "shape": shape,
                "box": box.tolist(),
                "bytes": shares,
            }
        )
        detections = Detections([box], [1], [0.9], ("BG", "cat"), shape, shares[None])
        planes.append(detections.mask(0))
    outputs = run_cases(node, cases, tmp_path)
    assert sum(plane.any() for plane in planes) > 40
    for plane, output in zip(planes, outputs, strict=True):
        np.testing.assert_array_equal(np.frombuffer(output, np.uint8).reshape(plane.shape), plane)


def test_canvases_are_what_place_says(node, tmp_path):
    """The bytes come in the size that the network has, however odd the photo."""
    rule = PlacementRule(100, 65, 0.0, "corner")
    image = drawn((3, 211), 1)
    (output,) = run_cases(node, [pixel_case(image, rule)], tmp_path)
    placement = place(image.shape, 100, 65, 0.0, "corner")
    assert len(output) == placement.canvas_shape[0] * placement.canvas_shape[1] * 3
    assert output[-1] == 114
