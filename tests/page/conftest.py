"""What the tests of the page share."""

import pytest

from tests.page.browser import started_playwright
from tests.page.node import bundle


@pytest.fixture(scope="session")
def node():
    """The program, once web/build is there."""
    return bundle()


@pytest.fixture(scope="module")
def playwright():
    """What starts browsers: one a module, as two cannot run at a time."""
    with started_playwright() as started:
        yield started
