"""What a network said of photos, kept so that a call that was cut need not ask it again."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.drafts import append_lines, read_lines

Array = NDArray[Any]
#: The file, in the folder of the drafts.
FILE_NAME = ".maskdet_seen"


@dataclass(frozen=True)
class Seen:
    """What is known of a photo.

    Attributes:
        uncertainty: of the network, see :mod:`maskdet.tasks.detection.usefulness`.
        objects: that were found.
        feature: float32 (C,), numbers of float16.
    """

    uncertainty: float
    objects: int
    feature: Array


class SeenPhotos:
    """Photos by their path, as long as neither they nor the network change.

    Args:
        folder: where they are kept; must be there once something is added.
        origin: stands for the network and its settings; what another one said is dropped.
    """

    def __init__(self, folder: str | os.PathLike[str], origin: str) -> None:
        self._path, self._origin = Path(folder) / FILE_NAME, origin
        self._seen: dict[str, Seen] = {}
        entries = list(read_lines(self._path))
        self._is_current = bool(entries) and entries[0].get("origin") == origin
        for entry in entries[1:] if self._is_current else ():
            data = np.frombuffer(base64.b64decode(entry["feature"]), "<f2")  # (C,)
            self._seen[entry["photo"]] = Seen(
                entry["uncertainty"], entry["objects"], data.astype(np.float32)
            )

    def get(self, photo: Path) -> Seen | None:
        """What is known of a photo, None for nothing."""
        key = _key(photo)
        return None if key is None else self._seen.get(key)

    def add(self, photo: Path, seen: Seen) -> None:
        """Keep what is known of a photo."""
        key = _key(photo)
        if key is None:
            return
        if not self._is_current:
            self._path.unlink(missing_ok=True)
            append_lines(self._path, [{"origin": self._origin}])
            self._is_current = True
        text = base64.b64encode(seen.feature.astype("<f2").tobytes()).decode("ascii")
        entry = {"photo": key, "uncertainty": seen.uncertainty, "objects": seen.objects}
        append_lines(self._path, [{**entry, "feature": text}])
        self._seen[key] = seen


def _key(photo: Path) -> str | None:
    try:
        state = photo.stat()
    except OSError:
        return None
    return f"{os.path.realpath(photo)} {state.st_size} {state.st_mtime_ns}"
