"""Promise: a command ends with its answer or with one sentence, for people and for programs."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from maskdet.commands.answers import DONE, MISTAKE, NEGATIVE, STOPPED, Answer
from maskdet.commands.main import main
from maskdet.errors import DataWarning, MaskdetWarning, UsageError
from tests.commands.conftest import ROOT


def raising(error):
    def run(args):
        raise error

    return run


def shell(line, environment, **options):
    """What a real bash makes of a line; ``maskdet`` there is this checkout's."""
    calls = f'maskdet() {{ {shlex.quote(sys.executable)} -m maskdet "$@"; }}\n'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", calls + line],
        **({"capture_output": True, "text": True, "env": environment, "cwd": ROOT} | options),
    )


# ---- answers --------------------------------------------------------------------------------
def test_a_command_without_an_answer_is_done(tried, capsys):
    assert tried(lambda args: print("said")) == DONE
    assert capsys.readouterr() == ("said\n", "")


@pytest.mark.parametrize("status", [DONE, NEGATIVE])
def test_the_answers_status_is_the_commands(tried, status):
    assert tried(lambda args: Answer({}, status)) == status


def test_with_json_stdout_has_nothing_but_json(tried, capsys):
    def run(args):
        print("for people")
        return Answer(
            {
                "ap": float("nan"),
                "rows": [np.float32(np.inf), np.float32(0.5)],
                "boxes": np.array([[1.5, np.nan]]),
                "path": Path("a") / "ä.png",
                "names": ("cat",),
                3: {1},
                "kind": ValueError,
            }
        )

    assert tried(run, "--json") == DONE
    out, err = capsys.readouterr()
    assert json.loads(out, parse_constant=pytest.fail) == {
        "ap": None,
        "rows": [None, 0.5],
        "boxes": [[1.5, None]],
        "path": str(Path("a") / "ä.png"),
        "names": ["cat"],
        "3": [1],
        "kind": "<class 'ValueError'>",
    }
    assert err == "for people\n"


def test_a_mistake_is_one_sentence(tried, capsys):
    assert tried(raising(UsageError("There is no cat in it; choose another."))) == MISTAKE
    assert capsys.readouterr() == ("", "maskdet: There is no cat in it; choose another.\n")


def test_a_mistake_is_json_too(tried, capsys):
    assert tried(raising(UsageError("No cat.")), "--json") == MISTAKE
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"error": "No cat."}, "maskdet: No cat.\n")


def test_a_mistake_in_the_call_leaves_stdout_to_json(capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "--json", "a", "--pictur", "b"])
    assert end.value.code == MISTAKE
    assert capsys.readouterr().out == ""


def test_a_fault_of_ours_is_not_hidden(tried):
    with pytest.raises(ZeroDivisionError):
        tried(raising(ZeroDivisionError()))
    with pytest.raises(OSError, match="odd"):
        tried(raising(OSError(errno.EIO, "odd")))


def test_without_arguments_help_is_shown(capsys):
    assert main([]) == MISTAKE
    assert "maskdet check my_photos" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_that_a_terminal_cannot_write(script, environment, encoding):
    """Files of a memory card are called as somebody's camera likes."""
    path = script(
        "name = 'a' + chr(0xdce4) + chr(0x436) + chr(0x1f600) + chr(0xe4)",
        "print(name)",
        "return Answer({'name': name})",
    )
    environment |= {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, path, "tried"], env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"a\\udce4")
    done = subprocess.run(
        [sys.executable, path, "tried", "--json"], env=environment, capture_output=True
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["name"] == "a\udce4ж\U0001f600ä"


# ---- warnings -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [MaskdetWarning, DataWarning])
def test_our_warnings_are_sentences(tried, capsys, kind):
    usual = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert tried(lambda args: warnings.warn(kind("No cat in b.xml."), stacklevel=2)) == DONE
        warnings.showwarning = usual
    assert capsys.readouterr() == ("", "maskdet: note: No cat in b.xml.\n")


def test_others_warnings_are_as_ever_and_ours_are_again_afterwards(tried):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        tried(lambda args: warnings.warn("not ours", stacklevel=2))
        warnings.warn("afterwards", MaskdetWarning, stacklevel=2)
    assert [str(warning.message) for warning in shown] == ["not ours", "afterwards"]


# ---- what the system refuses ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; free some space."),
        (
            OSError(errno.ENOSPC, "No space left on device", "logs/a.h5"),
            "logs/a.h5: the disk is full; free some space.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "a.png"),
            "a.png: it may not be read or written by this user; change its owner or permissions.",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "b.xml"),
            "b.xml: No such file or directory; check the path.",
        ),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tried, capsys, error, sentence):
    assert tried(raising(error)) == MISTAKE
    assert capsys.readouterr().err == f"maskdet: {sentence}\n"
    assert tried(raising(error), "--json") == MISTAKE
    assert json.loads(capsys.readouterr().out) == {"error": sentence}


