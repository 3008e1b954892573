"""What a .tflite file says of itself: our facts in the zip behind it, and its tensors."""

import io
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskdet.errors import WeightsError

FACTS, LABELS = "maskdet.json", "labels.txt"
FORMAT = "maskdet.tflite"


@dataclass(frozen=True)
class ModelFacts:
    """What the runtime needs to know beside the network.

    Attributes:
        class_names: index 0 is the background.
        ours: whether maskdet wrote the file; else only what the tensors show is known.
        min_confidence: score from which the training's Config reports an object.
        min_dim, max_dim, min_scale: how an image is scaled, as Config has them; max_dim 0 means
            that it is stretched to the input, as other people's detectors want it.
        has_masks: whether the fifth output means anything.
    """

    class_names: tuple[str, ...]
    ours: bool = False
    min_confidence: float = 0.5
    min_dim: int = 0
    max_dim: int = 0
    min_scale: float = 0.0
    has_masks: bool = False
    all: dict[str, Any] = field(default_factory=dict)


def read_content(path: str | os.PathLike[str]) -> bytes:
    """The file. Raises WeightsError where it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}); copy it again.") from error


def read_facts(path: str | os.PathLike[str], content: bytes) -> ModelFacts:
    """What the zip behind a .tflite says; for a file of others, its labels alone.

    Raises:
        WeightsError: if it was exported by maskdet but its facts are damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {
                name: archive.read(name)
                for name in archive.namelist()
                if archive.getinfo(name).file_size < 10_000_000
            }
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        # Most files of others have none; RuntimeError: locked by a password or packed in a way that
        # Python does not know.
        entries = {}
    if FACTS not in entries:
        return ModelFacts(class_names=_other_names(entries))
    try:
        facts = json.loads(entries[FACTS])
        if facts["format"] != FORMAT:
            raise ValueError(f"format is {facts['format']!r}")
        if int(facts["version"]) > 1:
            raise ValueError(f"version {facts['version']} is newer than this maskdet")
        return ModelFacts(
            class_names=tuple(str(name) for name in facts["class_names"]),
            ours=True,
            min_confidence=float(facts["min_confidence"]),
            min_dim=int(facts["min_dim"]),
            max_dim=int(facts["max_dim"]),
            min_scale=float(facts["min_scale"]),
            has_masks=bool(facts["has_masks"]),
            all=facts,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"The facts in {path} are damaged ({error!r}); export or copy it again."
        ) from error


def _other_names(entries: dict[str, bytes]) -> tuple[str, ...]:
    """Names from the first list of labels in a zip, with the background in front."""
    for name, content in entries.items():
        if name.endswith(".txt"):
            lines = content.decode("utf-8", "replace").splitlines()
            return ("BG", *(line.strip() for line in lines if line.strip()))
    return ()
