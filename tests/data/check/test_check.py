"""Promise: the check finds each known defect, once, with file and line, and invents none."""

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskdet import Config, MobileConfig
from maskdet.data import check

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "../shared/data"


def picture(path, seed, size=(120, 100)):
    """A photo unlike any other: large random blocks."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.BILINEAR).save(path)


def xml(folder, name, objects, size=(120, 100)):
    parts = [
        f"<object>\n<name>{kind}</name>\n<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>\n</object>"
        for kind, x1, y1, x2, y2 in objects
    ]
    width, height = size
    (folder / f"{name}.xml").write_text(
        f"<annotation>\n<filename>{name}.png</filename>\n<size><width>{width}</width>"
        f"<height>{height}</height></size>\n" + "\n".join(parts) + "\n</annotation>"
    )


@pytest.fixture
def sound(tmp_path):
    """Twelve photos, a fire truck and perhaps a cat in each; nothing wrong."""
    for number in range(12):
        picture(tmp_path / f"{number}.png", number)
        objects = [("fire_truck", 10, 12, 60, 70)] + [("cat", 70, 20, 110, 80)] * (number % 2)
        xml(tmp_path, str(number), objects)
    return tmp_path


def kinds(report):
    return sorted(finding.kind for finding in report.findings)


def test_a_sound_set_has_no_findings(sound):
    report = check(sound, MobileConfig())
    assert kinds(report) == [] and report.sound
    assert report.counts["images"] == 12 and report.counts["objects"] == 18
    assert report.counts["objects by class"] == {"fire_truck": 12, "cat": 6}
    assert report.counts["objects by size"] == {"small": 0, "medium": 18, "large": 0}
    assert "nothing to complain about" in report.text()


def cut_photo(folder):
    data = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(data[: len(data) // 2])


def turn_photo(folder):
    image = Image.open(folder / "3.png")
    exif = Image.Exif()
    exif[0x0112] = 77
    image.save(folder / "3.png", exif=exif)


BROKEN = "<annotation><object><name>cat</name>"
DEFECTS = {
    "swapped corners": lambda f: xml(f, "3", [("cat", 60, 12, 10, 70)]),
    "box without area": lambda f: xml(f, "3", [("cat", 10, 12, 10, 70)]),
    "box outside its image": lambda f: xml(f, "3", [("cat", 10, 12, 190, 70)]),
    "negative coordinates": lambda f: xml(f, "3", [("cat", -1, 12, 60, 70)]),
    "duplicated box": lambda f: xml(f, "3", [("cat", 10, 12, 60, 70)] * 2),
    "blanks around a class name": lambda f: xml(f, "3", [("fire_truck\n", 10, 12, 60, 70)]),
    "near-miss class name": lambda f: xml(f, "3", [("Fire truck", 10, 12, 60, 70)]),
    "float coordinates": lambda f: xml(f, "3", [("cat", 10.5, 12, 60, 70)]),
    "size of zero": lambda f: xml(f, "3", [("cat", 10, 12, 60, 70)], (0, 0)),
    "size of another photo": lambda f: xml(f, "3", [("cat", 10, 12, 60, 70)], (240, 200)),
    "broken XML": lambda f: (f / "3.xml").write_text(BROKEN),
    "missing photo": lambda f: (f / "3.png").unlink(),
    "unreadable photo": cut_photo,
    "photo without annotation": lambda f: (f / "3.xml").unlink(),
    "image without objects": lambda f: xml(f, "3", []),
    "tiny box": lambda f: xml(f, "3", [("cat", 10, 12, 13, 16)]),
    "box of the whole image": lambda f: xml(f, "3", [("cat", 0, 0, 120, 100)]),
    "odd EXIF orientation": turn_photo,
    "same photo twice": lambda f: (f / "3.png").write_bytes((f / "5.png").read_bytes()),
    "near-identical photos": lambda f: Image.open(f / "5.png").resize((180, 150)).resize(
        (120, 100)
    ).save(f / "3.png"),
}  # fmt: skip
# What one defect brings along by its nature.
ALONG = {
    "image without objects": {"annotation without objects"},
    "broken XML": {"photo without annotation"},
    "swapped corners": {"image without objects"},
    "box without area": {"image without objects"},
    "box outside its image": {"image without objects"},
}


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_planted_defect_is_found_once(kind, sound):
    DEFECTS[kind](sound)
    report = check(sound)
    kinds_left = [k for k in kinds(report) if k not in ALONG.get(kind, set())]
    assert kinds_left == [kind]
    message = report.of_kind(kind)[0].message
    assert message.endswith(".") and len(message) < 500
    assert "3" in message or kind == "near-miss class name"
    if kind in ("swapped corners", "box without area", "negative coordinates", "duplicated box"):
        assert "3.xml, line" in message


def test_a_report_as_json_text_and_picture(sound, tmp_path):
    DEFECTS["tiny box"](sound)
    report = check(sound, Config())
    report.save_json(tmp_path / "out" / "report.json")
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["counts"]["images"] == 12 and not content["findings"] == []
    assert {f["kind"] for f in content["findings"]} >= {"tiny box"}
    report.draw(tmp_path / "out" / "page.png")
    page = np.asarray(Image.open(tmp_path / "out" / "page.png"))
    assert page.shape[2] == 3 and (page != 255).any(axis=2).mean() > 0.02


def test_repair_mends_what_can_be_mended(sound):
    xml(sound, "3", [("cat", 60, 70, 10, 12), ("cat", 10, 10, 10, 50)])
    xml(sound, "4", [("Fire_Truck", 10, 12, 60, 70)] * 2)
    before = {path: path.read_bytes() for path in sound.iterdir()}
    report = check(sound, fix=True)
    assert {path: path.read_bytes() for path in sound.iterdir()} == before
    mended = report.repaired
    assert mended.class_names == ["BG", "cat", "fire_truck"]
    boxes, ids = mended.load_boxes(mended.image_from_source_map["repaired.3"])
    assert boxes.tolist() == [[12, 10, 70, 60]] and mended.class_names[ids[0]] == "cat"
    assert len(mended.load_boxes(mended.image_from_source_map["repaired.4"])[1]) == 1
    assert kinds(check(mended)) == []


class Unanchored(Config):
    """A family without anchors."""

    IMAGE_MAX_DIM = 512

    def anchor_shapes(self):
        return None


class Large(Config):
    IMAGE_MAX_DIM = 512
    RPN_ANCHOR_SCALES = (400, 410, 420, 430, 440)


def test_anchors_are_asked_of_the_config_and_written_as_it_writes_them(sound):
    assert not check(sound, Unanchored()).of_kind("boxes that no anchor covers")
    (finding,) = check(sound, Large()).of_kind("boxes that no anchor covers")
    pattern = (
        r"^6 of 18 boxes \(33%\) have an IoU below 0\.3 with every anchor of Large; "
        r"RPN_ANCHOR_SCALES = \((\d+, ){4}\d+\), RPN_ANCHOR_RATIOS = \[[\d., ]+\] would leave 0\.$"
    )
    assert re.match(pattern, finding.message), finding.message


def test_a_page_shows_circles_for_anchors_alone(sound, tmp_path):
    report = check(sound)
    pages = {}
    for kind in (None, Unanchored, Large):
        report.draw(tmp_path / "page.png", kind and kind())
        pixels = np.asarray(Image.open(tmp_path / "page.png")).astype(int)
        pages[kind] = (pixels == (200, 60, 40)).all(axis=2)[40:340, 640:].sum()
    assert pages[None] == pages[Unanchored] == 0 and pages[Large] > 15 * 10


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "maskdet", "check", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_says_by_its_status_whether_there_is_an_error(sound, tmp_path):
    done = run(sound, "--picture", tmp_path / "r.png")
    assert done.returncode == 0 and "fire_truck 12" in done.stdout
    assert (tmp_path / "r.png").is_file()
    facts = json.loads(run(sound, "--json").stdout)
    assert facts["sound"] and facts["counts"]["objects by class"]["fire_truck"] == 12
    DEFECTS["broken XML"](sound)
    done = run(sound)
    assert done.returncode == 1 and "error: broken XML (1)" in done.stdout
    assert run(tmp_path / "nowhere").returncode == 1


REAL = {
    "kangaroo": {
        "unreadable photo": ["00090"],
        "odd EXIF orientation": ["00076", "00103"],
        "same photo twice": ["00033"],
        "near-identical photos": ["00118"],
        "duplicated box": ["00155"],
    },
    "bccd": {
        "box without area": ["BloodImage_00338.xml, line 158", "BloodImage_00343.xml, line 50"],
        "near-identical photos": ["BloodImage_00038"],
    },
    "nuts_bolts": {
        "image without objects": ["image12_96_", "image_667_"],
        "tiny box": ["image_181_"],
    },
    "formats/labelimg_variety": {"negative coordinates": ["000001.xml, line 49"]},
    "balloon": {},
    "formats/csv/road_signs": {},
    "formats/penn_fudan": {},
}


@pytest.mark.parametrize("name", REAL)
def test_known_defects_of_real_sets(name):
    if not (DATA / name).exists():
        pytest.skip(f"../shared/data/{name} is not here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check(DATA / name)
    for kind, words in REAL[name].items():
        messages = " ".join(f.message for f in report.of_kind(kind))
        assert len(report.of_kind(kind)) == len(words)
        assert all(word in messages for word in words)
    if name == "nuts_bolts":  # bursts of few scenes: train and test share them
        assert len(report.of_kind("near-identical photos")) > 10
    elif name != "formats/labelimg_variety":
        assert set(kinds(report)) == set(REAL[name])
