"""Guards: the network's arithmetic stays what it was when it agreed with the original's."""

import numpy as np
import pytest

from tests.parity import tiny


@pytest.fixture(scope="module")
def found():
    return tiny.outputs()


@pytest.fixture(scope="module")
def stored():
    with np.load(tiny.FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", [n for n in tiny.LAYERS if n not in ("ROI", "mrcnn_detection")])
def test_tensors(found, stored, name):
    expected, ours = stored[name], tiny.sample(found[name])
    assert np.abs(ours - expected).max() <= 1e-3 * np.abs(expected).max()


def test_proposals_and_detections(found, stored):
    np.testing.assert_allclose(tiny.sample(found["ROI"]), stored["ROI"], atol=1e-4)
    np.testing.assert_array_equal(found["detect/class_ids"], stored["detect/class_ids"])
    np.testing.assert_allclose(tiny.sample(found["detect/rois"]), stored["detect/rois"], atol=1)
    np.testing.assert_allclose(found["detect/scores"], stored["detect/scores"], atol=1e-3)
