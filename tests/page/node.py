"""The page's TypeScript in node, bundled once a session; skips where it cannot be."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

WEB = Path(__file__).resolve().parents[2] / "web"


def bundle():
    """Bundles the tests of web/ into web/build; skips without node or its packages."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (WEB / "node_modules" / "esbuild").is_dir():
        pytest.skip("web/node_modules is missing; run: cd web && npm ci")
    subprocess.run([node, "build.mjs", "--tests"], cwd=WEB, check=True, timeout=120)
    return node


def run_cases(node, cases, folder):
    """What web/tests/numbers.ts makes of the cases: bytes, one for each, in order.

    Arrays in a case go through files.
    """
    lines = []
    for number, case in enumerate(cases):
        line = dict(case, out=str(folder / f"{number}.out"))
        if isinstance(line.get("bytes"), np.ndarray):
            path = folder / f"{number}.in"
            path.write_bytes(line["bytes"].tobytes())
            line["bytes"] = str(path)
        lines.append(json.dumps(line))
    listing = folder / "cases.jsonl"
    listing.write_text("\n".join(lines), encoding="utf-8")
    subprocess.run([node, WEB / "build" / "numbers.mjs", listing], check=True, timeout=300)
    return [(folder / f"{number}.out").read_bytes() for number in range(len(cases))]
