"""The folder of a training that was started by a command: what is in it, and when it is free."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.image_sets import write_image_sets
from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.json_text import json_text
from maskdet.training.checkpoints import sidecar_path
from maskdet.training.logs import HISTORY_FILE

#: Names in the folder.
WEIGHTS, REPORT, METRICS, RUN, LOGS, LISTS = (
    "weights.h5",
    "report.html",
    "metrics.json",
    "run.json",
    "logs",
    "split",
)
_FORMAT = "maskdet.run"


class RunFolder:
    """A training's folder.

    Attributes:
        path: the folder.
        weights, report, metrics, logs: what is in it when the training is done.
        run: what the user has said of the training.
        lists: the split, where it was made here.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.weights, self.report = self.path / WEIGHTS, self.path / REPORT
        self.metrics, self.logs = self.path / METRICS, self.path / LOGS
        self.run, self.lists = self.path / RUN, self.path / LISTS

    def log_dir(self) -> Path | None:
        """The log folder of the training, the last one where there are several; None without."""
        folders = sorted(path.parent for path in self.logs.glob(f"*/{HISTORY_FILE}"))
        return folders[-1] if folders else None

    def check_free(self, overwrite: bool) -> None:
        """See that a training may begin here; changes nothing.

        Raises:
            UsageError: if something is there already.
        """
        _check_writable(self.path)
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return
        if not self.run.is_file():
            raise UsageError(
                f"{self.path} is there already and is no training's folder; give another one with "
                "--out."
            )
        if not overwrite:
            raise UsageError(
                f"{self.path} has a training already: --resume goes on with it if it was stopped, "
                "--overwrite removes it and begins anew, --out takes another folder."
            )

    def begin(self, options: Mapping[str, Any], lists: Mapping[str, Dataset]) -> None:
        """Take the folder; what an earlier training has left there goes, all else stays.

        Args:
            options: what the user has said.
            lists: parts that were drawn here, to be found again.
        """
        for path in (self.logs, self.lists):
            shutil.rmtree(path, ignore_errors=True)
        sidecar = sidecar_path(self.weights)
        for path in (self.weights, sidecar, self.report, self.metrics, self.run):
            path.unlink(missing_ok=True)
        if lists:
            write_image_sets(self.lists, lists)
        content = {"format": _FORMAT, "version": 1, "options": dict(options)}
        write_whole(self.run, json_text(content))

    def options(self) -> dict[str, Any]:
        """What the user has said of the training.

        Raises:
            UsageError: if there is no training, or its file is damaged.
        """
        try:
            content = json.loads(self.run.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            return dict(content["options"])
        except FileNotFoundError:
            raise UsageError(
                f"There is no training in {self.path} to go on with; leave out --resume, or give "
                "its folder with --out."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.run} is damaged ({error or type(error).__name__}), so it is not known "
                "what was trained; begin anew with maskdet train --overwrite."
            ) from error

    def resumed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the training that is gone on with.

        Args:
            options: those that the user has given now; they must be the training's.

        Raises:
            UsageError: if there is none, its file is damaged, or an option is another one.
        """
        known = self.options()
        for name, value in json.loads(json_text(options)).items():
            if known.get(name) == value:
                continue
            if name == "data":
                raise UsageError(
                    f"The training in {self.path} is of {known.get(name)}, not of {value}; give "
                    "that set to go on with it, or another --out for a training of its own."
                )
            flag = "-s" if name == "settings" else f"--{name.replace('_', '-')}"
            has = f"with {flag} {known[name]}" if name in known else f"without {flag}"
            raise UsageError(
                f"The training in {self.path} was begun {has}, not with {flag} {value}; leave "
                f"{flag} out to go on with it, or begin anew with --overwrite."
            )
        return known


def _check_writable(path: Path) -> None:
    """Raises UsageError where a folder cannot be made or written."""
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is a file; give another folder with --out.")
    if not os.access(nearest, os.W_OK):
        raise UsageError(f"{nearest} cannot be written; give another folder with --out.")


def folder_of(weights: str | os.PathLike[str]) -> RunFolder | None:
    """The training's folder that weights lie in; None where they lie elsewhere."""
    # Checkpoints lie in logs/<name and time>/.
    folders = Path(weights).parents[:3]
    return next((RunFolder(folder) for folder in folders if (folder / RUN).is_file()), None)
