"""The game in Chromium: opened without a network, seen by pictures, tapped by the mouse."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskdet.errors import UsageError

PAGE = Path(__file__).with_name("game") / "index.html"
#: The page's height and width, its header's height: all that the robot knows of how it looks.
SIDES = (720, 720)
HEADER = 120
#: Levels are numbered from here; boards to train with have numbers below.
FIRST_LEVEL = 1_000_000


@contextmanager
def open_game() -> Iterator[Any]:
    """A Playwright page of the game's size.

    Raises:
        UsageError: where Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise UsageError(
            "The game is opened by Playwright, which is missing: pip install playwright"
        ) from error
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        raise UsageError(
            "There is no chromium and no google-chrome on this machine; install one to open the "
            "game."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            height, width = SIDES
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def open_level(page: Any, seed: int, wanted: str | None = None) -> None:
    """Begin the level or board of a number; ``wanted`` is another kind than it would ask for."""
    more = "" if wanted is None else f"&wanted={wanted}"
    page.goto(f"{PAGE.as_uri()}?seed={seed}{more}")


def screenshot(page: Any) -> np.ndarray:
    """The page's pixels, uint8 (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
