"""Promise: on a Raspberry Pi's processor a file gives what it gives here.

Needs the emulated system that tests/arm/prepare.sh makes; ``make test-arm`` does both.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.runtime import Detector
from tests.exporters.conftest import photos

pytestmark = pytest.mark.arm

SYSTEM = Path(os.environ.get("MASKDET_ARM", "no such folder"))
ROOT = Path(__file__).resolve().parents[2]
#: A Pi 4's core, which has no dot product instructions, and a Pi 5's, which has.
PROCESSORS = ["cortex-a72", "cortex-a76"]
CODE = """
import sys, numpy
from maskdet.runtime import Detector
detector = Detector(sys.argv[1], threads=1, min_confidence=0.05)
for number, image in enumerate(numpy.load(sys.argv[2]).values()):
    detector.detect(image).save(f"{sys.argv[3]}/{number}.json")
"""


def run_there(processor, model, images, out):
    """Detections of an emulated processor."""
    if not (SYSTEM / "ready").exists():
        pytest.skip("no emulated system; run make test-arm")
    np.savez(out / "images.npz", *images)
    emulator = SYSTEM / "tools" / "usr" / "bin" / "qemu-aarch64"
    path = f"PYTHONPATH={SYSTEM / 'site'}:{ROOT}"
    python = SYSTEM / "root" / "usr" / "bin" / "python3.11"
    command = [emulator, "-cpu", processor, "-L", SYSTEM / "root", "-E", path, python, "-c", CODE]
    run = subprocess.run(
        [*map(str, command), str(model), str(out / "images.npz"), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return [Detections.load(out / f"{number}.json") for number in range(len(images))]


def models(exported):
    """A file of seeded weights, and whatever trained files MASKDET_ARM_MODELS lists."""
    trained = os.environ.get("MASKDET_ARM_MODELS", "").split()
    return [exported["int8", "instances"], exported["int8", "detect"], *map(Path, trained)]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_int8_is_equal_to_the_bit(exported, processor, tmp_path):
    images = photos(3, 11)
    for number, model in enumerate(models(exported)):
        out = tmp_path / str(number)
        out.mkdir()
        there = run_there(processor, model, images, out)
        detector = Detector(model, threads=1, min_confidence=0.05)
        here = [detector.detect(image) for image in images]
        assert any(len(found) for found in here) or number > 1
        for ours, theirs in zip(here, there, strict=True):
            np.testing.assert_array_equal(theirs.boxes, ours.boxes)
            np.testing.assert_array_equal(theirs.class_ids, ours.class_ids)
            np.testing.assert_array_equal(theirs.masks, ours.masks)
            np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-6)


def test_float32_is_equal_to_a_hundred_thousandth(exported, tmp_path):
    images = photos(2, 11)
    there = run_there("cortex-a76", exported["float32", "instances"], images, tmp_path)
    detector = Detector(exported["float32", "instances"], threads=1, min_confidence=0.05)
    for image, theirs in zip(images, there, strict=True):
        ours = detector.detect(image)
        np.testing.assert_array_equal(theirs.class_ids, ours.class_ids)
        np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=1e-3)
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-5)
        np.testing.assert_allclose(theirs.small_masks, ours.small_masks, atol=1e-4)
