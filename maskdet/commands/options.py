"""Arguments that several commands have, and what they mean."""

import argparse
import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError

#: The weights in the folder of a training.
WEIGHTS_FILE = "weights.h5"
# Names of weights; a folder of that name is somebody's data set.
_PUBLISHED = ("coco",)
WEIGHTS = (
    "the folder of a training, an .h5 file with the .json beside it, or coco: a detector of 80 "
    "classes"
)


def add_weights(parser: argparse.ArgumentParser, files: bool = False) -> None:
    """The argument ``weights``.

    Args:
        files: whether exported files are taken too.
    """
    text = f"{WEIGHTS}, or an exported .tflite file" if files else WEIGHTS
    parser.add_argument("weights", metavar="WEIGHTS", help=text)


def weights_path(text: str) -> str:
    """The weights that are meant, where a training's folder is given for them.

    Raises:
        UsageError: for a folder without weights.
    """
    folder = Path(text)
    if text in _PUBLISHED or not folder.is_dir():
        return text
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise UsageError(
            f"{text} is a folder without {WEIGHTS_FILE}; give the folder of a finished training "
            "(maskdet train ... --resume goes on with one that was stopped), or an .h5 file."
        )
    return str(path)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The argument ``-s NAME=VALUE``."""
    parser.add_argument(
        "-s",
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the Config, such as -s IMAGE_MAX_DIM=640; may be given several times",
    )


def settings_of(texts: Sequence[str]) -> dict[str, Any]:
    """Settings by name; values as Python writes them, all else as text.

    Raises:
        UsageError: for a text that is no NAME=VALUE.
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"-s {text} is no NAME=VALUE, such as -s IMAGE_MAX_DIM=640.")
        try:
            settings[name.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            settings[name.strip()] = value.strip()
    return settings


def add_on_error(parser: argparse.ArgumentParser) -> None:
    """The argument ``--on-error``."""
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what a defect in DATA does: stop, or be named and left out (default: %(default)s)",
    )


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """The argument ``--overwrite``."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what an earlier call has written there"
    )


def check_free(path: str | Path, overwrite: bool, option: str = "") -> None:
    """Nothing that is there already is written over without being asked.

    Args:
        option: that names the file, where it must be a file.

    Raises:
        UsageError: if the path is a file, or a folder with something in it.
    """
    target = Path(path)
    if option and target.is_dir():
        raise UsageError(f"{path} is a folder; give {option} the name of a file.")
    taken = any(target.iterdir()) if target.is_dir() else target.exists()
    if taken and not overwrite:
        other = f"another name with {option}" if option else "another name"
        raise UsageError(
            f"{path} is there already, and nothing is written over it; give {other}, or add "
            "--overwrite."
        )
