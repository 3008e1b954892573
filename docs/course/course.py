"""What the notebooks of the course share: commands, pictures, and photos to begin with."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from maskdet.data.scenes import write_scenes
from maskdet.images import photo_endings

#: Everything small: trainings of seconds, which learn nothing, to see that a lesson runs.
QUICK = os.environ.get("MASKDET_COURSE_QUICK") == "1"
_QUICK_OPTIONS = {
    "train": "--weights none -s IMAGE_MIN_DIM=128 -s IMAGE_MAX_DIM=128 -s IMAGES_PER_GPU=2 "
    "-s STEPS_PER_EPOCH=1 -s VALIDATION_STEPS=1 -s EVALUATE_EVERY=0 "
    "-s \"RECIPES={'default': (('all', 1.0, 1),)}\"",
    # What has learnt nothing is sure of no object, and so there is nothing to compare.
    "export": "--no-verify",
}
_SIDE, _SCENES, _NEW_SCENES = (128, 12, 3) if QUICK else (320, 120, 12)


def run(command: str) -> None:
    """Do what ``command`` does in a terminal, and show what it says.

    Args:
        command: that begins with ``maskdet`` or ``python -m maskdet``.
    """
    words = shlex.split(command)
    if QUICK and words[0] == "maskdet":
        words += shlex.split(_QUICK_OPTIONS.get(words[1], ""))
    program = ["-m", "maskdet", *words[1:]] if words[0] == "maskdet" else words[1:]
    # -u: a training's lines come as they are said, not all at its end.
    with subprocess.Popen(
        [sys.executable, "-u", *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
    # Of these two 1 is an answer: there are defects, or something is missing.
    answers = (0, 1) if words[1] in ("check", "doctor") else (0,)
    if process.returncode not in answers:
        sys.exit(f"The command ended with status {process.returncode}; its last lines say why.")


def show(path: str) -> None:
    """Show a picture below the cell; outside a notebook, say where it is."""
    if "ipykernel" in sys.modules:
        from IPython.display import Image, display

        display(Image(filename=path))
    else:
        print(path)


def need(path: str, where: str) -> None:
    """Stop with a sentence if an earlier lesson has not left this file or folder.

    Args:
        where: the lesson that makes it.
    """
    if not Path(path).exists():
        sys.exit(f"There is no {path} in {Path.cwd()}; run {where} first.")


def my_photos(folder: str = "my_photos") -> None:
    """See to it that there is a data set to work on: yours, or else drawn scenes."""
    if not Path(folder).exists():
        write_scenes(folder, _SCENES, size=(_SIDE, _SIDE), progress=False)
    if (Path(folder) / "JPEGImages" / "scene_00000.jpg").is_file():
        print(
            f"{folder} has drawn scenes, which stand in for photos. To go on with your own, remove "
            "it and put your photos with LabelImg's files into a folder of that name."
        )


def new_photos(folder: str = "new_photos") -> None:
    """See to it that there are photos which no training has seen: yours, or else drawn scenes."""
    if not Path(folder).exists():
        with_truth = Path(f"{folder}_drawn")
        write_scenes(with_truth, _NEW_SCENES, size=(_SIDE, _SIDE), seed=1, progress=False)
        # Photos alone, as a camera leaves them.
        (with_truth / "JPEGImages").rename(folder)
    photos = [p for p in Path(folder).iterdir() if p.suffix.lower() in photo_endings()]
    print(f"Photos in {folder} to try the network on: {len(photos)}.")
