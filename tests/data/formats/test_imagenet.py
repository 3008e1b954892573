"""Promise: ImageNet's localisation set is read as it comes, by the words of its classes, with its
own parts; what is wrong in it is named and costs nothing else."""

import logging
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.formats import voc
from maskdet.data.formats.synsets import class_names, read_words
from maskdet.data.image_sets import read_image_list
from maskdet.data.own_parts import load_parts
from maskdet.errors import DataError, MaskdetWarning, UsageError

TENCH, BIRD, MACHINE = "n01440764", "n02012849", "n03126707"
WORDS = {TENCH: "tench, Tinca tinca", BIRD: "crane", MACHINE: "crane, derrick"}
NAMES = ["BG", "crane (n02012849)", "crane (n03126707)", "tench"]
IDS = ["BG", TENCH, BIRD, MACHINE]
KAGGLE = "".join(f"{synset} {words}\n" for synset, words in WORDS.items())
BOX = (10, 12, 60, 70)


def put_photo(path, seed=0, mode="RGB", kind="JPEG"):
    """A photo 120 wide and 100 high unlike those of other seeds."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize((120, 100), Image.Resampling.BILINEAR)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(path, kind)


def put_xml(path, synset, *boxes, size=(120, 100), inside=""):
    """An annotation as ImageNet writes them; boxes are xmin, ymin, xmax, ymax."""
    objects = "".join(
        f"<object>\n<name>{synset}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult>{inside}<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>\n</object>\n"
        for x1, y1, x2, y2 in boxes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation>\n<folder>{synset}</folder><filename>{path.stem}</filename>\n<source>"
        f"<database>ILSVRC_2012</database></source><size><width>{size[0]}</width><height>{size[1]}"
        f"</height><depth>3</depth></size><segmented>0</segmented>\n{objects}</annotation>"
    )


@pytest.fixture
def root(tmp_path):
    """Kaggle's tree without the file of words: a train photo with an XML and one without for each
    class, a val photo for two of them, a test photo."""
    top = tmp_path / "kaggle"
    home = top / "ILSVRC"
    xmls, data = home / "Annotations/CLS-LOC", home / "Data/CLS-LOC"
    for number, synset in enumerate(WORDS):
        put_photo(data / f"train/{synset}/{synset}_10040.JPEG", number)
        put_photo(data / f"train/{synset}/{synset}_10041.JPEG", 10 + number)
        put_xml(xmls / f"train/{synset}/{synset}_10040.xml", synset, BOX)
    for number, synset in enumerate((TENCH, BIRD), start=1):
        put_photo(data / f"val/ILSVRC2012_val_0000000{number}.JPEG", 20 + number)
        put_xml(xmls / f"val/ILSVRC2012_val_0000000{number}.xml", synset, BOX)
    put_photo(data / "test/ILSVRC2012_test_00000001.JPEG", 30)
    lists = home / "ImageSets/CLS-LOC"
    lists.mkdir(parents=True)
    train = [f"{synset}/{synset}_10040" for synset in (TENCH, BIRD)]
    (lists / "train_loc.txt").write_text("".join(f"{n} {i}\n" for i, n in enumerate(train, 1)))
    (lists / "val.txt").write_text("ILSVRC2012_val_00000002 2\n")
    return top


def ids(dataset):
    return [info["id"] for info in dataset.image_info]


TRAIN_IDS = [f"{synset}_10040" for synset in WORDS]
VAL_IDS = ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"]
ANNOTATIONS = "ILSVRC/Annotations"
TRAIN = f"{ANNOTATIONS}/CLS-LOC/train"


# ---- where things lie ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (".", TRAIN_IDS + VAL_IDS),
        ("ILSVRC", TRAIN_IDS + VAL_IDS),
        (ANNOTATIONS, TRAIN_IDS + VAL_IDS),
        (f"{ANNOTATIONS}/CLS-LOC", TRAIN_IDS + VAL_IDS),
        (TRAIN, TRAIN_IDS),
        (f"{ANNOTATIONS}/CLS-LOC/val", VAL_IDS),
        (f"{TRAIN}/{TENCH}", TRAIN_IDS[:1]),
    ],
)
def test_every_folder_of_it_finds_photos_and_words(root, folder, expected, monkeypatch):
    (root / "LOC_synset_mapping.txt").write_text(KAGGLE)
    dataset = Dataset.load(root / folder)
    assert ids(dataset) == expected
    stems = [os.path.basename(info["path"]) for info in dataset.image_info]
    assert stems == [f"{name}.JPEG" for name in expected]
    assert dataset.class_names[dataset.load_boxes(0)[1][0]] == "tench"
    np.testing.assert_array_equal(dataset.load_boxes(0)[0], np.float32([[12, 10, 70, 60]]))
    monkeypatch.chdir(root)
    assert ids(Dataset.load(folder)) == expected


@pytest.mark.parametrize("photos", ["Data/CLS-LOC/train", "."])
@pytest.mark.parametrize("folder", [".", "Annotations", f"Annotations/{TENCH}"])
def test_the_older_flat_shape(root, tmp_path, photos, folder):
    flat = tmp_path / "flat"
    shutil.copytree(root / TRAIN, flat / "Annotations")
    for synset in WORDS:
        shutil.copytree(
            root / f"ILSVRC/Data/CLS-LOC/train/{synset}", flat / photos / synset, dirs_exist_ok=True
        )
    (flat / "words.txt").write_text(KAGGLE.replace(" ", "\t", 1))
    dataset = Dataset.load(flat / folder)
    assert ids(dataset) == (TRAIN_IDS[:1] if TENCH in folder else TRAIN_IDS)
    assert dataset.image_info[0]["path"].endswith(f"{TENCH}/{TENCH}_10040.JPEG")
    assert dataset.class_names == (["BG", "tench"] if TENCH in folder else NAMES)


def test_a_folder_of_xml_files_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="No image of"):
        voc.read(tmp_path / "Annotations")


# ---- parts ---------------------------------------------------------------------------------
@pytest.mark.parametrize("folder", [".", "ILSVRC", ANNOTATIONS, f"{ANNOTATIONS}/CLS-LOC"])
def test_train_and_val_are_its_own_parts_with_the_same_classes(root, folder):
    parts = load_parts(root / folder)
    assert {name: ids(part) for name, part in parts.items()} == {
        "train": TRAIN_IDS,
        "val": VAL_IDS,
    }
    assert [part.class_names for part in parts.values()] == [IDS, IDS]


def test_without_val_there_are_no_parts(root):
    shutil.rmtree(root / f"{ANNOTATIONS}/CLS-LOC/val")
    assert load_parts(root) == {}


@pytest.mark.parametrize("folder", [".", "ILSVRC"])
def test_lists_with_folders_and_running_numbers(root, folder):
    assert ids(voc.read(root / folder, image_set="train_loc")) == TRAIN_IDS[:2]
    assert ids(voc.read(root / folder, image_set="val")) == VAL_IDS[1:]
    whole = Dataset.load(root / folder)
    part = read_image_list(whole, root / "ILSVRC/ImageSets/CLS-LOC/train_loc.txt")
    assert ids(part) == TRAIN_IDS[:2]
    with pytest.raises(DataError, match="known here: train_loc, val"):
        voc.read(root / folder, image_set="test")


def test_a_number_behind_another_name_belongs_to_it(tmp_path):
    put_photo(tmp_path / "shot.jpg")
    put_xml(tmp_path / "shot.xml", "cat", BOX)
    (tmp_path / "part.txt").write_text("shot 12\n")
    with pytest.raises(DataError, match="line 1 lists 'shot 12'"):
        read_image_list(Dataset.load(tmp_path), tmp_path / "part.txt")


# ---- words ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "place",
    ["LOC_synset_mapping.txt", "ILSVRC/LOC_synset_mapping.txt", "words.txt", "../words.txt"],
)
def test_classes_are_called_by_their_first_word(root, place):
    (root / place).write_text(KAGGLE.replace(" ", "\t", 1) if "words" in place else KAGGLE)
    dataset = Dataset.load(root)
    assert dataset.class_names == NAMES
    assert dataset.class_counts() == {NAMES[1]: 2, NAMES[2]: 1, "tench": 2}


def test_a_part_calls_a_class_as_the_whole_does():
    """Names depend on the file alone, not on which of two cranes a part has."""
    names = class_names({**WORDS, "n03710637": "maillot", "n03710721": "maillot, tank suit"})
    assert names == {
        TENCH: "tench",
        BIRD: "crane (n02012849)",
        MACHINE: "crane (n03126707)",
        "n03710637": "maillot (n03710637)",
        "n03710721": "maillot (n03710721)",
    }


def test_without_words_ids_stay_and_one_line_says_what_helps(root, caplog):
    with caplog.at_level(logging.WARNING, "maskdet"):
        dataset = Dataset.load(root)
    assert dataset.class_names == IDS
    (line,) = caplog.messages
    assert f"of {root} are WordNet ids" in line
    assert "LOC_synset_mapping.txt" in line and "words.txt" in line


def test_an_id_that_the_file_has_not_stays(root):
    (root / "words.txt").write_text(f"{TENCH}\ttench, Tinca tinca\n")
    assert Dataset.load(root).class_names == ["BG", BIRD, MACHINE, "tench"]


@pytest.mark.parametrize(
    "classes",
    [
        [MACHINE, TENCH, BIRD],
        ["crane (n03126707)", "tench", "crane (n02012849)"],
        [MACHINE, "tench", BIRD, TENCH],
    ],
)
def test_classes_may_be_names_or_ids(root, classes):
    (root / "words.txt").write_text(KAGGLE)
    dataset = Dataset.load(root, classes=classes)
    assert dataset.class_names == ["BG", NAMES[2], "tench", NAMES[1]]
    assert [dataset.load_boxes(i)[1].tolist() for i in range(3)] == [[2], [3], [1]]


def test_a_name_that_may_be_two_ids_is_refused(root):
    (root / "words.txt").write_text(KAGGLE)
    with pytest.raises(UsageError, match=r"'crane' may be any of crane \(n02012849\), crane \(n0"):
        Dataset.load(root, classes=["tench", "crane"])


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (f"{TENCH} tench\n\nn0201 crane\n", "line 3 is 'n0201 crane', not a WordNet id"),
        (f"{TENCH}\n", f"line 1 is '{TENCH}', not a WordNet id"),
        (f"{TENCH} tench\n{TENCH} crane\n", f"line 2 gives {TENCH} other words"),
        ("\n", "line 1 holds no WordNet id"),
    ],
)
def test_a_broken_file_of_words_is_named_with_its_line(root, text, claim):
    path = root / "words.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=claim) as caught:
        Dataset.load(root)
    assert str(caught.value).startswith(f"{path}, line ") and caught.value.path == path
    with pytest.warns(MaskdetWarning, match=f"{claim}.*keep their WordNet ids") as warned:
        dataset = Dataset.load(root, on_error="skip")
    assert len(warned) == 1 and dataset.class_names == IDS


def test_a_file_of_that_name_does_not_matter_to_other_sets(tmp_path):
    put_photo(tmp_path / "a.jpg")
    put_xml(tmp_path / "a.xml", "cat", BOX)
    (tmp_path / "words.txt").write_text("my notes\n")
    assert Dataset.load(tmp_path, classes=["cat"]).class_names == ["BG", "cat"]


def test_words_as_files_have_them(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xef\xbb\xbfn01440764\ttench, Tinca tinca\r\n\r\nn02012849  crane \r\n")
    assert read_words(path) == {TENCH: "tench, Tinca tinca", BIRD: "crane"}


def test_words_that_come_later_are_noticed_by_the_index(root, tmp_path, monkeypatch):
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "home"))
    folder = root / f"{TRAIN}/{TENCH}"
    names = [Dataset.load(folder, index=True).class_names]
    path = root / "LOC_synset_mapping.txt"
    for words in (KAGGLE, KAGGLE.replace("tench,", "doctor fish,")):
        path.write_text(words)
        names.append(Dataset.load(folder, index=True).class_names)
    assert names == [["BG", TENCH], ["BG", "tench"], ["BG", "doctor fish"]]


# ---- what is wrong in it -------------------------------------------------------------------
def test_photos_of_other_kinds_under_its_ending(root):
    data = root / f"ILSVRC/Data/CLS-LOC/train/{TENCH}/{TENCH}_10040.JPEG"
    plain = Dataset.load(root).load_image(0).astype(int)
    for mode, kind in (("CMYK", "JPEG"), ("RGB", "PNG")):
        put_photo(data, 0, mode, kind)
        image = Dataset.load(root).load_image(0)
        assert image.shape == (100, 120, 3) and image.dtype == np.uint8
        assert np.abs(image - plain).mean() < 6


@pytest.mark.parametrize(
    ("box", "size", "kind", "words"),
    [
        ((10, 12, 190, 70), (120, 100), "box outside its image", "leaves the image"),
        ((10, 12, 10, 70), (120, 100), "box without area", "has no area"),
        ((60, 12, 10, 70), (120, 100), "swapped corners", "has no area"),
        (BOX, (0, 0), "size of zero", None),
        (BOX, (500, 375), "size of another photo", None),
    ],
)
def test_a_dirty_annotation_is_named_and_costs_itself_alone(root, box, size, kind, words):
    (root / "words.txt").write_text(KAGGLE)
    path = root / f"{TRAIN}/{TENCH}/{TENCH}_10040.xml"
    put_xml(path, TENCH, box, (5, 6, 40, 50), size=size)
    report = check(root)
    (finding,) = report.of_kind(kind)
    assert str(path) in finding.message
    assert report.counts["objects"] == (6 if words is None else 5)
    assert report.of_kind("unusable annotation") == []
    if words is not None:
        with pytest.raises(DataError, match=rf"{words}.*|line \d+.*{words}"):
            Dataset.load(root)
        with pytest.warns(MaskdetWarning, match=words):
            dataset = Dataset.load(root, on_error="skip")
        assert dataset.load_boxes(0)[0].tolist() == [[6, 5, 50, 40]]


def test_parts_of_an_object_are_neither_its_box_nor_objects(root):
    """VOC2012's persons: head, hand and foot, before or behind the object's own box."""
    path = root / f"{TRAIN}/{TENCH}/{TENCH}_10040.xml"
    part = (
        "<part><name>head</name><bndbox><xmin>20</xmin><ymin>21</ymin><xmax>30</xmax>"
        "<ymax>33</ymax></bndbox></part>"
    )
    put_xml(path, TENCH, BOX, inside=part * 2)
    text = path.read_text()
    path.write_text(text.replace("</bndbox>\n</object>", f"</bndbox>{part}\n</object>"))
    report = check(root)
    assert report.counts["objects by class"] == {TENCH: 2, BIRD: 2, MACHINE: 1}
    assert report.dataset.load_boxes(0)[0].tolist() == [[12, 10, 70, 60]]
    assert {f.kind for f in report.findings} == {"photo without annotation"}


def test_the_check_speaks_of_words_and_holds_ids_for_no_spellings(root):
    (root / "words.txt").write_text(KAGGLE)
    path = root / f"{TRAIN}/{TENCH}/{TENCH}_10040.xml"
    put_xml(path, TENCH, *((x, 10, x + 20, 90) for x in range(0, 80, 2)))
    report = check(root)
    assert report.counts["objects by class"] == {"tench": 41, NAMES[1]: 2, NAMES[2]: 1}
    (finding,) = report.of_kind("unbalanced classes")
    assert finding.message == "'tench' has 41 objects and 'crane (n03126707)' 1."
    assert report.of_kind("near-miss class name") == []
