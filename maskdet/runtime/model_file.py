"""What a .tflite file says of itself: our facts in the zip behind it, and its tensors."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from maskdet.errors import WeightsError
from maskdet.geometry.placement import PlacementRule
from maskdet.tasks.task import FileFacts

FACTS, LABELS = "maskdet.json", "labels.txt"
FORMAT = "maskdet.tflite"
#: Among the facts: the stages that a profile tells apart.
STAGES = "profile_stages"


def read_content(path: str | os.PathLike[str]) -> bytes:
    """The file. Raises WeightsError where it is missing or cannot be read."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}); copy it again.") from error


def read_facts(path: str | os.PathLike[str], content: bytes) -> FileFacts:
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
        return FileFacts(class_names=_other_names(entries))
    try:
        facts = json.loads(entries[FACTS])
        if facts["format"] != FORMAT:
            raise ValueError(f"format is {facts['format']!r}")
        if int(facts["version"]) > 1:
            raise ValueError(f"version {facts['version']} is newer than this maskdet")
        return FileFacts(
            class_names=tuple(str(name) for name in facts["class_names"]),
            ours=True,
            # The first files said neither task nor outputs.
            task=str(facts.get("task", "detection")),
            outputs=_outputs(facts),
            min_confidence=float(facts["min_confidence"]),
            placement=PlacementRule(
                int(facts["min_dim"]),
                int(facts["max_dim"]),
                float(facts["min_scale"]),
                str(facts.get("resize_mode", "square")),
            ),
            all=facts,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"The facts in {path} are damaged ({error!r}); export or copy it again."
        ) from error


def _outputs(facts: dict[str, Any]) -> frozenset[str]:
    if "outputs" in facts:
        return frozenset(str(name) for name in facts["outputs"])
    return frozenset({"boxes", "masks"} if facts["has_masks"] else {"boxes"})


def _other_names(entries: dict[str, bytes]) -> tuple[str, ...]:
    """Names from the first list of labels in a zip, with the background in front."""
    for name, content in entries.items():
        if name.endswith(".txt"):
            lines = content.decode("utf-8", "replace").splitlines()
            return ("BG", *(line.strip() for line in lines if line.strip()))
    return ()
