"""Promise: in a folder of drafts nothing that a person made or changed is ever touched, and a call
that was cut leaves nothing that is taken for a person's."""

import os

import numpy as np
import pytest

from maskdet.data import drafts as module
from maskdet.data.drafts import LIST_NAME, DraftFolder
from maskdet.data.seen_photos import FILE_NAME, Seen, SeenPhotos
from maskdet.errors import UsageError
from maskdet.images import read_image, write_image


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_file_is_ours_until_somebody_changes_it(out):
    folder = DraftFolder(out, "voc")
    assert not out.exists()
    assert not folder.is_taken("a.xml") and not folder.is_draft("a.xml")
    assert folder.write("a.xml", "guess", "weights 1")
    later = DraftFolder(out, "voc")
    assert later.is_draft("a.xml") and not later.is_taken("a.xml")
    assert later.is_present("a.xml", "weights 1") and not later.is_present("a.xml", "weights 2")
    (out / "a.xml").write_text("corrected")
    assert later.is_taken("a.xml") and not later.is_draft("a.xml")
    assert not later.write("a.xml", "other guess", "weights 2")
    assert (out / "a.xml").read_text() == "corrected"


def test_a_file_that_was_there_before_is_a_persons(out):
    out.mkdir()
    (out / "a.xml").write_text("by hand")
    folder = DraftFolder(out, "voc")
    assert folder.is_taken("a.xml") and not folder.write("a.xml", "guess", "w")
    # Also where we would have written the very same.
    assert not folder.write("a.xml", "by hand", "w") and folder.is_taken("a.xml")


@pytest.mark.parametrize("content", ["by hand", "guess"])
def test_a_link_is_not_written_through(out, tmp_path, content):
    (tmp_path / "precious.xml").write_text(content)
    folder = DraftFolder(out, "voc")
    folder.write("a.xml", "guess", "w")
    (out / "a.xml").unlink()
    os.symlink(tmp_path / "precious.xml", out / "a.xml")
    assert folder.is_taken("a.xml") and not folder.write("a.xml", "guess 2", "w")
    assert (tmp_path / "precious.xml").read_text() == content and (out / "a.xml").is_symlink()


def test_what_is_the_same_is_not_written_again(out):
    DraftFolder(out, "voc").write("a.xml", "guess", "weights 1")
    before = (out / "a.xml").stat().st_mtime_ns
    folder = DraftFolder(out, "voc")
    assert not folder.write("a.xml", "guess", "weights 1")
    assert not folder.write("a.xml", "guess", "weights 2")
    assert folder.is_present("a.xml", "weights 2")
    assert (out / "a.xml").stat().st_mtime_ns == before


def test_a_removed_draft_is_written_again(out):
    DraftFolder(out, "voc").write("a.xml", "guess", "w")
    (out / "a.xml").unlink()
    assert DraftFolder(out, "voc").write("a.xml", "guess", "w")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_cut_call_leaves_no_stranger(out, monkeypatch, moment):
    DraftFolder(out, "voc").write("a.xml", "first", "weights 1")
    usual = module.write_whole

    def cut(path, content):
        if moment == "after":
            usual(path, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_whole", cut)
    with pytest.raises(KeyboardInterrupt):
        DraftFolder(out, "voc").write("a.xml", "second", "weights 2")
    monkeypatch.undo()
    later = DraftFolder(out, "voc")
    assert not later.is_taken("a.xml")
    later.write("a.xml", "second", "weights 2")
    assert (out / "a.xml").read_text() == "second" and later.is_present("a.xml", "weights 2")


def test_half_a_line_harms_no_other(out):
    folder = DraftFolder(out, "voc")
    folder.write("a.xml", "guess", "w")
    with open(out / LIST_NAME, "a") as file:
        file.write('\n{"file": "b.xml", "sha2')
    later = DraftFolder(out, "voc")
    assert later.is_draft("a.xml")
    later.write("c.xml", "guess", "w")
    assert DraftFolder(out, "voc").is_draft("c.xml")


def test_formats_do_not_mix(out):
    DraftFolder(out, "voc").write("a.xml", "guess", "w")
    with pytest.raises(UsageError) as error:
        DraftFolder(out, "coco")
    assert str(error.value) == (
        f"{out} holds annotations in the format voc of an earlier call; name another folder for "
        "coco with --out."
    )


def test_links_lead_to_photos_and_replace_nothing(out, tmp_path):
    for name in ("a.png", "b.png", "mine.png"):
        write_image(tmp_path / name, np.full((4, 4, 3), ord(name[0]), np.uint8))
    folder = DraftFolder(out, "voc")
    folder.link("sub/a.png", tmp_path / "a.png")
    assert (read_image(out / "sub" / "a.png") == ord("a")).all()
    # The photos were moved: our link follows.
    DraftFolder(out, "voc").link("sub/a.png", tmp_path / "b.png")
    assert (read_image(out / "sub" / "a.png") == ord("b")).all()
    (out / "b.png").write_bytes((tmp_path / "mine.png").read_bytes())
    os.symlink(tmp_path / "mine.png", out / "c.png")
    for name in ("b.png", "c.png"):
        folder.link(name, tmp_path / "a.png")
        assert (read_image(out / name) == ord("m")).all()
    assert not list(tmp_path.glob(".part*"))


def test_without_links_photos_are_copied(out, tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))

    def refuse(*arguments):
        raise OSError("a privilege is not held")

    monkeypatch.setattr(os, "symlink", refuse)
    DraftFolder(out, "voc").link("a.png", tmp_path / "a.png")
    assert not (out / "a.png").is_symlink()
    assert (out / "a.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_what_was_seen_is_kept_for_the_same_photo_and_network(out, tmp_path):
    photo = tmp_path / "a.png"
    write_image(photo, np.zeros((4, 4, 3), np.uint8))
    out.mkdir()
    feature = np.array([0.25, 0.1], np.float16).astype(np.float32)
    SeenPhotos(out, "one").add(photo, Seen(1.25, 3, feature))
    seen = SeenPhotos(out, "one").get(photo)
    assert (seen.uncertainty, seen.objects) == (1.25, 3)
    assert seen.feature.dtype == np.float32 and (seen.feature == feature).all()
    assert SeenPhotos(out, "two").get(photo) is None
    write_image(photo, np.ones((5, 5, 3), np.uint8))
    assert SeenPhotos(out, "one").get(photo) is None
    SeenPhotos(out, "two").add(photo, Seen(2.0, 0, feature))
    assert (out / FILE_NAME).read_text().count("origin") == 1
    assert SeenPhotos(out, "one").get(photo) is None
