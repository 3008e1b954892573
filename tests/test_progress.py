"""Promise: somebody at a terminal sees one bar, a file gets a few lines."""

import io
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from maskdet import progress

ROOT = Path(__file__).resolve().parents[1]


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


# ---- real terminals ---------------------------------------------------------------------------
_ITEMS = """
import time
from maskdet.progress import progress_bar
for _ in progress_bar(range(30), "reading photos of the data set"):
    time.sleep(0.02)
"""
_STAGE = """
import sys, time
from maskdet.training.progress import EpochClock, StageProgress
clock = EpochClock(4)
stage = StageProgress("heads epochs 1-2", 20, 2, clock)
losses = ("rpn_class", "rpn_bbox", "mrcnn_class", "mrcnn_bbox", "mrcnn_mask")
logs = {"loss": 1.234} | {name + "_loss": 0.123 for name in losses}
stage.on_train_begin()
for epoch in range(2):
    clock.on_epoch_begin(epoch)
    for batch in range(10):
        time.sleep(0.03)
        clock.on_train_batch_end(batch)
        stage.on_train_batch_end(batch, logs)
    stage.on_epoch_end(epoch, logs)
stage.on_train_end()
"""


def in_terminal(code, columns):
    """What a process writes to a terminal of so many columns on stderr."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, columns))
    environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the process has closed its end
            break
        if not part:
            break
        written += part
    os.close(leader)
    assert process.wait() == 0, written
    return written.decode()


@pytest.mark.parametrize("columns", [40, 100])
@pytest.mark.parametrize(
    ("code", "label", "last"),
    [(_ITEMS, "reading photos", "30/30"), (_STAGE, "heads epochs 1-2", "20/20")],
    ids=["items", "stage"],
)
def test_one_line_is_written_over_and_over(code, label, last, columns):
    written = in_terminal(code, columns)
    assert written.count("\n") == 1 and written.endswith("\r\n")
    states = [state for state in re.sub(r"\x1b\[\w+", "", written).split("\r") if state.strip()]
    assert len(states) > 3
    assert max(map(len, states)) <= columns
    assert all(state.startswith(label[:10]) for state in states)
    assert all(re.search(r"\d\d:\d\d", state) for state in states[2:]), states
    assert (last if columns == 100 else "100%") in states[-1]


def test_a_file_gets_lines_now_and_then():
    """10,000 quick items are over before anybody asks; of a long job there is a line a while."""
    code = (
        "from maskdet import progress\n"
        "for _ in progress.progress_bar(range(10_000), 'quick'):\n    pass\n"
        "import time\nprogress._BETWEEN_LINES = 0.2\nbegun = time.monotonic()\n"
        "for _ in progress.progress_bar(range(10_000), 'long'):\n    time.sleep(0.0001)\n"
        "print(time.monotonic() - begun)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= float(done.stdout) / 0.2 + 1  # one at the end
    assert "\r" not in done.stderr
    assert all(re.fullmatch(r"long: \d+ of 10000, [\d:]+ gone, [\d:]+ left", s) for s in lines)


def test_nothing_is_shown_where_nobody_wants_it():
    code = "from maskdet.progress import progress_bar\nlist(progress_bar(range(9), shown=False))"
    assert in_terminal(code, 80) == ""
