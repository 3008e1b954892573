"""Promise: export("page/") gives a whole folder that any server can serve, and it replaces nothing
but a page."""

import configparser
import errno
import json
import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from maskdet.errors import DataError, UsageError
from maskdet.exporters.formats import writer_of
from maskdet.page import folder
from maskdet.page.folder import PageContent, check_page, write_page
from maskdet.runtime import open_file
from maskdet.runtime.model_file import FACTS
from tests.exporters.conftest import tiny_model  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("index.html", "app.js", "worker.js", "style.css", "LICENSES.txt")
CONTENT = PageContent("Nuts", b"a network", ["bolt", "nut"], {"task": "detection"})


def names(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())


def test_a_page_has_all_its_parts(programs, tmp_path):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    assert names(page) == [
        *("LICENSES.txt", "app.js", "index.html", "labels.txt", "model.tflite", "page.json"),
        *("style.css", "wasm/litert_wasm_internal.js", "wasm/litert_wasm_internal.wasm"),
        "worker.js",
    ]
    assert json.loads((page / "page.json").read_text()) == {
        "format": "maskdet.page",
        "version": 1,
        "title": "Nuts",
        "model": "model.tflite",
        "wasm": ["plain"],
        "samples": [],
        "facts": {"task": "detection"},
    }
    assert (page / "labels.txt").read_text() == "bolt\nnut\n"
    assert (page / "model.tflite").read_bytes() == b"a network"
    assert check_page(page) == page
    assert [p.name for p in tmp_path.iterdir() if p.name != "built"] == ["page"]


def test_an_older_page_is_replaced_whole(programs, tmp_path):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    (page / "old.txt").write_text("of the old one")
    write_page(page, CONTENT)
    assert not (page / "old.txt").exists() and check_page(page) == page


def test_samples_are_small_numbered_and_without_what_the_camera_wrote(programs, tmp_path):
    photo = tmp_path / "at home.png"
    exif = Image.Exif()
    exif[0x010E] = "our street"
    Image.fromarray(np.full((300, 2048, 3), 200, np.uint8)).save(photo, exif=exif)
    page = tmp_path / "page"
    write_page(page, PageContent("A", b"", [], {}, [photo]))
    assert json.loads((page / "page.json").read_text())["samples"] == ["samples/1.jpg"]
    with Image.open(page / "samples" / "1.jpg") as sample:
        assert sample.size == (1024, 150)
        assert not sample.getexif()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda page: page.write_text("x"), "is a file; name a folder"),
        (lambda page: (page.mkdir(), (page / "a.jpg").touch()), "exists and is no page"),
        (
            lambda page: (page.mkdir(), (page / "saved_model.pb").touch()),
            'To replace the SavedModel there, say format="saved_model"',
        ),
    ],
)
def test_what_is_no_page_stays(programs, tmp_path, prepare, message):
    page = tmp_path / "page"
    prepare(page)
    before = names(tmp_path)
    with pytest.raises(UsageError, match=message):
        write_page(page, CONTENT)
    assert names(tmp_path) == before


def test_a_sample_that_cannot_be_read_leaves_the_older_page(programs, tmp_path):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match="broken.jpg is no picture"):
        write_page(page, PageContent("New", b"", [], {}, [tmp_path / "broken.jpg"]))
    assert json.loads((page / "page.json").read_text())["title"] == "Nuts"
    assert not list(tmp_path.glob(".part-*"))


def test_a_missing_sample_is_told_before_the_work(programs, tmp_path):
    writer = writer_of("page/", samples=[tmp_path / "none.jpg"])
    with pytest.raises(UsageError, match="There is no photo .*none.jpg to try on the page"):
        writer.check_path(tmp_path / "page")


def test_one_sample_may_stand_without_a_list(programs, tmp_path):
    photo = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(photo)
    for sample in (photo, str(photo)):
        assert writer_of("page/", samples=sample).samples == (sample,)


def test_a_link_stays_and_the_page_goes_where_it_leads(programs, tmp_path):
    write_page(tmp_path / "real", CONTENT)
    for link, place in (("link", "real"), ("new link", "new")):
        (tmp_path / link).symlink_to(tmp_path / place)
        write_page(tmp_path / link, PageContent("New", b"", [], {}))
        assert (tmp_path / link).is_symlink()
        assert json.loads((tmp_path / place / "page.json").read_text())["title"] == "New"


def test_a_page_that_cannot_be_moved_leaves_the_older_one(programs, tmp_path, monkeypatch):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    replace = os.replace

    def full(source, target):
        if Path(source).name == "page" and ".part-" in str(source):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(folder.os, "replace", full)
    with pytest.raises(UsageError, match="page cannot be written .No space left on device"):
        write_page(page, PageContent("New", b"", [], {}))
    assert json.loads((page / "page.json").read_text())["title"] == "Nuts"


@pytest.mark.parametrize("name", [".", ".."])
def test_the_folder_that_somebody_is_in_is_not_taken_away(programs, tmp_path, monkeypatch, name):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    (page / "below").mkdir()
    monkeypatch.chdir(page if name == "." else page / "below")
    with pytest.raises(UsageError, match="is the folder that you are in, or above it"):
        write_page(Path(name), CONTENT)
    assert (page / "below").is_dir()


def test_a_checkout_that_built_nothing_says_what_to_call(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "BUILT", tmp_path / "none")
    with pytest.raises(UsageError, match="call 'make web', which needs Node"):
        write_page(tmp_path / "page", CONTENT)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda page: (page / "page.json").unlink(), "is no page: it has no page.json"),
        (lambda page: (page / "page.json").write_text("[1]"), "is no page"),
        (lambda page: (page / "page.json").write_text("{"), "is no page"),
        (lambda page: (page / "model.tflite").unlink(), "lacks model.tflite; export it again"),
    ],
)
def test_a_folder_that_is_no_page(programs, tmp_path, spoil, message):
    page = tmp_path / "page"
    write_page(page, CONTENT)
    spoil(page)
    with pytest.raises(UsageError, match=message):
        check_page(page)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(UsageError, match="There is no folder .*none"):
        check_page(tmp_path / "none")


def test_the_network_in_a_page_is_the_exported_file(programs, tiny_model, tmp_path):  # noqa: F811
    page = tmp_path / "page"
    report = tiny_model.export(page, count=7, progress=False, verify=False)
    assert report.size == (page / "model.tflite").stat().st_size
    facts = json.loads((page / "page.json").read_text())
    assert facts["title"] == "Tiny"
    predictor = open_file(page / "model.tflite")
    assert facts["facts"] == predictor.facts.all and FACTS == "maskdet.json"
    labels = (page / "labels.txt").read_text().splitlines()
    assert tuple(labels) == predictor.class_names[1:]


def test_a_wheel_brings_the_programs_and_one_build():
    """A pip user needs no Node; three builds of 9 MB each would be too much for everybody."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = [
        line
        for line in setup["options.package_data"]["maskdet"].split()
        if line.startswith("page/built/")
    ]
    built = [f"page/built/{name}" for name in PROGRAMS]
    builds = [
        f"page/built/wasm/{start}{ending}"
        for start in folder.FLAVOURS.values()
        for ending in (".js", ".wasm")
    ]
    brought = [p for p in built + builds if any(PurePosixPath(p).match(q) for q in patterns)]
    compat = folder.FLAVOURS["compat"]
    assert brought == [
        *built,
        *(f"page/built/wasm/{compat}{ending}" for ending in (".js", ".wasm")),
    ]
