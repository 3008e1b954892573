"""The folder of a training that was started by a command: what is in it, and when it is free."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError
from maskdet.files import write_whole
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
        weights, report, metrics, logs, lists: what is in it when the training is done.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.weights, self.report = self.path / WEIGHTS, self.path / REPORT
        self.metrics, self.logs = self.path / METRICS, self.path / LOGS
        self.lists = self.path / LISTS

    def log_dir(self) -> Path | None:
        """The log folder of the training, the last one where there are several; None without."""
        folders = sorted(path.parent for path in self.logs.glob(f"*/{HISTORY_FILE}"))
        return folders[-1] if folders else None

    def check_free(self, overwrite: bool) -> None:
        """See that a training may begin here; changes nothing.

        Raises:
            UsageError: if something is there already.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; give another folder with --out.")
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return
        if not (self.path / RUN).is_file():
            raise UsageError(
                f"{self.path} is there already and is no training's folder; give another one with "
                "--out."
            )
        if not overwrite:
            raise UsageError(
                f"{self.path} has a training already: --resume goes on with it if it was stopped, "
                "--overwrite removes it and begins anew, --out takes another folder."
            )

    def begin(self, options: Mapping[str, Any]) -> None:
        """Take the folder; what an earlier training has left there goes, all else stays."""
        for path in (self.logs, self.lists):
            shutil.rmtree(path, ignore_errors=True)
        sidecar = self.weights.with_name(f"{WEIGHTS}.json")
        for path in (self.weights, sidecar, self.report, self.metrics, self.path / RUN):
            path.unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / RUN, _text(options))

    def options(self) -> dict[str, Any]:
        """What the user has said of the training.

        Raises:
            UsageError: if there is no training, or its file is damaged.
        """
        path = self.path / RUN
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
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
                f"{path} cannot be read ({error}); begin anew with --overwrite."
            ) from error

    def resumed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the training that is gone on with.

        Args:
            options: those that the user has given now; they must be the training's.

        Raises:
            UsageError: if there is none, its file is damaged, or an option is another one.
        """
        known = self.options()
        for name, value in options.items():
            if known.get(name) != value:
                raise UsageError(
                    f"The training in {self.path} has {name} {known.get(name)!r}, not {value!r}; "
                    "leave it out to go on with --resume, or begin anew with --overwrite."
                )
        return known


def _text(options: Mapping[str, Any]) -> str:
    content = {"format": _FORMAT, "version": 1, "options": dict(options)}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def folder_of(weights: str | os.PathLike[str]) -> RunFolder | None:
    """The training's folder that weights lie in; None where they lie elsewhere."""
    path = Path(weights)
    is_ours = path.name == WEIGHTS and (path.parent / RUN).is_file()
    return RunFolder(path.parent) if is_ours else None
