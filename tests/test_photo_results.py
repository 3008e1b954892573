"""Promise: each photo that was asked for gets a result of its own, and no result takes the place of
a photo or of another result.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.errors import DataError, UsageError
from maskdet.images import write_image
from maskdet.photo_results import asked_photos, make_results_folder, only_failures


def make_photos(folder, *names):
    for name in names:
        write_image(folder / name, np.zeros((2, 3, 3), np.uint8))
    return folder


def names_of(asked):
    return [photo.name.as_posix() for photo in asked]


def listing(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- which photos ---------------------------------------------------------------------------
def test_sub_folders_are_kept_and_only_photos_are_taken(tmp_path):
    make_photos(tmp_path, "b.png", "cam1/a.jpg", "cam2/deep/a.jpg")
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "folder.jpg").mkdir()
    asked = asked_photos([tmp_path])
    assert names_of(asked) == ["b", "cam1/a", "cam2/deep/a"]
    assert [photo.path for photo in asked] == [
        (tmp_path / name).resolve() for name in ("b.png", "cam1/a.jpg", "cam2/deep/a.jpg")
    ]


def test_sub_folders_are_left_alone_where_nobody_asked_for_them(tmp_path):
    make_photos(tmp_path, "b.png", "cam1/a.jpg")
    assert names_of(asked_photos([tmp_path], deep=False)) == ["b"]


def test_a_folder_without_photos_gives_none(tmp_path):
    assert asked_photos([tmp_path]) == []


def test_a_photo_given_twice_stands_once(tmp_path, monkeypatch):
    """By its path, by another way to it, by its folder, by a link to it."""
    make_photos(tmp_path, "shots/a.jpg", "shots/b.jpg")
    os.symlink(tmp_path / "shots" / "a.jpg", tmp_path / "link.jpg")
    monkeypatch.chdir(tmp_path)
    asked = asked_photos(["shots/a.jpg", "shots/../shots/a.jpg", "shots", "link.jpg"])
    assert [photo.path.name for photo in asked] == ["a.jpg", "b.jpg"]
    assert names_of(asked) == ["a", "b"]


# ---- names ----------------------------------------------------------------------------------
def test_a_photo_alone_has_its_plain_name(tmp_path):
    make_photos(tmp_path, "a.jpg", "v1.2.png")
    assert names_of(asked_photos([tmp_path])) == ["a", "v1.2"]


@pytest.mark.parametrize(
    ("photos", "names"),
    [
        (["a.jpg", "a.png"], ["a_jpg", "a_png"]),
        (["a.jpg", "A.jpg"], ["a_jpg", "A_jpg_2"]),  # one file where letters' case does not count
        (["x/a.jpg", "y/a.jpg"], ["a_jpg", "a_jpg_2"]),
        (["x/a.jpg", "y/b.jpg"], ["a", "b"]),
        # A name made up for one photo is another photo's own.
        (["a.jpg", "a.png", "a_png.jpg"], ["a_jpg", "a_png", "a_png_2"]),
        (["a_png.jpg", "a.jpg", "a.png"], ["a_png", "a_jpg", "a_png_2"]),
        (["x/a.jpg", "y/a.jpg", "a_jpg_2.png"], ["a_jpg", "a_jpg_3", "a_jpg_2"]),
    ],
)
def test_photos_that_would_share_a_name_get_their_own(photos, names):
    assert names_of(asked_photos(photos)) == names


def test_photos_of_two_folders_with_one_name(tmp_path):
    make_photos(tmp_path, "x/cam/a.jpg", "y/cam/a.jpg", "y/b.jpg")
    asked = asked_photos([tmp_path / "x", tmp_path / "y"])
    assert names_of(asked) == ["cam/a_jpg", "b", "cam/a_jpg_2"]
    assert asked[0].path.parts[-3] == "x"
    assert asked[2].path.parts[-3] == "y"


PATHS = st.builds(
    lambda folder, stem, ending: f"nowhere/{folder}/{stem}{ending}",
    st.sampled_from(["x", "y", "X"]),
    st.sampled_from(["a", "A", "b", "a_png", "a_PNG", "a_jpg", "a_jpg_2", "a_jpg_2_2", "a.png"]),
    st.sampled_from([".jpg", ".png", ".PNG", ".jpeg"]),
)


@settings(deadline=None)  # the disk is asked for each path, and may be slow
@given(st.lists(PATHS, max_size=20))
def test_names_are_apart_on_every_file_system_and_no_photo_is_lost(paths):
    asked = asked_photos(paths)
    assert [photo.path for photo in asked] == [Path(p).resolve() for p in dict.fromkeys(paths)]
    assert len({name.lower() for name in names_of(asked)}) == len(asked)
    # Somebody looks for the result of a photo, and finds it by its name.
    assert all(photo.name.name.startswith(photo.path.stem) for photo in asked)


# ---- results are no photos, photos no results -----------------------------------------------
def test_results_of_an_earlier_run_are_not_photos_again(tmp_path):
    make_photos(tmp_path, "a.jpg", "out/a.jpg", "out/cam1/b.jpg", "outside/c.jpg", "out2.jpg")
    asked = asked_photos([tmp_path], tmp_path / "out")
    assert names_of(asked) == ["a", "out2", "outside/c"]


def test_a_folder_for_results_may_be_there_without_being_asked(tmp_path):
    """Only what is written to is left out: without ``out`` all are photos."""
    make_photos(tmp_path, "a.jpg", "out/b.jpg")
    assert names_of(asked_photos([tmp_path])) == ["a", "out/b"]


@pytest.mark.parametrize("source", ["out", "out/a.jpg", "out/link.jpg"])
@pytest.mark.parametrize("out", ["out", "./out/", "also_out"])
def test_a_photo_where_results_are_to_go_is_refused(source, out, tmp_path, monkeypatch):
    """Its picture or the user's own file beside it would be overwritten."""
    make_photos(tmp_path, "shots/b.jpg", "out/a.jpg")
    (tmp_path / "out" / "a.json").write_text("the user's own")
    os.symlink(tmp_path / "shots" / "b.jpg", tmp_path / "out" / "link.jpg")
    os.symlink(tmp_path / "out", tmp_path / "also_out")
    monkeypatch.chdir(tmp_path)
    before = listing(tmp_path)
    with pytest.raises(UsageError, match=r"out/\w+\.jpg lies in .*out.*--out"):
        asked_photos([source], out)
    assert listing(tmp_path) == before


