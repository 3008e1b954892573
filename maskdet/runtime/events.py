"""Photos kept of what was seen: one when an object appears, never more than a limit."""

import json
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.images import save_picture

Array = NDArray[Any]


class Recorder:
    """Keeps a photo (and the boxes, as JSON) whenever a new object appears.

    Args:
        folder: for them; made if missing.
        pause: seconds between two photos at least.
        most: photos kept; the oldest go.

    Raises:
        UsageError: if the folder cannot be made.
    """

    def __init__(self, folder: str | Path, pause: float = 1.0, most: int = 1000) -> None:
        self.folder, self.pause, self.most = Path(folder), pause, most
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {folder} cannot be made ({error.strerror}).") from error
        self._kept: deque[Path] = deque(sorted(self.folder.glob("seen_*.jpg")))
        self._newest = 0  # tracks are numbered upwards
        self._last = -float("inf")

    def wants(self, numbers: Sequence[int]) -> bool:
        """Whether :meth:`update` would keep a picture with these tracks now."""
        new = any(number > self._newest for number in numbers)
        return new and time.monotonic() - self._last >= self.pause

    def update(self, picture: Array, detections: Detections, numbers: Sequence[int]) -> Path | None:
        """Keep the picture if one of its objects is new; where it lies, or None.

        Args:
            picture: uint8 (H, W, 3).
            numbers: of the objects' tracks.
        """
        if not self.wants(numbers):
            return None
        first = min(number for number in numbers if number > self._newest)
        self._newest, self._last = max(numbers), time.monotonic()
        stamp = time.strftime("%Y%m%d_%H%M%S") + f"_{first:06d}"
        path = self.folder / f"seen_{stamp}.jpg"
        save_picture(path, Image.fromarray(picture))
        facts = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
            "objects": [
                {"class": name, "score": round(float(score), 4), "box": box.round(1).tolist()}
                for name, score, box in zip(
                    detections.names, detections.scores, detections.boxes, strict=True
                )
            ],
        }
        write_whole(path.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
        self._kept.append(path)
        while len(self._kept) > self.most:
            oldest = self._kept.popleft()
            oldest.unlink(missing_ok=True)
            oldest.with_suffix(".json").unlink(missing_ok=True)
        return path
