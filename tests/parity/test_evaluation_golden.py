"""Guards: compute_matches, compute_ap and their kin give the original's numbers."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from maskdet.evaluation import matterport

FOLDER = Path(__file__).resolve().parents[2] / "../shared/parity"
NAMES = ("compute_matches", "compute_ap", "compute_ap_range", "compute_recall")


def cases():
    if not (FOLDER / "utils_golden.json").exists():
        return []
    listed = json.loads((FOLDER / "utils_golden.json").read_text())["cases"]
    return [case for case in listed if case["function"].split(".")[-1] in NAMES]


@pytest.fixture(scope="module")
def arrays():
    if not (FOLDER / "utils_golden.npz").exists():
        pytest.skip("the original's golden numbers (../shared/parity) are not here")
    return np.load(FOLDER / "utils_golden.npz", allow_pickle=False)


def stored(arrays, key):
    if key in arrays:
        return arrays[key]
    shape = arrays[f"{key}#shape"]
    return np.unpackbits(arrays[f"{key}#packed"])[: np.prod(shape)].reshape(shape).astype(bool)


RENAMED = {
    name: name[:-1].replace("boxe", "box").replace("score", "score")
    for name in ("gt_boxes", "gt_masks", "pred_boxes", "pred_masks", "pred_scores")
} | {"gt_class_ids": "gt_class_id", "pred_class_ids": "pred_class_id"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_equals_the_original(arrays, case):
    name = case["function"].split(".")[-1]
    inputs = {key: stored(arrays, where) for key, where in case["inputs"].items()}
    arguments = dict(case["arguments"])
    if name == "compute_ap_range":
        inputs = {RENAMED[key]: value for key, value in inputs.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        result = getattr(matterport, name)(**inputs, **arguments)
    results = result if isinstance(result, tuple) else (result,)
    for found, (key, where) in zip(results, case["outputs"].items(), strict=True):
        expected = stored(arrays, where)
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=key)


@pytest.mark.skipif(not cases(), reason="../shared/parity is not here")
def test_every_case_is_compared():
    assert len(cases()) >= 15
