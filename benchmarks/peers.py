"""Other libraries beside ours: installed into an environment of their own, timed in turns.

The peer lives in a process of its own that stays for the whole benchmark, and works only when it is
asked: so both libraries see the same machine, round by round.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

from common import FOLDER, seconds_of

PACKAGES = ("torch==2.14.1", "torchvision==0.29.1")
ENVIRONMENT = FOLDER.parent / ".peers"


def peer_python():
    """The interpreter of an environment with PyTorch and torchvision; made where there is none.

    MASKDET_PEERS names another environment that has them.
    """
    folder = Path(os.environ.get("MASKDET_PEERS", ENVIRONMENT))
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if folder == ENVIRONMENT and not ready.exists():
        print(f"installing {', '.join(PACKAGES)} into {folder} (several GB)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        ready.touch()
    if not python.exists():
        sys.exit(f"MASKDET_PEERS is {folder}, where there is no bin/python; name an environment.")
    return python


class Peer:
    """torchvision's Mask R-CNN, asked over a pipe.

    Args:
        task: what ``torchvision_peer.py`` is to build, as plain values.
    """

    def __init__(self, task):
        self._process = subprocess.Popen(
            [peer_python(), "-c", "from torchvision_peer import main; main()", json.dumps(task)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts = json.loads(self._answer())

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            sys.exit("torchvision's process has ended; its message stands above.")
        return line

    def __call__(self):
        """Seconds of one round."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def in_turns(ours, peer, rounds):
    """Median seconds of both, one after the other in each round, after a round to warm up."""
    times = [(seconds_of(ours), peer()) for _ in range(rounds + 1)][1:]
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


@contextlib.contextmanager
def torchvision(task):
    """A :class:`Peer` that goes at the end."""
    peer = Peer(task)
    try:
        yield peer
    finally:
        peer.close()
