"""Promise: photos, folders and cameras through a detector, day and night, in plain words."""

import gc
import io
import json
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import types
import urllib.request

import numpy as np
import pytest
from PIL import Image

from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, write_image
from maskdet.runtime import Detector
from maskdet.runtime.__main__ import main
from maskdet.runtime.app import Options, run_frames
from maskdet.runtime.cameras import FolderCamera, PiCamera, USBCamera, open_camera
from maskdet.runtime.events import Recorder
from maskdet.runtime.tracker import Tracker
from maskdet.runtime.viewer import MOST_VIEWERS, Viewer
from tests.runtime.conftest import picture


@pytest.fixture
def detector(made):
    return Detector(made, threads=1)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    for number, bright in enumerate([(0,), (1, 2), ()]):
        write_image(place / f"{number}.png", picture(*bright))
    return place


# ---- photos ---------------------------------------------------------------------------------
def test_a_photo_is_drawn_and_told(made, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(made), str(folder / "1.png"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1.png: " in said
    assert "1 cat" in said
    assert "1 dog" in said
    drawn = read_image(out / "1_detected.png")
    assert drawn.shape == (64, 64, 3)
    assert (drawn != read_image(folder / "1.png")).any()
    assert len(json.loads((out / "1.json").read_text())["boxes"]) == 2


def test_a_folder_with_a_damaged_photo_goes_on(made, folder, tmp_path, capsys):
    (folder / "0.png").write_bytes((folder / "0.png").read_bytes()[:60])
    assert main([str(made), str(folder), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "0.png" in said
    assert "[3/3, 0 s left] 2.png: nothing" in said
    assert not (tmp_path / "out" / "0_detected.png").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [("nothing.jpg", "no nothing.jpg"), (".", "no photos"), ("play:nowhere", "no folder nowhere")],
)
def test_sources_that_are_not_there(made, source, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([str(made), source]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_file_of_something_else_is_one_sentence(folder, capsys):
    assert main([str(folder / "0.png"), str(folder)]) == 1
    assert "no .tflite file" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "camera --serve" in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--serve", "x:y"], ["--serve", "99999"], ["--size", "640"]])
def test_odd_options(option, capsys):
    with pytest.raises(SystemExit):
        main(["a.tflite", "camera", *option])
    assert "is no" in capsys.readouterr().err


# ---- cameras --------------------------------------------------------------------------------
def test_frames_are_followed_and_counted(detector):
    frames = [picture(0)] * 5 + [picture(0, 3)] * 5 + [picture()] * 15 + [picture(0)] * 5
    text = io.StringIO()
    totals = run_frames(detector, frames, Options(stream=text))
    # The first quarter's cat twice, as it was away for longer than the tracker's patience.
    assert totals == {"cat": 2, "dog": 1}
    assert "FPS" in text.getvalue()
    assert "seen in all: 2 cat, 1 dog" in text.getvalue()


def test_a_camera_that_disappears(made, folder, capsys, monkeypatch):
    camera = FolderCamera(folder, frames=7)
    monkeypatch.setattr("maskdet.runtime.app.open_camera", lambda *arguments: camera)
    assert main([str(made), "camera", "--no-save"]) == 1
    captured = capsys.readouterr()
    assert "gives no more frames" in captured.err
    assert "seen in all" in captured.out


def test_no_camera_software(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match="python3-picamera2"):
        PiCamera()
    for source in ("camera", "camera:1", "/dev/video3"):
        with pytest.raises(UsageError, match="opencv-python-headless"):
            open_camera(source, (640, 480))
    with pytest.raises(UsageError, match="names no camera"):
        open_camera("camera:first", (640, 480))


def test_the_pis_camera_by_its_real_calls(monkeypatch):
    """A stand-in with picamera2's methods: RGB frames of the size that was asked for."""
    calls = []

    class Picamera2:
        def __init__(self, number):
            if number:
                raise IndexError("list index out of range")

        def create_video_configuration(self, main):
            calls.append(main)
            return main

        def configure(self, configuration):
            self.size = configuration["size"]

        def start(self):
            calls.append("start")

        def capture_array(self, name):
            assert name == "main"
            return np.full((self.size[1], self.size[0], 3), 7, np.uint8)

        def stop(self):
            calls.append("stop")

        def close(self):
            calls.append("close")

    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with open_camera("camera", (320, 240)) as camera:
        assert next(iter(camera)).shape == (240, 320, 3)
    assert calls == [{"size": (320, 240), "format": "BGR888"}, "start", "stop", "close"]
    with pytest.raises(DataError, match="Pi camera 1 cannot be opened.*list-cameras"):
        open_camera("picamera:1", (320, 240))


def test_a_usb_camera_by_its_real_calls(monkeypatch):
    class Capture:
        def __init__(self, device):
            self.device, self.left = device, 3

        def isOpened(self):
            return self.device == 0

        def set(self, name, value):
            pass

        def get(self, name):
            return 0

        def read(self):
            self.left -= 1
            frame = np.zeros((4, 6, 3), np.uint8)
            frame[..., 0] = 9  # blue comes first there
            return self.left >= 0, frame

        def release(self):
            pass

    module = types.ModuleType("cv2")
    module.VideoCapture = Capture
    module.CAP_PROP_FRAME_WIDTH = module.CAP_PROP_FRAME_HEIGHT = module.CAP_PROP_BUFFERSIZE = 1
    module.CAP_PROP_FPS = module.CAP_PROP_FRAME_COUNT = 2
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    frames = []
    with pytest.raises(DataError, match="camera 0 gives no more frames"):
        for frame in USBCamera(0):
            frames.append(frame)
    assert len(frames) == 3
    assert frames[0][0, 0].tolist() == [0, 0, 9]
    with pytest.raises(DataError, match="/dev/video5 cannot be opened"):
        USBCamera("/dev/video5")


def test_a_folder_plays_at_its_rate(folder):
    camera = FolderCamera(folder, rate=50)
    begun = time.perf_counter()
    frames = [camera.read() for _ in range(10)]
    assert time.perf_counter() - begun >= 0.15
    np.testing.assert_array_equal(frames[0], frames[3])  # again from the beginning


# ---- tracker --------------------------------------------------------------------------------
def test_numbers_stay_and_boxes_steady(detector):
    tracker = Tracker(steadiness=0.5)
    first, numbers = tracker.update(detector.detect(picture(0, 1)))
    found = detector.detect(picture(0, 1))
    moved = type(found)(
        found.boxes + 4, found.class_ids, found.scores, found.class_names, (99, 99), None
    )
    second, again = tracker.update(moved)
    assert again == numbers
    assert sorted(numbers) == [1, 2]
    np.testing.assert_allclose(second.boxes, first.boxes + 2, atol=1e-4)


def test_classes_do_not_mix(detector):
    tracker = Tracker()
    found = detector.detect(picture(0))
    _, [number] = tracker.update(found)
    other = type(found)(
        found.boxes, 3 - found.class_ids, found.scores, found.class_names, (64, 64), None
    )
    _, [another] = tracker.update(other)
    assert another != number


def test_an_object_counts_when_it_was_seen_often_enough(detector):
    tracker = Tracker(sure_after=3)
    found = detector.detect(picture(0))
    for _ in range(2):
        tracker.update(found)
    assert not tracker.totals
    tracker.update(found)
    assert sum(tracker.totals.values()) == 1


# ---- recorder -------------------------------------------------------------------------------
def test_a_photo_of_each_new_object_and_never_more_than_the_limit(detector, tmp_path):
    recorder = Recorder(tmp_path / "seen", pause=0, most=3)
    found = detector.detect(picture(0))
    kept = [recorder.update(picture(0), found, [n]) for n in (1, 1, 2, 3, 3, 4, 5)]
    assert [path is not None for path in kept] == [True, False, True, True, False, True, True]
    photos = sorted((tmp_path / "seen").glob("*.jpg"))
    assert len(photos) == len(list((tmp_path / "seen").glob("*.json"))) == 3
    facts = json.loads(photos[-1].with_suffix(".json").read_text())
    assert facts["objects"][0]["class"] == "cat"
    # A second start keeps the limit too.
    Recorder(tmp_path / "seen", pause=0, most=3).update(picture(0), found, [1])
    assert len(list((tmp_path / "seen").glob("*.jpg"))) == 3


def test_a_pause_between_photos(detector, tmp_path):
    recorder = Recorder(tmp_path, pause=1000)
    found = detector.detect(picture(0))
    assert recorder.update(picture(0), found, [1])
    assert recorder.update(picture(0), found, [2]) is None


# ---- viewer ---------------------------------------------------------------------------------
@pytest.fixture
def viewer():
    served = Viewer(port=0)
    yield served
    served.close()


def jpeg_of(stream):
    length = 0
    while True:
        line = stream.readline().strip()
        if line.startswith(b"Content-Length"):
            length = int(line.split(b":")[1])
        if not line and length:
            return Image.open(io.BytesIO(stream.read(length)))


def test_the_page_and_its_stream(viewer):
    assert viewer.address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(viewer.address, timeout=5) as page:
        assert b"<img src=stream" in page.read()
    assert not viewer.watched
    with urllib.request.urlopen(viewer.address + "stream", timeout=5) as stream:
        for shade in (10, 200):
            deadline = time.monotonic() + 5
            while not viewer.watched and time.monotonic() < deadline:
                time.sleep(0.01)
            viewer.show(np.full((20, 30, 3), shade, np.uint8))
            seen = np.asarray(jpeg_of(stream))
            assert seen.shape == (20, 30, 3)
            assert abs(int(seen.mean()) - shade) < 5
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(viewer.address + "../etc/passwd", timeout=5)


def test_a_slow_viewer_never_slows_detection(viewer, detector):
    """One viewer never reads and its socket fills up: showing a picture stays free of charge."""
    host, port = viewer.address[7:-1].split(":")
    slow = socket.create_connection((host, int(port)))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    deadline = time.monotonic() + 5
    while not viewer.watched and time.monotonic() < deadline:
        time.sleep(0.01)
    assert viewer.watched
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    longest = 0.0
    for _ in range(60):
        begun = time.perf_counter()
        viewer.show(noise)
        longest = max(longest, time.perf_counter() - begun)
        time.sleep(0.01)
    # Showing is handing over a reference; encoding 640 x 480 of noise alone takes longer.
    assert longest < 0.5
    slow.close()


def test_viewers_are_limited_and_leave(viewer):
    streams = [
        urllib.request.urlopen(viewer.address + "stream", timeout=5) for _ in range(MOST_VIEWERS)
    ]
    with pytest.raises(urllib.error.HTTPError, match="too many viewers"):
        urllib.request.urlopen(viewer.address + "stream", timeout=5)
    for stream in streams:
        stream.close()
    deadline = time.monotonic() + 10
    while viewer.watched and time.monotonic() < deadline:
        viewer.show(np.zeros((50, 50, 3), np.uint8))
        time.sleep(0.02)
    assert not viewer.watched


def test_a_taken_port_is_said(viewer):
    port = int(viewer.address[7:-1].split(":")[1])
    with pytest.raises(UsageError, match=f"127.0.0.1:{port}.*choose another port"):
        Viewer(port=port)


# ---- a long run -----------------------------------------------------------------------------
def soak(detector, tmp_path, frames):
    """Bytes that Python holds more at the end than after the first tenth."""
    draws = np.random.default_rng(0)
    scenes = [picture(*np.flatnonzero(draws.random(4) < 0.4)) for _ in range(50)]
    held = []

    def weigh():
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])

    def played():
        for number in range(frames):
            if number == frames // 10:
                weigh()
            yield scenes[int(draws.integers(50))]
        weigh()

    tracemalloc.start()
    try:
        options = Options(
            quiet=True, record=tmp_path / "seen", serve=("127.0.0.1", 0), size=(64, 64)
        )
        run_frames(detector, played(), options)
    finally:
        tracemalloc.stop()
    return held[1] - held[0]


def test_memory_does_not_grow(detector, tmp_path):
    assert soak(detector, tmp_path, 1500) < 100_000
    assert threading.active_count() < 10


@pytest.mark.slow
def test_a_days_run(detector, tmp_path):
    assert soak(detector, tmp_path, 20_000) < 100_000


# ---- packaging ------------------------------------------------------------------------------
def test_nothing_but_numpy_pillow_and_the_interpreter_is_needed(made, folder, tmp_path):
    """A Python that sees only those three (and what the interpreter itself needs)."""
    import ai_edge_litert
    import PIL

    wanted = {"numpy", "PIL", "ai_edge_litert", "flatbuffers", "ml_dtypes", "google", "tqdm"}
    wanted |= {"typing_extensions.py", "backports"}
    site = tmp_path / "site"
    site.mkdir()
    for package in (np, PIL, ai_edge_litert):
        source = next(iter(package.__path__))
        for entry in type(tmp_path)(source).parent.iterdir():
            name = entry.name
            if name in wanted or name.split(".")[0] in ("numpy", "pillow") and "libs" in name:
                target = site / name
                if not target.exists():
                    target.symlink_to(entry)
    root = type(tmp_path)(__file__).parents[2]
    (site / "maskdet").symlink_to(root / "maskdet")
    code = f"""
import sys, time
sys.path[:] = [p for p in sys.path if "site-packages" not in p] + [{str(site)!r}]
begun = time.perf_counter()
import maskdet.runtime
took = time.perf_counter() - begun
from maskdet.runtime.__main__ import main
assert main([{str(made)!r}, {str(folder / "1.png")!r}, "--out", {str(tmp_path / "out")!r}]) == 0
roots = {{name.split(".")[0] for name in sys.modules}}
assert not roots & {{"tensorflow", "keras", "scipy", "skimage", "lxml", "cv2", "matplotlib"}}, roots
print("import", took)
"""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "1 cat" in run.stdout
    assert (tmp_path / "out" / "1_detected.png").exists()
