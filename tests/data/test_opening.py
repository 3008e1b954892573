"""Promise: a folder is opened by the first format that knows it, and what is refused is named.

Also: the parts of data/ can be read one by one, none needs another that needs it back.
"""

import ast
import warnings
from pathlib import Path

import pytest
from PIL import Image

import maskdet
from maskdet.data import Dataset
from maskdet.data.annotated import Item, Picture
from maskdet.data.formats import FORMATS, csv_table
from maskdet.data.formats.photo_files import PhotoFinder
from maskdet.data.formats.reading import files_at, read_with
from maskdet.data.opening import open_dataset
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, SkippedData

ROOT = Path(maskdet.__file__).parents[1]
ROWS = "filename,class,xmin,ymin,xmax,ymax\na.png,cat,1,2,9,9\n"


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path


def test_load_and_open_are_one(folder):
    for opened in (Dataset.load(folder), open_dataset(folder), csv_table.read(folder)):
        assert opened.class_names == ["BG", "cat"]
        assert opened.load_boxes(0)[0].tolist() == [[2, 1, 9, 9]]
    assert open_dataset(folder, classes=["dog", "cat"]).class_names == ["BG", "dog", "cat"]


def test_the_first_format_that_knows_the_folder_reads_it(folder, monkeypatch):
    asked = []

    def knows(form, answer):
        def recognise(path):
            asked.append(form.NAME)
            return answer

        return recognise

    third = FORMATS[2]
    for form in FORMATS:
        monkeypatch.setattr(form, "recognise", knows(form, form is third))
    monkeypatch.setattr(third, "read", lambda path, **options: (path, options))
    assert open_dataset(folder, on_error="skip") == (folder, {"on_error": "skip"})
    assert asked == [form.NAME for form in FORMATS[:3]]


def test_what_was_looked_for_is_said(tmp_path):
    with pytest.raises(DataError) as raised:
        open_dataset(tmp_path)
    assert all(form.NAME in str(raised.value) for form in FORMATS)
    with pytest.raises(DataError, match="check the path"):
        open_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".7z", ".rar"])
def test_an_archive_is_to_be_unpacked(ending, tmp_path):
    archive = tmp_path / f"set{ending}"
    archive.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=rf"set{ending} is an archive; unpack it"):
        open_dataset(archive)
    with pytest.raises(DataError, match=rf"holds no data set .*set{ending}, .*: unpack it first"):
        open_dataset(tmp_path)


def test_readers_share_one_way_through_their_files(folder):
    """Every file in order, photos looked for below the folder, a bad one raised or left out."""
    (folder / "sub").mkdir()
    files = [folder / "t.csv", folder / "sub" / "u.csv", folder / "v.csv"]
    finders = []

    def parse(file, finder, skip):
        finders.append(finder)
        if file.name == "u.csv":
            refuse(DataError("It is bad.", kind="wrong value"), skip)
            return
        for number in range(2):
            item = Item("cat", f"line {number}", (0, 0, 1, 1))
            yield Picture(f"{file.stem}{number}", finder.find(file, "a.png"), "x", [item])

    missing = ("table", "*.csv")
    with pytest.warns(SkippedData, match=r"^It is bad\. Skipped: it is left out\.$"):
        pictures = read_with(parse, files, folder, "skip", missing)
    assert [picture.image_id for picture in pictures] == ["t0", "t1", "v0", "v1"]
    assert {picture.path for picture in pictures} == {folder / "a.png"}
    assert isinstance(finders[0], PhotoFinder) and len(set(map(id, finders))) == 1
    with pytest.raises(DataError, match="It is bad"):
        read_with(parse, files, folder, "raise", missing)
    with pytest.raises(DataError, match=r"^There is no table at .*; looked for \*\.csv\.$"):
        read_with(parse, [], folder, "raise", missing)


def test_photos_of_a_single_file_lie_beside_it(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(csv_table.read(folder / "t.csv").image_ids) == 1


def test_files_of_a_format(folder):
    (folder / "B.CSV").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    assert files_at(folder, ".csv", ".tsv") == [folder / "B.CSV", folder / "t.csv"]
    assert files_at(folder / "t.csv", ".csv") == [folder / "t.csv"]
    assert files_at(folder / "t.csv", ".json") == files_at(folder / "gone") == []
    assert files_at(folder) == [folder / "B.CSV", folder / "a.png", folder / "t.csv"]


# ---- who needs whom --------------------------------------------------------------------------
def modules():
    """Path of each module of data/ by its name."""
    files = sorted((ROOT / "maskdet" / "data").rglob("*.py"))
    names = [file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for file in files]
    return {name.removesuffix(".__init__"): file for name, file in zip(names, files, strict=True)}


def needed(file, known):
    """Modules of data/ that a file imports when it is loaded, by the names in its imports."""
    waiting = list(ast.parse(file.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in known else node.module for name in inner)
        waiting += ast.iter_child_nodes(node)


def circle(graph):
    """Some modules that need each other in a circle, or nothing."""
    left = {name: set(others) & set(graph) for name, others in graph.items()}
    while free := [name for name, others in left.items() if not others]:
        left = {name: others - set(free) for name, others in left.items() if name not in free}
    return sorted(left)


def test_no_part_of_data_needs_another_in_a_circle():
    known = modules()
    assert len(known) > 40 and "maskdet.data.formats" in known
    graph = {name: set(needed(file, known)) for name, file in known.items()}
    assert "maskdet.data.dataset" in graph["maskdet.data.annotated"]
    assert circle(graph) == []
    # The search finds one where there is one.
    graph["maskdet.data.dataset"].add("maskdet.data.opening")
    assert {"maskdet.data.dataset", "maskdet.data.opening"} <= set(circle(graph))
