"""Guards: the outlines that masks are held against were drawn around the objects they name, and one
that is wrong does not pass unseen."""

import dataclasses
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from maskdet.images import read_image, write_image
from tests.docs.pages import ROOT

FOLDER = ROOT / "benchmarks"
KANGAROO = ROOT.parent / "shared" / "data" / "kangaroo"
SHAPE = (60, 100)  # of the made photo
# Two objects side by side, y1, x1, y2, x2.
BOXES = [(10, 5, 50, 45), (12, 55, 52, 95)]
# An octagon that touches the first box on all sides; it covers 0.82 of it.
OCTAGON = [[10, 17], [10, 33], [22, 45], [38, 45], [50, 33], [50, 17], [38, 5], [22, 5]]
BOW_TIE = [[10, 5], [50, 45], [10, 45], [50, 5]]


@pytest.fixture
def module(monkeypatch):
    """outlines_check.py: the folder is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("outlines_check")


@pytest.fixture
def made_set(tmp_path):
    """A folder like the kangaroo set's, of one photo with two objects."""
    write_image(tmp_path / "images" / "00150.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    objects = "".join(
        f"<object><name>kangaroo</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for y1, x1, y2, x2 in BOXES
    )
    path = tmp_path / "annots" / "00150.xml"
    path.parent.mkdir()
    path.write_text(f"<annotation><filename>00150.jpg</filename>{objects}</annotation>")
    return tmp_path


def moved(polygon, down, right):
    return [[y + down, x + right] for y, x in polygon]


def run(*arguments):
    command = [sys.executable, str(FOLDER / "outlines.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def check(made_set, polygon, number=1):
    path = made_set / "outlines.json"
    path.write_text(json.dumps({"00150.jpg": {"object": number, "polygons": [polygon]}}))
    return run("check", "--data", made_set, "--outlines", path)


# ---- the file ---------------------------------------------------------------------------------
@pytest.fixture
def outlines(module):
    if not KANGAROO.is_dir():
        pytest.skip("no ../shared/data/kangaroo")
    return module.read_outlines()


def test_each_outline_fits_its_object(module, outlines):
    assert len(outlines) == 20
    for outline in outlines.values():
        shape, box = module.object_of(KANGAROO, outline.photo, outline.number)
        assert module.faults(outline, shape, box) == []


def test_outlines_are_of_photos_that_no_training_sees(outlines):
    assert all(int(photo.removesuffix(".jpg")) >= 150 for photo in outlines)


def test_no_outline_passes_for_another_object_of_its_photo(module, outlines):
    tried = 0
    for outline in outlines.values():
        for number in range(1, 4):
            if number != outline.number:
                try:
                    shape, box = module.object_of(KANGAROO, outline.photo, number)
                except module.DataError:  # the photo has fewer
                    continue
                other = dataclasses.replace(outline, number=number)
                assert module.faults(other, shape, box), f"{outline.photo} {number}"
                tried += 1
    assert tried >= 5


# ---- what check says --------------------------------------------------------------------------
def test_a_good_outline_passes_and_is_measured(made_set):
    result = check(made_set, OCTAGON)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1].split() == (
        ["00150.jpg", "1", "8", "0.000", "0.000", "0.000", "0.000", "0.820"]
    )


@pytest.mark.parametrize(
    ("polygon", "number", "sentence"),
    [
        (moved(OCTAGON, 0, 20), 1, "object 1: it ends 20.0 px beyond its box's right side"),
        (moved(OCTAGON, 0, 20), 1, "object 1: it ends 20.0 px short of its box's left side"),
        (moved(OCTAGON, 2, 50), 1, "object 1: it ends 50.0 px beyond its box's right side"),
        (OCTAGON, 2, "object 2: it ends 50.0 px beyond its box's left side"),
        (moved(OCTAGON, -14, 0), 1, "a polygon leaves its photo"),
        (BOW_TIE, 1, "edges 0 and 2 of a polygon cross or touch"),
        (
            [[10, 5], [12, 45], [50, 45], [48, 43], [14, 43], [12, 5]],
            1,
            "it covers 0.10 of its box",
        ),
        ([[10, 5], [10, 45], [50, 45], [50, 5]], 1, "it covers 1.00 of its box"),
    ],
    ids=["beyond", "short", "other", "named as the other", "photo", "crossed", "thin", "the box"],
)
def test_a_wrong_outline_is_refused(made_set, polygon, number, sentence):
    result = check(made_set, polygon, number)
    assert result.returncode == 1
    assert sentence in result.stderr


def test_an_object_that_is_not_there_is_said_with_its_file(made_set):
    result = check(made_set, OCTAGON, number=3)
    assert result.returncode == 1
    assert "00150.xml has objects 1 to 2, but 3 is asked for." in result.stderr


@pytest.mark.parametrize(
    ("polygon", "crossings"),
    [
        ([[0, 0], [0, 9], [9, 9], [9, 0]], []),
        ([[0, 0], [9, 9], [0, 9], [9, 0]], [(0, 2)]),
        ([[0, 0], [0, 9], [9, 9], [0, 5]], [(0, 2)]),
        ([[0, 0], [0, 3], [5, 3], [5, 6], [0, 6], [0, 9], [9, 9], [9, 0]], []),
        ([[0, 0], [0, 9], [4, 9], [4, 6], [2, 6], [2, 3], [6, 3], [6, 6], [4.2, 6], [4.2, 9],
          [9, 9], [9, 0]], []),
        ([[0, 0], [0, 9], [4, 9], [4, 6], [2, 6], [2, 3], [6, 3], [6, 6], [4, 6], [4, 9],
          [9, 9], [9, 0]], [(1, 8), (1, 9), (2, 7), (2, 8), (2, 9), (3, 7), (3, 8)]),
    ],
    ids=["square", "bow tie", "corner on an edge", "in one line", "slit", "slit of no width"],
)  # fmt: skip
def test_edges_that_meet_are_told_from_a_narrow_slit(module, polygon, crossings):
    assert module.crossings(np.array(polygon, float)) == crossings


# ---- the picture ------------------------------------------------------------------------------
def test_the_picture_has_the_outline_over_the_object(made_set):
    assert check(made_set, OCTAGON).returncode == 0
    path = made_set / "object.png"
    result = run(
        "show", "00150", "--data", made_set, "--outlines", made_set / "outlines.json",
        "--out", path, "--plain", "--window", 0, 0, 60, 100,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    picture = read_image(path)
    assert picture.shape == (696 + 68, 1160 + 68, 3)
    drawn = (picture == (255, 0, 200)).all(axis=2)
    rows, columns = np.nonzero(drawn)
    # 11.6 times as large, with a ruler 34 pixels wide around it; the line is two wide.
    for at, pixel in (
        (rows.min(), 10), (rows.max(), 50), (columns.min(), 5), (columns.max(), 45)
    ):  # fmt: skip
        assert abs(at - (34 + 11.6 * pixel)) <= 2
