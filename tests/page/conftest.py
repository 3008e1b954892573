"""What the tests of pages share."""

import pytest

from tests.page.node import bundle
from tests.page.programs import stand_in


@pytest.fixture(scope="session")
def node():
    """The program, once web/build is there."""
    return bundle()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs of a page that need no Node."""
    return stand_in(tmp_path / "built", monkeypatch)
