"""Code in a process of its own, so that a crash or a hang becomes a sentence."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maskdet.quiet import without_chatter

#: Seconds after which a process is given up. A Raspberry Pi loads TensorFlow in a fraction of it.
LIMIT = 60.0


@dataclass(frozen=True)
class ChildAnswer:
    """What a process said.

    Attributes:
        facts: the JSON object that it printed as its last line; empty where it failed.
        log: its stderr.
        failure: why there are no facts, a sentence without its point; "" where there are.
    """

    facts: Mapping[str, Any]
    log: str
    failure: str = ""


def run_child(
    code: str, arguments: Sequence[str] = (), content: bytes = b"", limit: float = LIMIT
) -> ChildAnswer:
    """Run Python code that prints a JSON object.

    Args:
        code: does not import maskdet, whose hooks would hold back what a library says.
        arguments: its ``sys.argv[1:]``.
        content: its stdin.
        limit: seconds.
    """
    # -P: a file keras.py in the present folder is no package of the installation.
    command = [sys.executable, "-P", "-c", code, *arguments]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0"}
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired as error:
        log = (error.stderr or b"").decode(errors="replace")
        return ChildAnswer({}, log, f"it had no answer after {limit:g} seconds")
    except OSError as error:
        return ChildAnswer({}, "", f"no process could be started ({error})")
    log = done.stderr.decode(errors="replace")
    if done.returncode:
        return ChildAnswer({}, log, _failure(done.returncode, done.stderr))
    lines = done.stdout.decode(errors="replace").splitlines()
    return ChildAnswer(json.loads(lines[-1]), log)


def _failure(status: int, log: bytes) -> str:
    lines = without_chatter(log).decode(errors="replace").strip().splitlines()
    said = f" ({lines[-1].strip()})" if lines else ""
    # Windows gives an illegal instruction as this number.
    if -status == signal.SIGILL or status & 0xFFFFFFFF == 0xC000001D:
        return f"it ended with an illegal instruction, which this processor has not{said}"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"it was ended by {name}{said}"
    return lines[-1].strip() if lines else f"it ended with status {status}"
