"""Guards: a single-shot detector gets each class above the threshold of each anchor, as one would
work it out in numpy; in the network and in the exported file."""

import keras
import numpy as np
import pytest

from maskdet.errors import ConfigError
from maskdet.layers.detection import DetectionLayer
from maskdet.layers.lite.detection import LiteDetections

STD = np.array([0.1, 0.1, 0.2, 0.2])
WHOLE = np.array([0, 0, 1, 1], "f4")
MAKERS = ["portable"] + (["native"] if keras.backend.backend() == "tensorflow" else [])


def moved(box, deltas):
    """R-CNN's formula for one box, corner by corner."""
    dy, dx, dh, dw = np.float64(deltas) * STD
    height, width = box[2] - box[0], box[3] - box[1]
    y, x = box[0] + height / 2 + dy * height, box[1] + width / 2 + dx * width
    height, width = height * np.exp(dh), width * np.exp(dw)
    return np.array([y - height / 2, x - width / 2, y + height / 2, x + width / 2])


def iou(first, second):
    height = min(first[2], second[2]) - max(first[0], second[0])
    width = min(first[3], second[3]) - max(first[1], second[1])
    if height <= 0 or width <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return height * width / (sum(areas) - height * width)


def reference(rois, scores, deltas, window, settings):
    """Rows (count, 6) by loops over pairs of a RoI and a class, the best first."""
    pairs = []
    for roi in range(len(rois)):
        classes = range(1, scores.shape[1])
        if settings["classes"] == "best":
            classes = [int(np.argmax(scores[roi]))]
        pairs += [(float(scores[roi, number]), roi, number) for number in classes]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    if settings["classes"] == "all":
        pairs = pairs[: settings["candidates"]]
    rows = []
    for score, roi, number in pairs:
        own = deltas[roi] if deltas.ndim == 2 else deltas[roi, number]
        box = moved(rois[roi], own)
        box = np.clip(box, window[[0, 1, 0, 1]], window[[2, 3, 2, 3]])
        has_area = box[2] > box[0] and box[3] > box[1]
        if number == 0 or score < settings["min_confidence"] or not has_area:
            continue
        rivals = [row for row in rows if row[4] == number]
        if all(iou(row[:4], box) <= settings["nms_threshold"] for row in rivals):
            rows.append([*box, number, score])
    rows = rows[: settings["count"]]
    return np.array(rows + [[0] * 6] * (settings["count"] - len(rows)))


def settings_with(**changes):
    settings = {"count": 12, "min_confidence": 0.3, "nms_threshold": 0.4}
    return settings | {"classes": "all", "candidates": 50} | changes


def by_network(rois, scores, deltas, window, settings, kernels="auto"):
    layer = DetectionLayer(box_std=STD, kernels=kernels, **settings)
    inputs = [tensor[None].astype("f4") for tensor in (rois, scores, deltas, window)]
    return np.asarray(layer(inputs))[0]


def lite_layer(settings):
    return LiteDetections(
        settings["count"],
        settings["min_confidence"],
        settings["nms_threshold"],
        STD,
        settings["classes"],
        settings["candidates"],
    )


def joined(boxes, class_ids, scores, valid):
    """The lite layer's outputs as rows (count, 6); rows that are not valid must be zero."""
    rows = np.concatenate([boxes, class_ids[:, None], scores[:, None]], axis=1)
    np.testing.assert_array_equal(valid[:, 0] > 0, rows.any(axis=1))
    return rows


def by_lite(rois, scores, deltas, window, settings):
    arrays = (rois, scores[None], deltas[None], window)
    outputs = lite_layer(settings)(*(array.astype("f4") for array in arrays))
    return joined(*(np.asarray(output) for output in outputs))


def by_file(rois, scores, deltas, window, settings):
    """The lite layer in a converted model, run by ai_edge_litert with built-in operations."""
    tf = pytest.importorskip("tensorflow")
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    arrays = [array.astype("f4") for array in (rois, scores[None], deltas[None], window)]
    layer = lite_layer(settings)

    def named(rois, scores, deltas, window):
        names = ("boxes", "class_ids", "scores", "valid")
        return dict(zip(names, layer(rois, scores, deltas, window), strict=True))

    specs = [
        tf.TensorSpec(array.shape, name=name)
        for array, name in zip(arrays, ("rois", "scores", "deltas", "window"), strict=True)
    ]
    function = tf.function(named, autograph=False)
    module = tf.Module()
    module.call = function
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(*specs)], module
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    interpreter = interpreter_module.Interpreter(model_content=converter.convert())
    runner = interpreter.get_signature_runner()
    inputs = dict(zip(("rois", "scores", "deltas", "window"), arrays, strict=True))
    outputs = runner(**inputs)
    return joined(*(outputs[name] for name in ("boxes", "class_ids", "scores", "valid")))


