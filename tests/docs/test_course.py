"""Guards: each lesson of the course runs from its first cell to its last, as its reader runs it.

Notebooks run in a kernel of their own where nbclient is installed, else as the scripts that they
are made of. Everything is small (MASKDET_COURSE_QUICK): drawn scenes of 128 pixels, trainings of
one step.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from maskdet.commands.parser import build_parser
from maskdet.runtime import Detector
from tests.docs.pages import COURSE_PAGES, ROOT, steps_of

COURSE = ROOT / "docs" / "course"
LESSONS = ("lesson_1", "lesson_2", "lesson_3", "lesson_4")
IN_NOTEBOOKS = all(importlib.util.find_spec(name) for name in ("nbclient", "ipykernel"))
# Runs a notebook and prints what its cells printed; of pictures, that there is one.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print(output.get("text", ""), end="")
        for kind in output.get("data", {}):
            print(kind)
"""


@pytest.fixture
def reader(tmp_path):
    """The folder of a reader who has the course, and nothing else yet."""
    for name in [
        "course.py",
        *(f"{lesson}.{kind}" for lesson in LESSONS for kind in ("py", "ipynb")),
    ]:
        shutil.copy(COURSE / name, tmp_path / name)
    return tmp_path


def start(lesson, folder):
    """Run a lesson from its first cell to its last; the finished process."""
    if IN_NOTEBOOKS:
        command = [sys.executable, "-c", EXECUTE, f"{lesson}.ipynb"]
    else:
        command = [sys.executable, f"{lesson}.py"]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"MASKDET_COURSE_QUICK": "1", "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | settings
    )


def run(lesson, folder):
    """What a lesson prints."""
    finished = start(lesson, folder)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-2000:]
    return finished.stdout


@pytest.mark.pages
def test_the_first_lesson_sets_up(reader):
    said = run("lesson_1", reader)
    assert "All is here for training and detecting." in said
    assert "classes: ['ball', 'book', 'bottle', 'leaf', 'mug']" in said
    assert "my_photos has drawn scenes, which stand in for photos." in said
    assert (reader / "preview.jpg").is_file()
    assert ("image/jpeg" if IN_NOTEBOOKS else "preview.jpg") in said.splitlines()


@pytest.mark.pages
def test_the_second_lesson_prepares_a_set_and_shows_what_a_fault_looks_like(reader):
    said = run("lesson_2", reader)
    assert "nothing to complain about" in said
    assert re.search(r"xmax 9999,.*scene_00000\.xml, line \d+ leaves", said)
    names = {
        part: (reader / "lists" / f"{part}.txt").read_text().split() for part in ("train", "val")
    }
    assert len(names["train"]) == 10 and len(names["val"]) == 2
    assert (reader / "as_coco" / "instances.json").is_file()
    assert (reader / "variants.jpg").is_file()


@pytest.mark.pages
def test_the_third_lesson_trains_and_the_fourth_runs_its_network(reader):
    said = run("lesson_3", reader)
    assert " 33 pixels to the right: IoU 0.50 right" in said
    assert " 60 pixels to the right: IoU 0.25 wrong" in said
    assert "AP: 0.68" in said
    assert "AP50 gain" in said
    for result in ("trained/my_photos/weights.h5", "report.html", "seen.html"):
        assert (reader / result).is_file(), result
    assert len(list((reader / "detections").glob("*.jpg"))) == 3

    said = run("lesson_4", reader)
    assert "kept:    [  2 -74  30 127] and the scale 0.01" in said
    classes = Detector(reader / "mine.tflite").class_names
    assert classes[1:] == ("ball", "book", "bottle", "leaf", "mug")
    assert "frame 1: " in said and said.count("seen in all: ") == 2
    assert "See http://127.0.0.1:" in said
    assert "different things: {" in said


@pytest.mark.pages
def test_the_fourth_lesson_without_the_third_says_what_to_do(reader):
    finished = start("lesson_4", reader)
    assert finished.returncode != 0
    sentence = f"There is no trained/my_photos/weights.h5 in {reader}; run lesson 3 first."
    assert sentence in re.sub(r"\x1b\[[\d;]*m", "", finished.stderr)
    assert not (reader / "my_photos").exists()


def test_photos_that_are_there_are_left_as_they_are(reader, monkeypatch, capsys):
    monkeypatch.chdir(reader)
    spec = importlib.util.spec_from_file_location("course", reader / "course.py")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    for name in ("my_photos", "new_photos"):
        (reader / name).mkdir()
        (reader / name / "mine.JPG").write_bytes(b"")
    course.my_photos()
    course.new_photos()
    assert capsys.readouterr().out == "Photos in new_photos to try the network on: 1.\n"
    assert [p.name for p in reader.glob("*_photos*/*")] == ["mine.JPG", "mine.JPG"]


def test_a_command_that_fails_ends_the_lesson_and_an_answer_does_not(reader, monkeypatch, capsys):
    monkeypatch.chdir(reader)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    spec = importlib.util.spec_from_file_location("course", reader / "course.py")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    with pytest.raises(SystemExit, match="ended with status 2; its last lines say why"):
        course.run("maskdet preview nowhere")
    assert "There is no nowhere" in capsys.readouterr().out
    course.run("maskdet check nowhere")  # status 1: the answer is no
    assert "There is no nowhere" in capsys.readouterr().out


@pytest.mark.parametrize("page", COURSE_PAGES)
def test_every_command_that_a_page_names_can_be_typed(page):
    commands = [step.text for step in steps_of(page) if step.language == "shell"]
    ours = [shlex.split(command) for command in commands if command.startswith("maskdet ")]
    assert ours, page
    parser = build_parser("maskdet")
    for words in ours:
        if words[-1] != "--help" and len(words) > 2:
            assert parser.parse_args(words[1:]).name == words[1]
    assert all(c.startswith(("maskdet ", "python -m maskdet.runtime ")) for c in commands)


def test_the_course_is_read_in_order():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^course/(.*)$", index, re.M) == list(LESSONS)
    assert [f"docs/course/{lesson}.md" for lesson in LESSONS] == COURSE_PAGES
