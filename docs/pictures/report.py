"""report.jpg: the demo's report on a desk and on a phone."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from docs.pictures.chromium import open_chromium
from docs.pictures.workshop import Workshop
from maskdet.images import save_picture

# (width, height) of the windows in pixels, and where the phone has scrolled to.
DESK, PHONE = (980, 1080), (380, 1080)
PHONE_CHAPTER = "Photos with the worst errors"
GAP = 20  # pixels between them


def draw(workshop: Workshop, path: Path) -> None:
    """The top of the report on a desk, its worst photos on a phone."""
    address = (workshop.demo / "report.html").resolve().as_uri()
    with open_chromium() as browser:
        shots = [_shot(browser, address, DESK), _shot(browser, address, PHONE, PHONE_CHAPTER)]
    gap = np.full((DESK[1], GAP, 3), 255, np.uint8)
    save_picture(path, Image.fromarray(np.hstack([shots[0], gap, shots[1]])), quality=85)


def _shot(browser, address: str, size: tuple[int, int], chapter: str = "") -> np.ndarray:
    """A window of a page, uint8 (H, W, 3), from a chapter's heading on."""
    tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
    tab.goto(address)
    if chapter:
        heading = tab.get_by_role("heading", name=chapter)
        heading.evaluate("node => scrollTo(0, node.getBoundingClientRect().top - 20)")
    with Image.open(io.BytesIO(tab.screenshot())) as picture:
        return np.asarray(picture.convert("RGB"))