def random_case(seed, shared, count=30, classes=4):
    draws = np.random.default_rng(seed)
    corners = draws.uniform(0, 0.7, (count, 2))
    rois = np.concatenate([corners, corners + draws.uniform(0.1, 0.3, (count, 2))], axis=1)
    logits = draws.normal(size=(count, classes)) * 2
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    deltas = draws.normal(size=(count, 4) if shared else (count, classes, 4))
    return rois.astype("f4"), scores.astype("f4"), deltas, np.array([0.1, 0, 0.9, 1])


def way(name):
    """A function of case and settings that gives rows (count, 6)."""
    if name in MAKERS:
        return lambda *arguments: by_network(*arguments, kernels=name)
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the lite layers are TensorFlow's")
    return {"lite": by_lite, "file": by_file}[name]


@pytest.fixture(params=[*MAKERS, "lite"])
def run_layer(request):
    return way(request.param)


@pytest.fixture(params=[*MAKERS, "lite", "file"])
def run(request):
    return way(request.param)


def assert_rows(rows, expected):
    np.testing.assert_array_equal(rows[:, 4], expected[:, 4])
    np.testing.assert_allclose(rows, expected, atol=2e-6)


@pytest.mark.parametrize("shared", [False, True], ids=["boxes by class", "boxes for all classes"])
@pytest.mark.parametrize("classes", ["best", "all"])
def test_the_rows_are_those_of_the_loop(run, classes, shared):
    case, settings = random_case(1, shared), settings_with(classes=classes, count=40)
    expected = reference(*case, settings)
    count = (expected[:, 4] > 0).sum()
    assert 8 < count < 40  # neither empty nor cut off
    assert_rows(run(*case, settings), expected)


def test_full_lists_end_with_the_best_rows(run_layer):
    case, settings = random_case(2, True), settings_with(count=4)
    expected = reference(*case, settings)
    assert expected[:, 4].all()
    assert_rows(run_layer(*case, settings), expected)


def test_candidates_are_counted_before_suppression(run):
    """Three pairs are looked at; two of them are one object, so a third object stays out."""
    rois = np.array([[0, 0, 0.4, 0.4], [0, 0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9], [0.5, 0, 0.9, 0.4]])
    scores = np.array([[0, 0.9], [0, 0.8], [0, 0.7], [0, 0.6]])
    case = rois, scores, np.zeros((4, 4)), WHOLE
    rows = run(*case, settings_with(count=5, candidates=3))
    np.testing.assert_allclose(rows[:, 5], [0.9, 0.7, 0, 0, 0], atol=1e-6)
    rows = run(*case, settings_with(count=5, candidates=4))
    np.testing.assert_allclose(rows[:, 5], [0.9, 0.7, 0.6, 0, 0], atol=1e-6)


def test_one_anchor_can_be_two_objects(run):
    rois = np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]])
    scores = np.array([[0.1, 0.5, 0.4], [0.9, 0.05, 0.05]])
    case = rois, scores, np.zeros((2, 4)), WHOLE
    rows = run(*case, settings_with())
    np.testing.assert_allclose(rows[:2, :4], [rois[0], rois[0]], atol=1e-6)
    assert rows[:3, 4].tolist() == [1, 2, 0]
    np.testing.assert_allclose(rows[:3, 5], [0.5, 0.4, 0], atol=1e-6)
    rows = run(*case, settings_with(classes="best"))
    assert rows[:2, 4].tolist() == [1, 0]


def test_one_anchor_has_a_box_for_each_of_its_classes(run_layer):
    rois = np.array([[0.2, 0.2, 0.4, 0.4]])
    deltas = np.zeros((1, 3, 4))
    deltas[0, 1, 0], deltas[0, 2, 1] = 1, 1  # a tenth of a side down, and to the right
    rows = run_layer(rois, np.array([[0, 0.6, 0.5]]), deltas, WHOLE, settings_with())
    expected = [[0.22, 0.2, 0.42, 0.4], [0.2, 0.22, 0.4, 0.42]]
    np.testing.assert_allclose(rows[:2, :4], expected, atol=1e-6)
    assert rows[:2, 4].tolist() == [1, 2]


def test_boxes_of_different_classes_leave_each_other_alone(run_layer):
    rois = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.52], [0.1, 0.1, 0.5, 0.54]])
    scores = np.array([[0, 0.9, 0], [0, 0.8, 0.0], [0, 0.0, 0.7]])
    rows = run_layer(rois, scores, np.zeros((3, 4)), WHOLE, settings_with())
    assert rows[:3, 4].tolist() == [1, 2, 0]
    np.testing.assert_allclose(rows[:2, 5], [0.9, 0.7], atol=1e-6)


