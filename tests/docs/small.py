"""What makes the steps of a page small: its photos and the settings around them.

Without pytest: ``make release-check`` runs the README's lines in an environment that has none.
"""

import re
from pathlib import Path

from maskdet.data.scenes import write_scenes

SIDE = 128
PHOTOS = 12
# How many classes a page's data set has, where the page counts on a number.
CLASSES = {"README.md": 3, "docs/raspberry_pi.md": 1, "examples/raspberry_pi/README.md": 1}

_STAGES = (("heads", 1.0, 1), ("all", 0.5, 1))
# Of the Configs that pages stand on: inputs of 128 pixels, one step an epoch, one epoch a stage.
SETTINGS = {
    **dict.fromkeys(("IMAGE_MIN_DIM", "IMAGE_MAX_DIM"), SIDE),
    **dict.fromkeys(("STEPS_PER_EPOCH", "VALIDATION_STEPS", "IMAGES_PER_GPU"), 1),
    "RECIPES": {"default": _STAGES, "quick": _STAGES},
}


def write_photos(folder: Path, classes: int) -> None:
    """A VOC set of a dozen small photos; its kinds of things are renamed into so many classes."""
    write_scenes(folder, PHOTOS, size=(SIDE, SIDE), progress=False)
    kinds: dict[str, str] = {}
    for path in sorted((folder / "Annotations").glob("*.xml")):
        text = path.read_text()
        for name in re.findall(r"<name>(.*?)</name>", text):
            kinds.setdefault(name, f"kind {len(kinds) % classes}")
        path.write_text(
            re.sub(r"<name>(.*?)</name>", lambda m: f"<name>{kinds[m[1]]}</name>", text)
        )
