"""Log folders and checkpoints, named as matterport names them."""

import datetime
import json
import os
import re
from pathlib import Path
from typing import Any

from maskdet.base_config import BaseConfig
from maskdet.files import write_whole
from maskdet.trained import Facts, Trained, settings_of
from maskdet.training.state import state_path
from maskdet.version import __version__

_CHECKPOINT = r"{prefix}_{name}_(\d{{4}})\.h5"
_FOLDER = r"{name}\d{{8}}T\d{{4}}(-\d{{2,}})?"


def new_log_dir(model_dir: str | os.PathLike[str], config: BaseConfig) -> Path:
    """``<model_dir>/<name><YYYYMMDDTHHMM>``, as :func:`free_log_dir`; nothing is created."""
    stamp = datetime.datetime.now().strftime("%Y%m%dT%H%M")
    return free_log_dir(Path(model_dir) / f"{(config.NAME or '').lower()}{stamp}")


def free_log_dir(log_dir: Path) -> Path:
    """The folder, or where a training has written checkpoints there already the same with -02,
    -03, ... behind its name: trainings of one minute do not write over each other."""
    number, folder = 1, log_dir
    while any(folder.glob("*.h5")):
        number += 1
        folder = log_dir.with_name(f"{log_dir.name}-{number:02d}")
    return folder


def checkpoint_path(log_dir: Path, prefix: str, config: BaseConfig, epoch: int) -> Path:
    """Where the weights after an epoch lie."""
    return log_dir / f"{prefix}_{(config.NAME or '').lower()}_{epoch:04d}.h5"


def epoch_of(
    path: str | os.PathLike[str], prefix: str, config: BaseConfig
) -> tuple[Path, int] | None:
    """Log folder and epoch of a checkpoint of this name, or None for any other file."""
    name = re.escape((config.NAME or "").lower())
    path = Path(path)
    match = re.fullmatch(_CHECKPOINT.format(prefix=re.escape(prefix), name=name), path.name)
    if match is None or not re.fullmatch(_FOLDER.format(name=name), path.parent.name):
        return None
    return path.parent, int(match.group(1))


def find_last(model_dir: str | os.PathLike[str], prefix: str, config: BaseConfig) -> Path:
    """The last checkpoint in the last log folder that has one.

    Raises:
        FileNotFoundError: if there is no log folder of this name, or no checkpoint in any.
    """
    name = (config.NAME or "").lower()
    folders = sorted(
        entry
        for entry in (Path(model_dir).iterdir() if Path(model_dir).is_dir() else [])
        if entry.is_dir() and entry.name.startswith(name)
    )
    if not folders:
        raise FileNotFoundError(
            f"There is no log folder that begins with {name!r} in {os.fspath(model_dir)!r}; "
            "train first, or give the model_dir of the training."
        )
    pattern = re.compile(_CHECKPOINT.format(prefix=re.escape(prefix), name=re.escape(name)))
    for folder in reversed(folders):
        paths = sorted(entry for entry in folder.iterdir() if pattern.fullmatch(entry.name))
        if paths:
            return paths[-1]
    raise FileNotFoundError(
        f"There is no checkpoint {prefix}_{name}_*.h5 in {os.fspath(folders[-1])!r}; "
        "the training may have stopped before its first epoch ended."
    )


def remove_old_checkpoints(
    log_dir: Path, prefix: str, config: BaseConfig, epoch: int, best_epoch: int | None = None
) -> None:
    """Leave the Config's CHECKPOINTS_KEPT newest checkpoints up to an epoch, and the best one's.

    What lies beside a checkpoint goes with it. Later epochs, from which a training went back, stay
    until it overwrites them.
    """
    if config.CHECKPOINTS_KEPT is None:
        return
    name = re.escape((config.NAME or "").lower())
    pattern = re.compile(_CHECKPOINT.format(prefix=re.escape(prefix), name=name))
    found = (pattern.fullmatch(path.name) for path in log_dir.iterdir())
    epochs = sorted(int(match.group(1)) for match in found if match)
    done = [number for number in epochs if number <= epoch]
    for number in done[: max(0, len(done) - config.CHECKPOINTS_KEPT)]:
        if number != best_epoch:
            path = checkpoint_path(log_dir, prefix, config, number)
            # The weights last: without them the other two mean nothing.
            for beside in (state_path(path), sidecar_path(path), path):
                beside.unlink(missing_ok=True)


def facts_text(trained: Trained) -> str:
    """JSON of what is known of weights: family, epoch, stage, class names, Config, version."""
    facts, family = trained.facts, trained.family
    return json.dumps(
        {
            "maskdet": __version__,
            "family": family.name,
            "task": family.task.name,
            "epoch": facts.epoch,
            "class_names": list(facts.class_names),
            "outputs": sorted(facts.outputs),
            "steps": facts.steps,
            "stage": facts.stage,
            **({} if facts.evaluation is None else {"evaluation": facts.evaluation}),
            "config": settings_of(trained),
        },
        indent=1,
    )


def write_sidecar(path: Path, trained: Trained) -> None:
    """The small JSON beside weights; see :func:`facts_text`."""
    write_whole(sidecar_path(path), facts_text(trained) + "\n")


def facts_of(sidecar: dict[str, Any], outputs: frozenset[str]) -> Facts:
    """The facts in a JSON of :func:`write_sidecar`; of older ones as far as they go.

    Args:
        outputs: the most that the family gives.
    """
    if "outputs" in sidecar:
        outputs = frozenset(sidecar["outputs"]) & outputs
    elif not sidecar.get("has_masks", True):
        outputs = outputs - {"masks"}
    return Facts(
        tuple(sidecar.get("class_names", ())),
        outputs,
        sidecar.get("steps"),
        int(sidecar.get("epoch") or 0),
        sidecar.get("stage"),
    )


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Where the JSON of a weight file lies: beside it, with .json behind its name."""
    return Path(f"{os.fspath(path)}.json")


def read_sidecar(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What :func:`write_sidecar` wrote, or {} where there is none or it is damaged.

    The file only adds comfort (class names, epoch): weights load without it.
    """
    try:
        sidecar = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return sidecar if isinstance(sidecar, dict) else {}