def test_what_comes_after_an_interruption_is_said(tried, capsys):
    hint = {"after_a_stop": lambda args: "Call it again with --resume."}
    assert tried(raising(KeyboardInterrupt()), **hint) == STOPPED
    assert capsys.readouterr().err == "\nmaskdet: stopped. Call it again with --resume.\n"
    assert tried(raising(OSError(errno.ENOSPC, "")), **hint) == MISTAKE
    assert capsys.readouterr().err.endswith("space. Call it again with --resume.\n")


def test_a_real_ctrl_c(script, environment):
    path = script("import time", "print('busy', flush=True)", "time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, path, "tried", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background their children would ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr.readline() == "busy\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (STOPPED, "\nmaskdet: stopped.\n")
    assert json.loads(out) == {"error": "stopped."}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is full")
@pytest.mark.parametrize("option", ["", "--json"])
def test_output_to_a_disk_that_is_full(script, environment, option):
    path = script("print('much')", "return Answer({'a': 1})")
    line = f"{sys.executable} {path} tried {option} > /dev/full"
    done = shell(line, environment)
    assert done.returncode == MISTAKE
    assert done.stderr.removeprefix("much\n") == "maskdet: the disk is full; free some space.\n"


# ---- pipes ------------------------------------------------------------------------------------
@pytest.mark.parametrize("option", ["", "--json"])
@pytest.mark.parametrize("lines", [3, 100_000])
def test_a_reader_that_has_seen_enough(script, environment, option, lines):
    """``| head -1``: no traceback, and nothing of Python's own at its end."""
    path = script(f"for i in range({lines}): print(i)", f"return Answer({{'a': [1] * {lines}}})")
    done = shell(
        f"{sys.executable} {path} tried {option} 2>err | head -1", environment, cwd=path.parent
    )
    assert (done.returncode, done.stdout.strip()) == (0, "{" if option else "0")
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
    err = (path.parent / "err").read_text()
    assert "BrokenPipe" not in err


@pytest.mark.parametrize("words", ["--help", "check --help", "", "check nowhere --json"])
def test_a_reader_that_reads_nothing(environment, words):
    done = shell(f"maskdet {words} | true", environment)
    assert "BrokenPipe" not in done.stderr and "Traceback" not in done.stderr


def test_check_into_head(environment, tmp_path):
    done = shell(f"maskdet check {tmp_path} | head -1", environment)
    assert len(done.stdout.splitlines()) == 1
    assert "Error" not in done.stderr


# ---- what is loaded ---------------------------------------------------------------------------
@pytest.mark.parametrize("words", ["", "--help", "--version", "check --help", "train --help"])
def test_help_loads_nothing_heavy(environment, words):
    """Help and completion come at once, also on a Pi."""
    code = (
        "import sys, maskdet\nfrom maskdet.commands.main import main\n"
        f"try:\n    main({words.split()!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'keras', 'tensorflow', 'matplotlib', 'PIL', 'scipy', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)), len(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    modules, _, count = done.stderr.rpartition(" ")
    assert modules == "[]"
    assert int(count) < 250
    assert done.stdout


def test_both_names_are_one_program(environment):
    """``python -m maskdet`` calls itself so in its help."""
    done = shell("maskdet --help", environment)
    assert done.stdout.startswith("usage: python -m maskdet [-h]")
    code = "import sys; sys.argv[0] = '/usr/bin/maskdet'\nfrom maskdet.commands.main import main\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "main(['--help'])"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("usage: maskdet [-h]")
