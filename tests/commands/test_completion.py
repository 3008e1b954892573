"""Promise: a shell completes commands, options, choices and files at once."""

import os
import subprocess
import sys
import time

import pytest

from maskdet.commands.answers import MISTAKE
from maskdet.commands.main import main

argcomplete = pytest.importorskip("argcomplete")


@pytest.fixture
def folder(tmp_path):
    """With some files, and a program ``maskdet`` in bin/ that is this checkout's."""
    (tmp_path / "my_photos").mkdir()
    (tmp_path / "my_weights.h5").touch()
    (tmp_path / "other.txt").touch()
    program = tmp_path / "bin" / "maskdet"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "from maskdet.commands.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return tmp_path


@pytest.fixture
def completed(folder, environment):
    """What the program offers for a line, asked as a shell asks."""

    def ask(line):
        asked = environment | {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_SHELL": "bash",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "IFS": "\v",
        }
        # Descriptor 8 has the answers, as in the code that a shell gets.
        done = subprocess.run(
            ["bash", "-c", "bin/maskdet 8>&1 9>&2 1>said 2>&1 </dev/null"],
            env=asked,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, (folder / "said").read_text()) == (0, "")
        offered = done.stdout
        return [word.strip() for word in offered.split("\v") if word]

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("maskdet ch", ["check"]),
        ("maskdet completion ", ["bash", "zsh", "fish"]),
        ("maskdet export --prec", ["--precision"]),
        ("maskdet export --precision ", ["float32", "float16", "int8"]),
        ("maskdet check my_", ["my_photos/", "my_weights.h5"]),
        ("maskdet export my_w", ["my_weights.h5"]),
        ("maskdet detect my_weights.h5 my_p", ["my_photos/"]),
        ("maskdet detect --out my_p", ["my_photos/"]),
        ("maskdet check --picture oth", ["other.txt"]),
        ("maskdet quack ", []),
    ],
)
def test_what_is_offered(completed, line, offered):
    assert set(offered) <= set(completed(line))
    if line[-1] != " ":
        assert len(completed(line)) == len(offered)


def test_nothing_heavy_is_loaded_for_it(folder, environment):
    """It is asked at every press of a key: quick means that little is loaded."""
    code = (
        "import os, sys\n"
        "end = os._exit\n"
        "def left(status):\n"
        "    heavy = {'numpy', 'keras', 'tensorflow', 'matplotlib', 'PIL', 'tqdm'}\n"
        "    print(sorted(heavy & set(sys.modules)), flush=True)\n"
        "    end(status)\n"
        "os._exit = left\n"
        "import argcomplete\nfrom maskdet.commands.main import main\nmain()"
    )
    asked = environment | {"_ARGCOMPLETE": "1", "COMP_LINE": "maskdet ch", "COMP_POINT": "10"}
    asked["_ARGCOMPLETE_STDOUT_FILENAME"] = str(folder / "offered")
    done = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert (folder / "offered").read_text().strip() == "check"


def test_bash_itself(folder, environment):
    """The printed code, evaluated and called as bash calls it for a press of the tab key."""
    code = """
eval "$(maskdet completion bash)"
complete -p maskdet
COMP_LINE="maskdet check my_p" COMP_POINT=18 COMP_WORDS=(maskdet check my_p) COMP_CWORD=2
COMP_TYPE=9
_python_argcomplete maskdet my_p check
printf '<%s>' "${COMPREPLY[@]}"
"""
    environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", code], env=environment, cwd=folder, capture_output=True, text=True
    )
    declared, offered = done.stdout.splitlines()
    assert declared.startswith("complete ") and declared.endswith(" maskdet")
    assert offered == "<my_photos/>", done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_code_is_printed_for_each_shell(shell, capsys):
    assert main(["completion", shell]) == 0
    code = capsys.readouterr().out
    mark = {"bash": "complete -o", "zsh": "#compdef maskdet", "fish": "complete --command maskdet"}
    assert mark[shell] in code


def test_without_argcomplete_a_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert main(["completion", "bash"]) == MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "maskdet: Completion needs the package argcomplete, which is not installed; run: pip "
        "install argcomplete\n"
    )


def test_it_is_quick(completed):
    """Far below what a person notices, on any machine that is not busy otherwise."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        completed("maskdet ch")
        times.append(time.perf_counter() - begun)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    bare = time.perf_counter() - start
    assert min(times) < max(0.3, 12 * bare)
