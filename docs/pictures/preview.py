"""preview.jpg: what `maskdet preview` draws."""

from pathlib import Path

from docs.pictures.demo import write_shrunk
from docs.pictures.workshop import Workshop
from maskdet.commands.main import main

PHOTOS = 8


def draw(workshop: Workshop, path: Path) -> None:
    """Some of the demo's photos with their boxes and masks."""
    sheet = workshop.folder / "preview.jpg"
    main(["preview", str(workshop.demo / "dataset"), "--out", str(sheet), "--count", str(PHOTOS)])
    write_shrunk(sheet, path)
