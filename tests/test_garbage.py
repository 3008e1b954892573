"""Promise: whether Python looks for garbage is the user's choice again once something is loaded."""

import gc

import pytest

from maskdet.garbage import uncollected


@pytest.fixture
def collecting():
    usual = gc.isenabled()
    yield
    (gc.enable if usual else gc.disable)()


@pytest.mark.parametrize("chosen", [True, False])
def test_the_users_choice_stands_afterwards(collecting, chosen):
    (gc.enable if chosen else gc.disable)()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() is chosen


def test_an_error_leaves_it_as_it_was(collecting):
    gc.enable()
    with pytest.raises(KeyError), uncollected():
        raise KeyError("a package that is not there")
    assert gc.isenabled()