def result_paths(sources, out):
    return {(Path(out) / f"{p.name}.jpg").resolve() for p in asked_photos(sources, out)}


def test_a_photo_in_a_sub_folder_of_the_results_is_never_overwritten(tmp_path):
    make_photos(tmp_path, "cam1/a.jpg")
    try:
        results = result_paths([tmp_path], tmp_path)
    except UsageError:
        return
    assert (tmp_path / "cam1" / "a.jpg").resolve() not in results


def test_a_photo_that_was_asked_for_is_never_anothers_result(tmp_path):
    make_photos(tmp_path, "photos/a.jpg", "photos/photos/a.jpg")
    try:
        results = result_paths([tmp_path / "photos"], tmp_path)
    except UsageError:
        return
    assert (tmp_path / "photos" / "a.jpg").resolve() not in results


# ---- the folder for results -----------------------------------------------------------------
def test_the_results_folder_is_made_with_those_above_it(tmp_path):
    folder = make_results_folder(str(tmp_path / "a" / "b"))
    assert folder == tmp_path / "a" / "b"
    assert folder.is_dir()
    assert make_results_folder(folder) == folder  # it may be there already


@pytest.mark.parametrize(("below", "reason"), [("", "it is a file"), ("deep", "Not a directory")])
def test_a_results_folder_that_is_a_file_or_below_one(below, reason, tmp_path):
    file = tmp_path / "taken.txt"
    file.write_text("mine")
    with pytest.raises(UsageError, match=reason) as caught:
        make_results_folder(file / below)
    assert str(file / below) in str(caught.value)
    assert "--out" in str(caught.value)
    assert file.read_text() == "mine"


# ---- nothing could be read ------------------------------------------------------------------
def test_the_only_failure_is_said_as_it_is():
    error = only_failures(["The photo a.jpg is damaged; replace it."])
    assert isinstance(error, DataError)
    assert str(error) == "The photo a.jpg is damaged; replace it."


def test_many_failures_are_counted_and_the_first_is_told():
    error = only_failures(["first is damaged", "second is damaged", "third is damaged"])
    assert isinstance(error, DataError)
    assert "3 photos" in str(error)
    assert "first is damaged" in str(error)
    assert "second" not in str(error)
