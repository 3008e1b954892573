"""Cameras behind one small interface: open, iterate over frames, close."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import DataError, UsageError
from maskdet.images import photo_endings, read_image

Array = NDArray[Any]
#: Frames in a row that may fail before a camera counts as gone.
PATIENCE = 5


class Camera(Protocol):
    """What the runtime asks of a camera."""

    #: For messages.
    name: str

    def read(self) -> Array:
        """The next frame uint8 (H, W, 3), RGB.

        Raises:
            DataError: when the camera is gone; names it.
        """
        ...

    def close(self) -> None:
        """Give the camera back; may be called twice."""
        ...


class _Closing(ABC):
    """``with`` for cameras, and iteration over their frames."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (there may be nothing to give back)
        """Give the camera back."""

    @abstractmethod
    def read(self) -> Array:
        """The next frame."""

    def __iter__(self) -> Iterator[Array]:
        while True:
            yield self.read()


class PiCamera(_Closing):
    """A camera on the Raspberry Pi's own connector, through picamera2.

    Args:
        size: (width, height) of a frame in pixels.
        number: of the camera.

    Raises:
        UsageError: without picamera2.
        DataError: if there is no such camera or it is in use.
    """

    def __init__(self, size: tuple[int, int] = (640, 480), number: int = 0) -> None:
        self.name = f"Pi camera {number}"
        try:
            from picamera2 import Picamera2
        except ImportError:
            raise UsageError(
                "The Pi's own camera needs picamera2; run: sudo apt install python3-picamera2 (and "
                "make the virtual environment with --system-site-packages)."
            ) from None
        try:
            self._camera = Picamera2(number)
            # picamera2 calls the order of bytes in memory BGR888 what everyone else calls RGB.
            form = {"size": size, "format": "BGR888"}
            self._camera.configure(self._camera.create_video_configuration(main=form))
            self._camera.start()
        except (RuntimeError, IndexError, OSError) as error:
            raise DataError(
                f"{self.name} cannot be opened ({error}); see that it is plugged in, shown by "
                "'rpicam-hello --list-cameras', and used by nothing else."
            ) from error

    def read(self) -> Array:
        try:
            return np.asarray(self._camera.capture_array("main"))[..., :3]
        except (RuntimeError, OSError) as error:
            raise DataError(f"{self.name} gives no more frames ({error}); plug it in.") from error

    def close(self) -> None:
        self._camera.stop()
        self._camera.close()


class USBCamera(_Closing):
    """A V4L2 camera such as a webcam (or a video file), through OpenCV.

    Args:
        device: number of the camera, a path such as "/dev/video0", or a video file.
        size: (width, height) asked of a camera, pixels.

    Raises:
        UsageError: without OpenCV.
        DataError: if it cannot be opened.
    """

    def __init__(self, device: int | str = 0, size: tuple[int, int] | None = (640, 480)) -> None:
        self.is_file = isinstance(device, str) and not device.startswith("/dev/")
        self.name = f"video {device}" if self.is_file else f"camera {device}"
        try:
            import cv2
        except ImportError:
            raise UsageError(
                "USB cameras and videos need OpenCV; run: pip install opencv-python-headless"
            ) from None
        self._cv2 = cv2
        self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            self._capture.release()
            raise DataError(
                f"The {self.name} cannot be opened; "
                + (
                    "check the file."
                    if self.is_file
                    else "see that it is plugged in ('ls /dev/video*') and used by nothing else."
                )
            )
        if size and not self.is_file:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
            # An old frame is worth nothing.
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    @property
    def rate(self) -> float:
        """Frames a second, as the device or file says; 25 where it knows none."""
        rate = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        return rate if math.isfinite(rate) and rate > 0 else 25.0

    def __len__(self) -> int:
        """Frames in all; 0 where the device or file knows no number."""
        count = float(self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT))
        return int(count) if math.isfinite(count) and count > 0 else 0

    def read(self) -> Array:
        for _ in range(1 if self.is_file else PATIENCE):
            read, frame = self._capture.read()
            # Damaged streams have frames that are announced and do not come.
            if read and frame is not None:
                return np.ascontiguousarray(frame[..., ::-1])
            time.sleep(0 if self.is_file else 0.1)
        raise DataError(f"The {self.name} gives no more frames; plug it in again.")

    def __iter__(self) -> Iterator[Array]:
        while True:
            read, frame = self._capture.read()
            if read and frame is not None:
                yield np.ascontiguousarray(frame[..., ::-1])
            elif self.is_file:
                if not read:
                    return
            else:
                yield self.read()

    def close(self) -> None:
        self._capture.release()


class FolderCamera(_Closing):
    """Photos of a folder played as a camera, again and again: for trying things out without one.

    Args:
        folder: with photos; or a list of frames.
        rate: frames a second; 0 for as fast as they are asked for.
        frames: after that many the camera is gone, as when somebody pulls the plug; None for never.

    Raises:
        DataError: if there is no photo.
    """

    def __init__(
        self, folder: str | Path | list[Array], rate: float = 0.0, frames: int | None = None
    ) -> None:
        self.name = "camera of a list" if isinstance(folder, list) else f"camera of {folder}"
        self._photos = folder if isinstance(folder, list) else photos_in(Path(folder))
        if not self._photos:
            raise DataError(f"There are no photos in {folder}; give a folder with some.")
        self._rate, self._left, self._number = rate, frames, 0
        self._due = time.monotonic()

    def read(self) -> Array:
        if self._left is not None and self._number >= self._left:
            raise DataError(f"The {self.name} gives no more frames; plug it in again.")
        photo = self._photos[self._number % len(self._photos)]
        self._number += 1
        if self._rate:
            self._due = max(self._due + 1.0 / self._rate, time.monotonic() - 1.0)
            time.sleep(max(0.0, self._due - time.monotonic()))
        return read_image(photo) if isinstance(photo, Path) else photo


VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mjpeg", ".h264")


def photos_in(folder: Path) -> list[Path]:
    """Photos of a folder, by name."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; check the path.")
    endings = photo_endings()
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in endings)


def open_camera(source: str, size: tuple[int, int]) -> PiCamera | USBCamera:
    """A camera by its word.

    Args:
        source: "camera" (the Pi's own where picamera2 is installed, else the first USB camera),
            "picamera", "camera:N" or "/dev/videoN".
        size: (width, height) of a frame.
    """
    word, _, number = source.partition(":")
    if source.startswith("/dev/"):
        return USBCamera(source, size)
    try:
        index = int(number or 0)
    except ValueError:
        raise UsageError(f"{source!r} names no camera; write camera or camera:0.") from None
    if word == "picamera":
        return PiCamera(size, index)
    try:
        import picamera2  # noqa: F401
    except ImportError:
        return USBCamera(index, size)
    return PiCamera(size, index)
