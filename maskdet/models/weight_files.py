"""Weight files with what is known of the weights, in the file itself and as a JSON beside it."""

import json
import os
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError, WeightsError
from maskdet.pretrained.assign import save_from
from maskdet.pretrained.matterport_h5 import read_note
from maskdet.runtime import model_file
from maskdet.trained import Trained
from maskdet.training.checkpoints import facts_text, read_sidecar, write_sidecar


def write_weights(trained: Trained, path: Path) -> None:
    """All weights in matterport's layout with their facts, and the JSON beside them.

    Raises:
        UsageError: if the folder is missing.
        WeightsError: if the file cannot be written; an older one stays.
    """
    if path.parent.name and not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} to save {path.name} in; create it.")
    save_from(trained.network, path, facts_text(trained))
    write_sidecar(path, trained)


def refuse_exported(path: str | os.PathLike[str]) -> None:
    """Raises WeightsError for a .tflite that was exported here: it has no weights to load."""
    file = Path(path)
    if file.suffix != ".tflite" or not file.is_file():
        return
    if model_file.read_facts(file, model_file.read_content(file)).ours:
        raise WeightsError(
            f"{file} is a file that maskdet exported, which is run (by maskdet.runtime) but no "
            "more loaded as weights; give the .h5 that it was made from."
        )


def read_facts(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What the file itself says of its weights, else the JSON beside it; {} where neither does.

    A JSON can be left behind, or belong to an older file of the same name; what stands in the file
    cannot.
    """
    try:
        facts = json.loads(read_note(path))
    except ValueError:
        return read_sidecar(path)
    return facts if isinstance(facts, dict) else read_sidecar(path)
