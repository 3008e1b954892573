"""Guards: each anchor learns what SSD's paper says, and the losses are its own, by loops."""

import keras
import numpy as np
import pytest

from maskdet import SsdConfig
from maskdet.geometry.boxes import pairwise_iou
from maskdet.models.ssd.losses import losses
from maskdet.models.ssd.targets import AnchorClasses

ANCHORS = np.array(
    [[0, 0, 10, 10], [0, 0, 12, 10], [20, 20, 40, 40], [22, 20, 42, 40], [60, 60, 70, 70]], "f4"
)
STD = (0.1, 0.1, 0.2, 0.2)


def targets(class_ids, boxes):
    layer = AnchorClasses(ANCHORS, STD)
    found = layer([np.array([class_ids], "i4"), np.array([boxes], "f4")])
    return [np.asarray(array)[0] for array in found]


def test_an_anchor_learns_the_object_it_overlaps_by_half():
    classes, deltas = targets([2, 0], [[20, 20, 40, 44], [0, 0, 0, 0]])
    assert pairwise_iou(ANCHORS[2:4], np.array([[20, 20, 40, 44]], "f4")).min() > 0.5
    assert classes.tolist() == [0, 0, 2, 2, 0]
    # Anchor 2: the centre is 2 pixels to the right of its own, the object a fifth wider.
    np.testing.assert_allclose(deltas[2], [0, 2 / 20 / 0.1, 0, np.log(1.2) / 0.2], atol=1e-5)
    assert not deltas[[0, 1, 4]].any()


def test_every_object_has_an_anchor_of_its_own_even_where_another_fits_better():
    # Both objects overlap anchor 1 most of all anchors but one; the small one has no better.
    objects = [[0, 0, 12, 10], [2, 2, 12, 10]]
    overlaps = pairwise_iou(ANCHORS, np.array(objects, "f4"))
    assert overlaps[:, 1].argmax() == 1 and overlaps[1].argmax() == 0
    classes, _ = targets([1, 2], objects)
    assert classes[0] == 1
    # Of two objects that want the same anchor one has it, and it is the one that fits better.
    assert classes[1] == 1
    classes, _ = targets([1, 2], [[0, 0, 10, 10], [2, 2, 12, 10]])
    assert classes.tolist()[:2] == [1, 2]


def test_an_object_that_overlaps_nothing_by_half_still_has_its_best_anchor():
    classes, _ = targets([1], [[60, 60, 90, 90]])
    assert classes.tolist() == [0, 0, 0, 0, 1]


def test_a_crowd_teaches_nothing_and_no_object_teaches_background():
    classes, _ = targets([-1], [[20, 20, 40, 40]])
    assert classes.tolist() == [0, 0, -1, -1, 0]
    classes, deltas = targets([0], [[0, 0, 0, 0]])
    assert not classes.any() and not deltas.any()


# ---- losses -----------------------------------------------------------------------------------
RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(2, 5, 3)).astype("f4")
CLASSES = np.array([[1, 0, 2, -1, 0], [0, 0, 0, 0, 0]], "i4")
DELTAS = RNG.normal(scale=2, size=(2, 5, 4)).astype("f4")


def found(**settings):
    config = SsdConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    outputs = {
        "class_logits": LOGITS,
        "target_classes": CLASSES,
        "deltas": DELTAS,
        "target_deltas": np.zeros_like(DELTAS),
    }
    outputs = {name: keras.ops.convert_to_tensor(array) for name, array in outputs.items()}
    return {name: float(value) for name, value in losses(outputs, config).items()}


def anchor_losses(kind, alpha=0.75, gamma=2.0):
    """(2, 5), by loops."""
    rows = np.zeros((2, 5))
    for image in range(2):
        for anchor in range(5):
            logits, own = LOGITS[image, anchor].astype("f8"), max(CLASSES[image, anchor], 0)
            if kind == "softmax":
                rows[image, anchor] = np.log(np.exp(logits).sum()) - logits[own]
                continue
            for number in (1, 2):
                share = 1 / (1 + np.exp(-logits[number]))
                true = share if number == own else 1 - share
                weight = 1.0
                if kind == "focal":
                    weight = (alpha if number == own else 1 - alpha) * (1 - true) ** gamma
                rows[image, anchor] -= weight * np.log(true)
    return rows * (CLASSES >= 0)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "focal"])
def test_class_losses_by_hand(kind):
    expected = anchor_losses(kind).sum() / 2  # two anchors with an object
    assert found(CLASS_LOSS=kind)["ssd_class_loss"] == pytest.approx(expected, rel=1e-4)


def test_the_worst_of_the_background_by_image():
    """Of the first image, which has two objects' anchors, both of the background; of the second,
    which has none, as many as for one."""
    rows = anchor_losses("softmax")
    first = rows[0, [0, 1, 2, 4]].sum()
    second = np.sort(rows[1])[-1]
    value = found(CLASS_LOSS="softmax", NEGATIVES_PER_POSITIVE=1.0)["ssd_class_loss"]
    assert value == pytest.approx((first + second) / 2, rel=1e-4)
    second = np.sort(rows[1])[-3:].sum()
    value = found(CLASS_LOSS="softmax", NEGATIVES_PER_POSITIVE=3.0)["ssd_class_loss"]
    assert value == pytest.approx((first + second) / 2, rel=1e-4)


def test_box_losses_are_of_anchors_with_an_object():
    distance = np.abs(DELTAS[0, [0, 2]])
    errors = np.where(distance < 1, distance**2 / 2, distance - 0.5)
    assert found()["ssd_box_loss"] == pytest.approx(errors.sum() / 2, rel=1e-5)


def test_pictures_without_objects_have_a_loss_that_is_a_number():
    config = SsdConfig()
    outputs = {
        "class_logits": keras.ops.convert_to_tensor(LOGITS),
        "target_classes": keras.ops.zeros((2, 5), "int32"),
        "deltas": keras.ops.convert_to_tensor(DELTAS),
        "target_deltas": keras.ops.zeros((2, 5, 4)),
    }
    values = losses(outputs, config)
    assert float(values["ssd_box_loss"]) == 0 and np.isfinite(float(values["ssd_class_loss"]))


def test_targets_come_back_from_their_config():
    again = keras.layers.deserialize(keras.layers.serialize(AnchorClasses(ANCHORS, STD, 0.4)))
    np.testing.assert_array_equal(again.anchors, ANCHORS)
    assert again.match_iou == 0.4 and again.box_std == list(STD)
