"""What the tests of the page share."""

import pytest

from tests.page.node import bundle


@pytest.fixture(scope="session")
def node():
    """The program, once web/build is there."""
    return bundle()