def test_of_equal_scores_the_earlier_anchor_and_the_lower_class_come_first(run):
    rois = np.concatenate(
        [np.tile([[0.1, 0.1, 0.5, 0.5]], (5, 1)), np.tile([[0.6, 0.6, 0.9, 0.9]], (4, 1))]
    )
    rois[:, 3] += np.arange(9) * 0.001  # tells which of them it is
    scores = np.full((9, 3), 0.5)
    case = rois, scores, np.zeros((9, 4)), WHOLE
    expected = reference(*case, settings_with())
    assert expected[:5, 4].tolist() == [1, 2, 1, 2, 0]
    np.testing.assert_allclose(expected[:4, :4], rois[[0, 0, 5, 5]])
    assert_rows(run(*case, settings_with()), expected)


@pytest.mark.parametrize("classes", ["best", "all"])
@pytest.mark.parametrize(
    ("score", "window"),
    [(0.29, WHOLE), (0.9, np.array([0.6, 0.6, 1, 1]))],
    ids=["weak", "in the padding"],
)
def test_nothing_gives_zero_rows(run, classes, score, window):
    rois, scores = np.array([[0.1, 0.1, 0.5, 0.5]] * 3), np.array([[0.0, score, 0]] * 3)
    rows = run(rois, scores, np.zeros((3, 4)), window, settings_with(classes=classes))
    assert rows.shape == (12, 6) and not rows.any()


def test_background_is_no_object_however_sure(run_layer):
    scores = np.array([[1.0, 0, 0]])
    rows = run_layer(
        np.array([[0.1, 0.1, 0.5, 0.5]]),
        scores,
        np.zeros((1, 4)),
        WHOLE,
        settings_with(min_confidence=0.01),
    )
    assert not rows.any()


def test_background_takes_no_candidates_from_objects(run_layer):
    rois = np.array([[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]])
    scores = np.array([[0.6, 0.4, 0], [0.65, 0, 0.35]])
    rows = run_layer(rois, scores, np.zeros((2, 4)), WHOLE, settings_with(candidates=2))
    assert rows[:3, 4].tolist() == [1, 2, 0]


def test_a_score_at_the_threshold_is_enough(run_layer):
    rois, scores = np.array([[0.1, 0.1, 0.5, 0.5]]), np.array([[0.0, 0.5, 0.4375]])
    rows = run_layer(rois, scores, np.zeros((1, 4)), WHOLE, settings_with(min_confidence=0.5))
    assert rows[:2, 4].tolist() == [1, 0]


@pytest.mark.parametrize("maker", MAKERS)
def test_images_of_a_batch_share_their_anchors_and_nothing_else(maker):
    first, second = random_case(5, True), random_case(6, True)
    anchors, settings = first[0], settings_with()
    inputs = [np.stack(pair).astype("f4") for pair in zip(first[1:], second[1:], strict=True)]
    layer = DetectionLayer(box_std=STD, kernels=maker, **settings)
    rows = np.asarray(layer([anchors[None].astype("f4"), *inputs]))
    assert_rows(rows[0], reference(anchors, *first[1:], settings))
    assert_rows(rows[1], reference(anchors, *second[1:], settings))


def test_a_network_with_any_number_of_anchors_can_be_built():
    shapes = [(None, 4), (None, 3), (None, 4), (4,)]
    inputs = [keras.Input(shape) for shape in shapes]
    output = DetectionLayer(box_std=STD, **settings_with())(inputs)
    assert output.shape == (None, 12, 6)
    case = random_case(7, True, classes=3)
    rows = keras.Model(inputs, output).predict_on_batch([a[None].astype("f4") for a in case])
    assert_rows(rows[0], reference(*case, settings_with()))


@pytest.mark.parametrize("layer", [DetectionLayer, LiteDetections])
def test_another_rule_is_refused(layer):
    with pytest.raises(ConfigError, match="'each'.*best.*all"):
        layer(10, 0.5, 0.5, STD, classes="each")


def test_the_rule_comes_back_from_the_config():
    layer = DetectionLayer(box_std=STD, **settings_with(candidates=77))
    again = DetectionLayer.from_config(layer.get_config())
    assert (again.classes, again.candidates) == ("all", 77)
    old = {"count": 3, "min_confidence": 0, "nms_threshold": 0.3, "box_std": list(STD)}
    assert DetectionLayer.from_config(old).classes == "best"
