"""Guards: every function behind the old names gives the original's result, case by case."""

import numpy as np
import pytest

from maskdet.mrcnn import utils
from tests.parity import golden

pytestmark = pytest.mark.skipif(not golden.PRESENT, reason=golden.ABSENT)

UTILS = golden.Golden("utils_golden")
TRAINING = golden.Golden("train_targets")
# One generator yields the batches of several cases, in order.
GENERATORS: dict[str, object] = {}


def names(case):
    return case["name"]


def assert_same(ours, expected, name):
    ours = np.asarray(ours)
    assert ours.shape == expected.shape, name
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(ours, expected, err_msg=name)
    else:
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("case", list(TRAINING.cases), ids=names)
def test_training(case):
    expected = TRAINING.outputs(case)
    found = golden.run_training(case, TRAINING)
    if "last_zero" in expected:  # border boxes: see the golden files' README
        kept = ~expected["last_zero"].any(axis=-1)
        found[0], expected["pooled"] = found[0][kept], expected["pooled"][kept]
    for ours, (name, values) in zip(found, expected.items(), strict=True):
        assert_same(ours, values, name)


def is_generated(case):
    return case["function"] == "model.data_generator"


@pytest.mark.parametrize("case", [c for c in UTILS.cases if not is_generated(c)], ids=names)
def test_utils_and_data(case):
    expected = UTILS.outputs(case)
    found = dict(zip(expected, golden.run_utils(case, UTILS, {}), strict=True))
    ties = ties_of(case, found)
    for name, values in expected.items():
        if name in ties:
            differs = np.asarray(found[name]) != values
            assert not (differs & ~ties[name]).any(), name
            assert found[name].dtype == values.dtype
        else:
            assert_same(found[name], values, name)


def ties_of(case, found):
    """By output: where rounding noise decides. Everywhere else values are exactly equal."""
    function, arguments = case["function"].split(".")[1], case["arguments"]
    inputs = UTILS.inputs(case)
    if function == "resize_image" and inputs["image"].dtype == np.uint8:
        seed = arguments.get("python_random_seed")
        return {"image": golden.image_ties(inputs["image"], arguments, seed)}
    if function == "minimize_mask":
        minis = [
            golden.mask_ties(inputs["mask"][y1:y2, x1:x2, i], arguments["mini_shape"])
            for i, (y1, x1, y2, x2) in enumerate(inputs["bbox"])
        ]
        return {"mini_mask": np.stack(minis, axis=-1)}
    if function == "expand_mask":
        ties = np.zeros(found["mask"].shape, bool)
        for i, (y1, x1, y2, x2) in enumerate(inputs["bbox"]):
            shape = (y2 - y1, x2 - x1)
            ties[y1:y2, x1:x2, i] = golden.mask_ties(inputs["mini_mask"][..., i], shape)
        return {"mask": ties}
    if function == "load_image_gt":
        return ties_of_loaded(arguments, found)
    return {}


def ties_of_loaded(arguments, found):
    config, dataset = arguments["config"], golden.toys(UTILS)
    settings = {
        "min_dim": config["IMAGE_MIN_DIM"],
        "max_dim": config["IMAGE_MAX_DIM"],
        "min_scale": config["IMAGE_MIN_SCALE"],
        "mode": config["IMAGE_RESIZE_MODE"],
    }
    image = dataset.load_image(arguments["image_id"])
    ties = {"image": golden.image_ties(image, settings, arguments["python_random_seed"])}
    if arguments["use_mini_mask"]:
        whole = {**arguments, "use_mini_mask": False}
        full = golden.run_utils(
            {"function": "model.load_image_gt", "arguments": whole, "inputs": {}}, UTILS, {}
        )
        minis = [
            golden.mask_ties(full[4][y1:y2, x1:x2, i], config["MINI_MASK_SHAPE"])
            for i, (y1, x1, y2, x2) in enumerate(found["bbox"])
        ]
        ties["mask"] = np.stack(minis, axis=-1)
    return ties


@pytest.mark.parametrize("case", [c for c in UTILS.cases if is_generated(c)], ids=names)
def test_generated_batches(case, monkeypatch):
    expected = UTILS.outputs(case)
    shrink = utils.minimize_mask

    def with_the_original_s_ties(bbox, mask, mini_shape):
        # Later values depend on mini masks, so their ties are taken from the golden file.
        minis = shrink(bbox, mask, mini_shape)
        for stored in expected["gt_masks"]:
            stored = stored[..., : minis.shape[-1]]
            ties = [
                golden.mask_ties(mask[y1:y2, x1:x2, i], mini_shape)
                for i, (y1, x1, y2, x2) in enumerate(bbox)
            ]
            if not ((minis != stored) & ~np.stack(ties, axis=-1)).any():
                return stored
        return minis

    monkeypatch.setattr(utils, "minimize_mask", with_the_original_s_ties)
    found = golden.run_utils(case, UTILS, GENERATORS)
    for (name, values), ours in zip(expected.items(), found, strict=True):
        if name == "images":  # ties again, each of one grey level
            differs = np.abs(ours - values) > 1e-3
            assert differs.mean() < 0.01 and np.abs(ours - values).max() <= 1.001
        elif name == "mrcnn_mask":
            # One object's mini mask has two ties when it is spread over its box again.
            assert np.sum(np.abs(ours - values) > 1e-5) <= 1
        else:
            assert_same(ours, values, name)


def test_configs():
    for stored in UTILS.facts["configs"].values():
        config = golden.config_of(stored["overrides"])
        for name, value in stored["values"].items():
            np.testing.assert_array_equal(np.asarray(getattr(config, name)), np.asarray(value))


def test_the_dataset_numbers_classes_and_images_alike():
    facts, dataset = UTILS.facts["dataset"], golden.toys(UTILS)
    assert dataset.class_names == facts["class_names"]
    assert dataset.class_from_source_map == facts["class_from_source_map"]
    assert dataset.image_from_source_map == facts["image_from_source_map"]
    assert dataset.source_class_ids == facts["source_class_ids"]


def test_no_case_is_left_out():
    assert len(UTILS.cases) == 114
    assert len(TRAINING.cases) == 45
