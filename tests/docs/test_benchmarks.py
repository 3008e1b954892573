"""Guards: every figure in benchmarks/README.md has a command beside it, and that command exists."""

import argparse
import csv
import importlib.util
import re
import subprocess
import sys
import time

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / "benchmarks"
# A number with a unit, a number with decimals that is no version, or a row of numbers.
_FIGURE = re.compile(
    r"\d ?(ms|s|MB|KB|GB|GFLOP/s|images/s|%|seconds?|times)\b|^\|.*\|\s*\**\d+(\.\d+)?\**\s*\|",
    re.M,
)
_COMMAND = re.compile(r"python benchmarks/(\w+\.py)")


def sections(text):
    """The page's sections with their headings, by these, each without the sections below it."""
    parts = re.split(r"^(?=##+ )", text, flags=re.M)[1:]
    return {part.splitlines()[0]: part for part in parts}


def common():
    """benchmarks/common.py as a module: the folder is no package."""
    spec = importlib.util.spec_from_file_location("benchmarks_common", FOLDER / "common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = sections((FOLDER / "README.md").read_text(encoding="utf-8"))
# Makes what a benchmark measures with, and has no rows of its own.
TOOLS = {"outlines.py"}
PROGRAMS = {path.name for path in FOLDER.glob("*.py") if "__main__" in path.read_text()}
SCRIPTS = sorted(PROGRAMS - TOOLS)


@pytest.mark.parametrize("heading", [h for h, text in PAGE.items() if _FIGURE.search(text)])
def test_a_section_with_figures_names_its_command(heading):
    commands = _COMMAND.findall(PAGE[heading])
    assert commands, f"'{heading}' of benchmarks/README.md says figures without a command"
    assert [name for name in commands if not (FOLDER / name).is_file()] == []


def test_figures_are_told_from_words():
    assert _FIGURE.search("it takes 8.6 s") and _FIGURE.search("a third\nof 27 ms an image")
    assert _FIGURE.search("| both | 0.986 | **0.982** |")
    assert not _FIGURE.search("LiteRT 2.3.0 on two threads, P3 to P6, 7 x 7 windows")
    figures = [heading for heading, text in PAGE.items() if _FIGURE.search(text)]
    assert len(figures) >= 5, figures


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_comes_at_once_and_says_what_is_measured(name):
    begun = time.perf_counter()
    command = [sys.executable, "-X", "importtime", str(FOLDER / name), "--help"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr[-1000:]
    for option in ("--quick", "--csv"):
        assert option in run.stdout
    loaded = {line.rsplit("|", 1)[1].strip() for line in run.stderr.splitlines() if "|" in line}
    assert not loaded & {"tensorflow", "keras", "maskdet.models.detector"}
    assert time.perf_counter() - begun < 20  # seconds; loading TensorFlow alone takes five


def test_every_benchmark_is_in_the_readme_and_in_make_bench():
    named = set(_COMMAND.findall((FOLDER / "README.md").read_text(encoding="utf-8")))
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named == PROGRAMS
    assert set(_COMMAND.findall(recipe)) == set(SCRIPTS)


def test_every_csv_says_machine_and_versions():
    for path in FOLDER.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows, path.name
        assert all(row["date"] and row["machine"] and row["maskdet"] for row in rows), path.name
        assert (FOLDER / f"{path.stem}.py").is_file()


def test_rows_are_appended_and_new_columns_added(tmp_path):
    path = tmp_path / "rows.csv"
    common().append_rows(path, [{"way": "a, b", "ms": 1.23456789}])
    common().append_rows(path, [{"way": "c", "ms": 2, "masks": True}])
    assert path.read_text() == 'way,ms,masks\n"a, b",1.2346,\nc,2,True\n'
    assert list(tmp_path.iterdir()) == [path]


def test_short_runs_leave_the_figures_alone(tmp_path):
    own, other = tmp_path / "own.csv", tmp_path / "other.csv"
    for quick, path in ((True, None), (True, other), (False, None)):
        args = argparse.Namespace(quick=quick, csv=path, own_csv=own)
        common().keep_rows(args, [{"ms": 1}])
        assert own.exists() is not quick
    for path, quick in ((own, "False"), (other, "True")):
        with path.open(newline="", encoding="utf-8") as file:
            assert [(row["quick"], row["ms"]) for row in csv.DictReader(file)] == [(quick, "1")]


def test_facts_of_a_row():
    facts = common().facts(argparse.Namespace(quick=True))
    assert facts["quick"] is True and facts["cores"] >= 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["date"])
    assert re.fullmatch(r"\d+\.\d+.*", facts["tensorflow"])
    assert re.fullmatch(r"\d+\.\d+.*", facts["keras"])


def test_a_median_leaves_out_the_call_that_warms_up():
    calls = []
    seconds = common().median_seconds(lambda: calls.append(time.sleep(0.2 if not calls else 0)), 3)
    assert len(calls) == 4
    assert seconds < 0.1


def test_a_table_is_aligned(capsys):
    common().print_table(
        [{"way": "a", "ms": 1.0}, {"way": "longer", "size": 3}], ["way", "ms", "size"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "way        ms  size",
        "a       1.000      ",
        "longer            3",
    ]
