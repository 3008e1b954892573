"""What the tests of pages share."""

import pytest

from tests.page.browser import started_playwright
from tests.page.node import bundle
from tests.page.programs import stand_in


@pytest.fixture(scope="session")
def node():
    """The program, once web/build is there."""
    return bundle()


@pytest.fixture(scope="module")
def playwright():
    """What starts browsers: one a module, as two cannot run at a time."""
    with started_playwright() as started:
        yield started


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs of a page that need no Node."""
    return stand_in(tmp_path / "built", monkeypatch)
