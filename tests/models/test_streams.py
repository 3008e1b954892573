"""Promise: detect() streams. It holds a bounded number of images, may be called from many threads,
and compiles its network once, whatever sizes and numbers of images come."""

import threading

import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.layers.detection import DetectionLayer

BATCH = 4


@pytest.fixture
def make_detector(tmp_path, make_mobile_config):
    """A maker of detectors that have compiled nothing yet; keywords are settings."""

    def make(**settings):
        config = make_mobile_config(DETECTION_MIN_CONFIDENCE=0.0, **settings)
        return MaskRCNN("inference", config, tmp_path)

    return make


@pytest.fixture
def traces(monkeypatch):
    """A list that grows by one whenever a network's last layer is made part of a graph."""
    calls, call = [], DetectionLayer.call

    def counted(self, inputs):
        calls.append(inputs[1].shape)
        return call(self, inputs)

    monkeypatch.setattr(DetectionLayer, "call", counted)
    return calls


def images_of(count, seed=0):
    """Photos of ever other sizes."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height, width = rng.integers(40, 200, 2)
        yield rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_sizes_of_images_and_a_smaller_last_batch_compile_nothing_anew(make_detector, traces):
    detector = make_detector()
    traces.clear()  # of the building
    results = list(detector.detections(images_of(2 * BATCH + 2)))
    assert len(results) == 2 * BATCH + 2
    assert len(traces) == 1


def test_any_number_of_images_compiles_nothing_anew(make_detector, traces):
    detector = make_detector()
    traces.clear()
    for count in (1, 2, 3):
        assert len(detector.detect(list(images_of(count)))) == count
    assert len(traces) == 1


def test_any_size_of_canvas_compiles_nothing_anew(make_detector, traces):
    detector = make_detector(IMAGE_RESIZE_MODE="pad64", IMAGE_MIN_DIM=64)
    traces.clear()
    small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 128, 3), np.uint8)
    for _ in range(2):
        list(detector.detections([small] * (BATCH + 1) + [wide] * (BATCH + 1)))
    assert len(traces) == 1


def test_a_smaller_last_batch_changes_no_result(make_detector):
    detector = make_detector()
    images = list(images_of(BATCH + 1))
    *_, last = detector.detections(images)
    assert len(list(detector.detections(images))) == BATCH + 1
    [alone] = detector.detections(images[-1:])
    np.testing.assert_array_equal(last.class_ids, alone.class_ids)
    np.testing.assert_allclose(last.scores, alone.scores, atol=1e-5)
    np.testing.assert_allclose(last.boxes, alone.boxes, atol=0.05)


@pytest.mark.parametrize("ahead", [0, pytest.param(6, marks=pytest.mark.thorough)])
def test_a_generator_is_consumed_no_further_than_batches_and_what_may_be_ahead(
    make_detector, ahead
):
    taken = []

    def images():
        for number, image in enumerate(images_of(200)):
            taken.append(number)
            yield image

    most, results = 0, make_detector().results(images(), ahead)
    for done, _ in enumerate(results, start=1):
        most = max(most, len(taken) - done)
    assert len(taken) == done == 200
    # The batch whose results are handed out; and a batch that is ready, one that is being filled.
    assert most < BATCH if not ahead else BATCH < most <= 3 * BATCH + ahead


def test_preparing_ahead_gives_the_same(make_detector):
    detector = make_detector()
    images = list(images_of(11))
    assert list(detector.results(images)) == list(detector.results(images, 5))


def test_ten_threads_give_what_one_gives(make_detector):
    images = [list(images_of(3, seed)) for seed in range(10)]
    detector = make_detector()
    together, start = [None] * 10, threading.Barrier(10)

    def work(number):
        start.wait()  # all at once into a network that is not compiled yet
        together[number] = list(detector.detections(images[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [list(detector.detections(batch)) for batch in images]
    assert together == expected
    assert any(len(found) for batch in expected for found in batch)
