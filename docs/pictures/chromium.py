"""A browser without a screen, for pictures of pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maskdet.errors import UsageError


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Playwright's browser, closed at the end.

    Raises:
        UsageError: where there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise UsageError(
            "There is no chromium on this machine; install it to take pages' pictures."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
