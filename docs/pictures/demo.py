"""demo.jpg: what the demo's detector finds in photos that it has never seen."""

from pathlib import Path

from PIL import Image

from docs.pictures.workshop import Workshop
from maskdet.images import save_picture

WIDTH = 1200  # pixels


def draw(workshop: Workshop, path: Path) -> None:
    """The demo's own gallery, as wide as a page shows it."""
    write_shrunk(workshop.demo / "gallery.png", path)


def write_shrunk(source: Path, path: Path, width: int = WIDTH) -> None:
    """Write a picture at a width in pixels, with its sides' ratio."""
    with Image.open(source) as picture:
        size = width, round(picture.height * width / picture.width)
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    save_picture(path, small, quality=85)
