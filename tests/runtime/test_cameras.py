"""Promise: cameras and videos with damaged frames, or that know no rate or length, still play.

Without OpenCV: a stand-in has its methods.
"""

import io
import math
import sys
import time
import types
from collections import Counter

import numpy as np
import pytest

from maskdet.errors import DataError
from maskdet.runtime.app import Options, run
from maskdet.runtime.cameras import PATIENCE, USBCamera
from maskdet.tasks.classification.task import CLASSIFICATION

GOOD, DAMAGED, GONE = "good", (True, None), (False, None)


class Played:
    """What the stand-in for OpenCV plays: reads, the last one again and again, and what it says."""

    def __init__(self):
        self.reads, self.rate, self.count, self.asked = [GONE], 0.0, 0.0, 0


@pytest.fixture
def played(monkeypatch):
    script = Played()

    class Capture:
        def __init__(self, device):
            script.asked = 0

        def isOpened(self):
            return True

        def set(self, name, value):
            pass

        def get(self, name):
            return {"rate": script.rate, "count": script.count}[name]

        def read(self):
            read = script.reads[min(script.asked, len(script.reads) - 1)]
            script.asked += 1
            return (True, np.full((4, 6, 3), script.asked, np.uint8)) if read == GOOD else read

        def release(self):
            pass

    module = types.ModuleType("cv2")
    module.VideoCapture = Capture
    module.CAP_PROP_FRAME_WIDTH = module.CAP_PROP_FRAME_HEIGHT = module.CAP_PROP_BUFFERSIZE = "size"
    module.CAP_PROP_FPS, module.CAP_PROP_FRAME_COUNT = "rate", "count"
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return script


def numbers(frames):
    return [int(frame[0, 0, 0]) for frame in frames]


def test_a_video_goes_on_behind_a_damaged_frame(played):
    played.reads = [DAMAGED, GOOD, DAMAGED, DAMAGED, GOOD, GONE]
    assert numbers(USBCamera("film.mp4")) == [2, 5]


def test_a_video_of_many_damaged_frames_in_a_row_goes_on(played):
    played.reads = [GOOD, *[DAMAGED] * (4 * PATIENCE), GOOD, GONE]
    assert numbers(USBCamera("film.mp4")) == [1, 4 * PATIENCE + 2]


def test_a_camera_goes_on_behind_a_damaged_frame(played):
    played.reads = [GOOD, DAMAGED, GOOD, *[DAMAGED] * (PATIENCE - 1), GOOD, GONE]
    seen = []
    with pytest.raises(DataError, match="camera 0 gives no more frames"):
        for frame in USBCamera(0):
            seen.append(frame)
    assert numbers(seen) == [1, 3, PATIENCE + 3]


def test_a_camera_that_gives_only_damaged_frames_counts_as_gone(played):
    played.reads = [DAMAGED]
    with pytest.raises(DataError, match="camera 0 gives no more frames"):
        USBCamera(0).read()
    assert played.asked == PATIENCE


@pytest.mark.parametrize(
    ("said", "count"), [(math.nan, 0), (math.inf, 0), (-1.0, 0), (-9.2e18, 0), (0.0, 0), (7.0, 7)]
)
def test_the_length_of_a_video_that_knows_none_is_zero(said, count, played):
    played.count = said
    assert len(USBCamera("film.mp4")) == count


@pytest.mark.parametrize(
    ("said", "rate"), [(math.nan, 25), (math.inf, 25), (-1.0, 25), (0.0, 25), (29.97, 29.97)]
)
def test_the_rate_of_a_video_that_knows_none_is_25(said, rate, played):
    played.rate = said
    assert USBCamera("film.mp4").rate == rate


class Counting:
    """A predictor of which only the number of frames matters."""

    frames = 0
    task = CLASSIFICATION

    def predict(self, frame):
        self.frames += 1
        return types.SimpleNamespace(summary=lambda: "nothing")


class Scenes:
    """What follows the frames; of no interest here."""

    wants_picture = False

    def __init__(self):
        self.totals = Counter()

    def update(self, result):
        pass

    def summary(self):
        return "nothing"


@pytest.mark.parametrize("count", [math.nan, -1.0, 3.0])
def test_a_whole_video_is_seen_whatever_length_it_says(count, played, tmp_path, monkeypatch):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"what the stand-in plays")
    played.reads, played.count = [GOOD, DAMAGED, GOOD, GOOD, GONE], count
    monkeypatch.setattr("maskdet.runtime.app.LabelledFrames", Scenes)
    predictor, text = Counting(), io.StringIO()
    run(predictor, str(film), Options(save=False, stream=text))
    assert predictor.frames == 3
    assert "seen in all: nothing" in text.getvalue()
