"""Run inside an environment: a README's first lines of Python, photos and settings made small.

``python -m tests.release.ten_lines README FOLDER`` works in FOLDER and ends with an error where the
lines fail, leave no weights, or are run by another maskdet than the environment's.
"""

import os
import sys
from pathlib import Path

import maskdet
from maskdet import LiteConfig, MobileConfig
from tests.docs.small import CLASSES, SETTINGS, write_photos
from tests.release.metadata import first_block


def main(readme: Path, folder: Path) -> None:
    """Make the reader's photos and run the lines."""
    package = Path(maskdet.__file__).resolve()
    if not package.is_relative_to(Path(sys.prefix).resolve()):
        raise SystemExit(f"maskdet is taken from {package.parent}, not from the environment")
    block = first_block(readme.read_text(encoding="utf-8"))
    os.chdir(folder)
    for config in (LiteConfig, MobileConfig):
        for name, value in SETTINGS.items():
            setattr(config, name, value)
    write_photos(folder / "my_photos", CLASSES["README.md"])
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    weights = sorted(folder.glob("*.h5"))
    if not weights:
        raise SystemExit("the lines left no .h5 file")
    print(f"left {', '.join(path.name for path in weights)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
