"""Promise: a network's guesses become drafts that open as a data set, the most useful photos first;
a person's files are never touched, and work that is done is not done twice."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from maskdet import Classifier, ClassifierConfig, Dataset, MaskRCNN
from maskdet.errors import ConfigError, DataError, UsageError
from maskdet.images import write_image
from maskdet.models import labelling, usefulness
from maskdet.models.usefulness import FLOOR, Onlooker, useful_order
from maskdet.trained import copy_weights
from tests.commands.sets import files_of

_BUILT: dict = {}
# Images that the photos show; every fourth is empty.
SHOWN = (1, 2, 3, 5, 6, 1)
LOWEST = 0.05  # an untrained network is sure of nothing
FORMATS = pytest.mark.parametrize("form", ["voc", "labelme", "coco"])


@pytest.fixture(scope="module")
def model(make_mobile_config, tmp_path_factory):
    """A small network that has learnt nothing, with masks."""
    config = make_mobile_config(SEED=3, DETECTION_MAX_INSTANCES=6, IMAGES_PER_GPU=1)
    model = MaskRCNN("inference", config, tmp_path_factory.mktemp("logs"))
    model.class_names = ("BG", "red", "blue")
    return model


@pytest.fixture(autouse=True)
def built_once(monkeypatch):
    """A network for all calls of a lowest score, which gets the model's weights at each: tracing
    it is what takes long."""

    def onlooker(trained, min_score=0.5, prepare=None):
        key = min(min_score, FLOOR)
        if key not in _BUILT:
            _BUILT[key] = Onlooker(trained, min_score, prepare)
        copy_weights(trained.network, _BUILT[key].trained.network)
        return _BUILT[key]

    monkeypatch.setattr(labelling, "Onlooker", onlooker)
    monkeypatch.setattr(usefulness, "Onlooker", onlooker)
    return onlooker


@pytest.fixture
def photos(tmp_path, masked):
    """Six photos; the last is the same as the first, but another file."""
    for number in range(6):
        write_image(tmp_path / "photos" / f"{number}.png", masked.load_image(SHOWN[number]))
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def other_weights(model):
    """The model with other weights for the length of a test."""
    before = model.keras_model.get_weights()
    model.keras_model.set_weights([values * 1.05 for values in before])
    yield model
    model.keras_model.set_weights(before)


@pytest.fixture
def looks(monkeypatch):
    """Counts the photos that a network looks at."""
    seen = []
    usual = Onlooker.look

    def look(self, images):
        for result in usual(self, images):
            seen.append(1)
            yield result

    monkeypatch.setattr(Onlooker, "look", look)
    return seen


def label(model, photos, out, form="voc", **options):
    options = {"min_score": LOWEST, "progress": False} | options
    return model.label(photos, out, form, **options)


def rows(out):
    with open(out / "order.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def times(out):
    return {p: p.lstat().st_mtime_ns for p in out.rglob("*") if not p.name.startswith(".")}


@FORMATS
def test_what_is_written_is_what_the_network_finds(model, photos, out, form, built_once):
    report = label(model, photos, out, form)
    assert len(report.written) == (1 if form == "coco" else 6)
    names = {} if form == "coco" else {"classes": ["red", "blue"]}
    dataset = Dataset.load(out, **names)
    assert dataset.class_names == ["BG", "red", "blue"] and dataset.num_images == 6
    assert dataset.provides_masks == (form != "voc")
    assert (out / "classes.txt").read_text() == "red\nblue\n"
    onlooker = built_once(model.trained, LOWEST)
    for image_id in dataset.image_ids:
        [(detections, _)] = onlooker.look([dataset.load_image(image_id)])
        boxes, class_ids = dataset.load_boxes(image_id)
        assert len(detections)
        if form == "voc":
            area = np.prod(np.around(detections.boxes[:, 2:]) - np.around(detections.boxes[:, :2]))
            assert area > 0
            assert class_ids.tolist() == detections.class_ids.tolist()
            assert np.abs(boxes - detections.boxes).max() <= 0.51
        else:
            masks, _ = dataset.load_mask(image_id)
            for k in range(len(class_ids)):
                assert masks[..., k].any()
            assert len(class_ids) <= len(detections)
    # The photos are found where they are, under their own names.
    assert sorted(path.name for path in out.glob("*.png")) == [f"{n}.png" for n in range(6)]


def test_the_order_is_the_rule_s_and_stands_in_a_table(model, photos, out, masked):
    label(model, photos, out)
    table = rows(out)
    images = [masked.load_image(SHOWN[number]) for number in range(6)]
    order = useful_order(model, iter(images))
    assert [row["photo"] for row in table] == [str(photos / f"{k}.png") for k in order.indices]
    for row, k in zip(table, order.indices, strict=True):
        assert float(row["uncertainty"]) == pytest.approx(order.uncertainties[k], abs=1e-3)
        assert float(row["unlikeness"]) == pytest.approx(order.unlikeness[k], abs=1e-3)
        assert row["file"] == f"{k}.xml" and int(row["objects"]) > 0
    assert order.indices[0] == np.argmax(order.uncertainties)
    # The second of the two that are the same comes last.
    assert order.indices[-1] in (0, 5) and order.unlikeness[order.indices[-1]] == 0


def test_what_is_labelled_is_left_out_and_what_is_like_it_comes_last(model, photos, out, tmp_path):
    write_image(tmp_path / "set" / "x.png", np.zeros((120, 128, 3), np.uint8))
    shutil.copy(photos / "2.png", tmp_path / "set" / "copied.png")
    for name in ("x", "copied"):
        (tmp_path / "set" / f"{name}.xml").write_text("<annotation/>")
    shutil.copy(photos / "0.png", tmp_path / "set" / "y.png")
    (tmp_path / "set" / "y.xml").write_text("<annotation/>")
    (photos / "5.png").write_bytes((photos / "5.png").read_bytes() + b"other bytes")
    report = label(model, photos, out, labelled=tmp_path / "set")
    assert report.labelled == 2  # copies of labelled ones: 0 and 2
    left = [row["photo"].rpartition("/")[2] for row in rows(out)]
    assert sorted(left) == ["1.png", "3.png", "4.png", "5.png"]
    assert left[-1] == "5.png" and float(rows(out)[-1]["unlikeness"]) == 0
    # By its own files, too, and as a data set.
    dataset = Dataset.load(tmp_path / "set")
    assert label(model, tmp_path / "set", tmp_path / "more", labelled=dataset).order == []


@pytest.mark.parametrize("form", ["voc", "labelme"])
def test_only_the_first_are_written(model, photos, out, form):
    report = label(model, photos, out, form, count=2)
    table = rows(out)
    assert [bool(row["file"]) for row in table] == [True, True] + [False] * 4
    assert sorted(report.written) == sorted(row["file"] for row in table[:2])
    assert len(list(out.glob("*.png"))) == 2 and Dataset.load(out).num_images == 2


def test_one_file_of_the_first(model, photos, out):
    label(model, photos, out, "coco", count=2)
    assert Dataset.load(out).num_images == 2
    label(model, photos, out, "coco", count=3)
    assert Dataset.load(out).num_images == 3


@FORMATS
def test_the_same_weights_write_nothing_twice(model, photos, out, form, looks):
    label(model, photos, out, form)
    before, seen = times(out), len(looks)
    report = label(model, photos, out, form)
    assert report.written == [] and report.unchanged == (1 if form == "coco" else 6)
    assert times(out) == before
    assert len(looks) == seen  # not even looked at


@pytest.mark.parametrize("form", ["voc", "labelme"])
def test_a_persons_files_stay_and_drafts_follow_the_weights(
    model, photos, out, form, other_weights
):
    ending = {"voc": "xml", "labelme": "json"}[form]
    weights = model.keras_model.get_weights()
    model.keras_model.set_weights([values / 1.05 for values in weights])
    out.mkdir()
    (out / f"0.{ending}").write_text("by hand")
    label(model, photos, out, form)
    corrected = (out / f"1.{ending}").read_text() + "\n"
    (out / f"1.{ending}").write_text(corrected)
    before, age = files_of(out), times(out)
    model.keras_model.set_weights(weights)
    report = label(model, photos, out, form)
    assert report.by_person == [f"0.{ending}", f"1.{ending}"]
    assert any("2 files in" in line and "are a person's by now" in line for line in report.lines())
    for name in ("0", "1"):
        assert files_of(out)[f"{name}.{ending}"] == before[f"{name}.{ending}"]
        assert times(out)[out / f"{name}.{ending}"] == age[out / f"{name}.{ending}"]
    assert sorted(report.written) == [f"{number}.{ending}" for number in range(2, 6)]
    for number in range(2, 6):
        assert files_of(out)[f"{number}.{ending}"] != before[f"{number}.{ending}"]
    # Their photos count as labelled: 5 shows what 0 shows.
    assert [row["photo"].rpartition("/")[2] for row in rows(out)][-1] == "5.png"
    assert len(rows(out)) == 4


def test_drafts_beyond_the_first_follow_the_weights_too(model, photos, out, other_weights):
    label(model, photos, out, min_score=0.1)
    assert any(b"<object>" in text for text in files_of(out).values())
    report = label(model, photos, out, count=1, min_score=0.9)
    assert len(report.written) == 6


def test_a_corrected_coco_file_is_never_written_over(model, photos, out):
    label(model, photos, out, "coco")
    text = (out / "instances.json").read_text() + " "
    (out / "instances.json").write_text(text)
    with pytest.raises(UsageError) as error:
        label(model, photos, out, "coco")
    assert str(error.value) == (
        f"{out / 'instances.json'} is a person's: it was made or changed by somebody else since, "
        "and is not written over; name another folder with --out."
    )
    assert (out / "instances.json").read_text() == text


def test_notes_in_the_table_stay(model, photos, out):
    label(model, photos, out)
    (out / "order.csv").write_text("my notes")
    assert label(model, photos, out).by_person == ["order.csv"]
    assert (out / "order.csv").read_text() == "my notes"


@pytest.mark.parametrize("count", [None, 4])
def test_a_call_that_was_cut_goes_on(model, photos, out, tmp_path, monkeypatch, looks, count):
    usual, calls = labelling.Labelling._write, []

    def cut(self, photo, detections):
        usual(self, photo, detections)
        calls.append(photo)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(labelling.Labelling, "_write", cut)
    with pytest.raises(KeyboardInterrupt):
        label(model, photos, out, count=count)
    monkeypatch.setattr(labelling.Labelling, "_write", usual)
    assert len(list(out.glob("*.xml"))) == 2 and not (out / "order.csv").exists()
    age = {path: path.stat().st_mtime_ns for path in out.glob("*.xml")}
    report = label(model, photos, out, count=count)
    assert report.by_person == []
    assert {path: path.stat().st_mtime_ns for path in age} == age
    label(model, photos, tmp_path / "whole", count=count)
    whole = {name: text for name, text in files_of(tmp_path / "whole").items() if name[0] != "."}
    again = {name: text for name, text in files_of(out).items() if name[0] != "."}
    folder = (b"<folder>whole<", b"<folder>out<")
    assert {name: text.replace(*folder) for name, text in whole.items()} == again


def test_a_damaged_photo_harms_no_other(model, photos, out):
    (photos / "3.png").write_bytes(b"no photo")
    report = label(model, photos, out)
    assert len(report.failures) == 1 and "3.png" in report.failures[0]
    assert len(rows(out)) == 5 and not (out / "3.xml").exists() and not (out / "3.png").exists()


def test_photos_of_one_name(model, photos, out, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(photos / f"{1 if folder == 'a' else 2}.png", tmp_path / folder / "same.png")
    label(model, [tmp_path / "a", tmp_path / "b"], out)
    files = {row["photo"]: row["file"] for row in rows(out)}
    assert len(set(files.values())) == 2
    dataset = Dataset.load(out)
    for info in dataset.image_info:
        photo = next(p for p, file in files.items() if str(out / file) == info["annotation"])
        assert Path(info["path"]).read_bytes() == Path(photo).read_bytes()


def test_masks_of_a_set_are_not_offered(model, photos, out):
    shutil.copytree(photos, photos / "SegmentationObject")
    assert len(label(model, photos, out).order) == 6


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"form": "yolo"}, UsageError, "Drafts are written as voc, labelme, coco, not as 'yolo'"),
        ({"count": 0}, UsageError, "The number of photos to write is 0; give 1 or more."),
        ({"min_score": 50}, ConfigError, "The lowest score is 50; give a share between 0 and 1"),
        ({"photos": "nowhere.jpg"}, DataError, "There is no photo nowhere.jpg; check the path."),
        ({"photos": []}, UsageError, "There are no photos in"),
    ],
)
def test_calls_that_cannot_be(model, photos, out, options, kind, sentence):
    with pytest.raises(kind, match="^" + sentence):
        label(model, **({"photos": photos, "out": out} | options))
    assert not out.exists()


def test_places_that_cannot_be(model, photos, tmp_path, out):
    (photos / "0.xml").write_text("<annotation/>")
    with pytest.raises(UsageError, match="and would be read as part of it from then on"):
        label(model, photos, photos / "drafts", labelled=photos)
    with pytest.raises(UsageError, match="where the results are to go"):
        label(model, photos / "0.png", photos)
    label(model, photos, out)
    with pytest.raises(UsageError, match="in the format voc of an earlier call; name another"):
        label(model, photos, out, "labelme")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="it is a file"):
        label(model, photos, tmp_path / "file")


def test_not_one_photo_is_whole(model, tmp_path, out):
    (tmp_path / "a.png").write_bytes(b"no photo")
    with pytest.raises(DataError, match="a.png"):
        label(model, tmp_path / "a.png", out)


def test_a_classifier_drafts_nothing(tmp_path):
    with pytest.raises(UsageError, match="gives each photo one class and no boxes"):
        Classifier.label(object.__new__(Classifier), "photos", tmp_path)
    assert ClassifierConfig.family_name  # a family of its own, which has no drafts


def test_the_users_network_stays_as_it_is(model, photos, out, monkeypatch):
    monkeypatch.setattr(labelling, "Onlooker", Onlooker)
    score = model.config.DETECTION_MIN_CONFIDENCE
    before = [values.copy() for values in model.keras_model.get_weights()]
    label(model, photos, out)
    assert model.config.DETECTION_MIN_CONFIDENCE == score
    after = model.keras_model.get_weights()
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
