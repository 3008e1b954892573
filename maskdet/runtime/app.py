"""What ``python -m maskdet.runtime`` does: photos, videos and cameras through an exported file."""

import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, save_picture
from maskdet.photo_results import asked_photos, make_results_folder, only_failures
from maskdet.runtime.cameras import (
    VIDEO_ENDINGS,
    FolderCamera,
    USBCamera,
    open_camera,
    photos_in,
)
from maskdet.runtime.options import Options
from maskdet.runtime.predictor import Predictor
from maskdet.runtime.scenes import FollowedObjects, LabelledFrames
from maskdet.runtime.viewer import Viewer

Array = NDArray[Any]
#: The task whose results are followed from frame to frame.
_FOLLOWED = "detection"


class Rate:
    """Frames a second over the last ones."""

    def __init__(self, window: int = 30) -> None:
        self._times: deque[float] = deque(maxlen=window + 1)

    def tick(self) -> float:
        """Count a frame; frames a second, 0 after the first."""
        self._times.append(time.perf_counter())
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])


def run_photos(predictor: Predictor, photos: Sequence[Path], options: Options) -> list[Any]:
    """The result of each photo; pictures and JSON with them go to ``options.out``.

    A photo that cannot be read is named and left out.

    Raises:
        DataError: if not one of them could be read.
        UsageError: if the photos lie in ``options.out``, or it cannot be written.
    """
    asked = asked_photos(photos, options.out if options.save else None, deep=False)
    if options.save:
        make_results_folder(options.out)
    results, failures, begun = [], [], time.perf_counter()
    for number, photo in enumerate(asked, start=1):
        try:
            image = read_image(photo.path)
        except DataError as error:
            failures.append(str(error))
            if len(asked) > 1:
                _say(options, str(error))
            continue
        started = time.perf_counter()
        result = predictor.predict(image)
        milliseconds = 1e3 * (time.perf_counter() - started)
        results.append(result)
        line = f"{photo.path.name}: {result.summary()} ({milliseconds:.1f} ms)"
        if options.save:
            ending = photo.path.suffix
            ending = ending if ending.lower() in (".jpg", ".jpeg", ".png") else ".png"
            target = options.out / f"{photo.name}_detected{ending}"
            save_picture(target, Image.fromarray(result.draw(image)))
            result.save(options.out / f"{photo.name}.json")
            line += f" -> {target}"
        if len(asked) > 1:
            left = (time.perf_counter() - begun) / number * (len(asked) - number)
            line = f"[{number}/{len(asked)}, {left:.0f} s left] {line}"
        _say(options, line)
    if failures and not results:
        raise only_failures(failures)
    return results


def run_frames(
    predictor: Predictor,
    frames: Iterable[Array],
    options: Options,
    video: "VideoFile | None" = None,
) -> Counter[str]:
    """The results of frames until they end or somebody stops it; objects are followed.

    Memory does not grow, however long it runs.

    Returns:
        How many different objects of each class there were; of a classifier how many frames it
        took for each class.
    """
    scenes = FollowedObjects(options) if predictor.task.name == _FOLLOWED else LabelledFrames()
    rate = Rate()
    viewer = Viewer(*options.serve) if options.serve else None
    if viewer:
        _say(options, f"See {viewer.address} (end with Ctrl+C)")
    said = -float("inf")
    try:
        for number, frame in enumerate(frames, start=1):
            scenes.update(predictor.predict(frame))
            speed = rate.tick()
            # Drawing costs more than detecting: only for those who look.
            watched = viewer is not None and viewer.watched
            if scenes.wants_picture or video is not None or watched:
                picture = scenes.draw(frame)
                remark = scenes.record(picture)
                if remark:
                    _say(options, remark)
                if viewer:
                    viewer.show(picture)
                if video:
                    video.write(picture)
            if time.monotonic() - said >= 1.0:
                said = time.monotonic()
                _say(options, f"frame {number}: {scenes.summary()} | {speed:.1f} FPS")
            if options.frames and number >= options.frames:
                break
    except KeyboardInterrupt:
        _say(options, "stopped")
    finally:
        if viewer:
            viewer.close()
        totals = ", ".join(f"{n} {name}" for name, n in scenes.totals.most_common())
        _say(options, f"seen in all: {totals or 'nothing'}")
    return scenes.totals


class VideoFile:
    """Writes pictures as a video, whole: under its name only when it is complete."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self._rate = path, rate
        self._writer: Any = None
        self._part = path.with_name(f".part-{path.name}")

    def write(self, picture: Array) -> None:
        """Add a picture uint8 (H, W, 3); the first one's size is the video's."""
        import cv2

        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            code = cv2.VideoWriter_fourcc(*"mp4v")
            size = picture.shape[1], picture.shape[0]
            self._writer = cv2.VideoWriter(os.fspath(self._part), code, self._rate, size)
            if not self._writer.isOpened():
                raise UsageError(f"{self.path} cannot be written by this OpenCV; use --no-save.")
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
            os.replace(self._part, self.path)


def run(predictor: Predictor, source: str, options: Options) -> None:
    """Whatever the source is: photo, folder, video, "camera", "play:FOLDER" as a camera.

    Raises:
        DataError: if it is missing, damaged, or a camera that disappears.
        UsageError: if what it needs is not installed.
    """
    path = Path(source)
    if source.startswith("play:"):
        with FolderCamera(source.removeprefix("play:")) as camera:
            run_frames(predictor, camera, options)
    elif source.startswith(("camera", "picamera", "/dev/")) and not path.is_file():
        with open_camera(source, options.size) as camera:
            run_frames(predictor, camera, options)
    elif path.is_dir():
        photos = photos_in(path)
        if not photos:
            raise DataError(f"There are no photos in {path}; give a folder with .jpg or .png.")
        run_photos(predictor, photos, options)
    elif path.suffix.lower() in VIDEO_ENDINGS and path.is_file():
        _run_video(predictor, path, options)
    elif path.is_file():
        run_photos(predictor, [path], options)
    else:
        raise DataError(f"There is no {source}; give a photo, a folder, a video or 'camera'.")


def _run_video(predictor: Predictor, path: Path, options: Options) -> None:
    if options.save:
        make_results_folder(options.out)
    with USBCamera(os.fspath(path), None) as capture:
        target = options.out / f"{path.stem}_detected.mp4"
        video = VideoFile(target, capture.rate) if options.save else None
        run_frames(predictor, _with_time_left(capture, options), options, video)
        if video:
            video.close()
            _say(options, f"-> {target}")


def _with_time_left(capture: USBCamera, options: Options) -> Iterator[Array]:
    total, begun, said = len(capture), time.perf_counter(), 0.0
    for number, frame in enumerate(capture):
        if total and number and time.perf_counter() - said > 5:
            said = time.perf_counter()
            left = (said - begun) / number * (total - number)
            _say(options, f"[{number}/{total}, {left:.0f} s left]")
        yield frame


def _say(options: Options, line: str) -> None:
    if not options.quiet:
        with contextlib.suppress(BrokenPipeError):  # piped into head
            print(line, file=options.stream, flush=True)
