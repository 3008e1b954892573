"""Promise: somebody at a terminal sees one bar, a file gets a few lines."""

import io
import sys

import pytest

from maskdet import progress


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_from_a_file(monkeypatch, terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    assert progress.is_watched() == terminal


def test_a_notebook_is_watched(monkeypatch):
    class tqdm_notebook(progress.tqdm):
        pass

    monkeypatch.setattr(progress, "tqdm", tqdm_notebook)
    assert progress.is_watched()
