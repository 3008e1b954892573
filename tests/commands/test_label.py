"""Promise: ``maskdet label`` leads from trained weights to files that annotation tools open and the
next training reads, and says in a sentence what it did or lacks."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from maskdet import Classifier, ClassifierConfig, Dataset, MaskRCNN, PiConfig
from maskdet.commands.answers import DONE, MISTAKE
from maskdet.commands.main import main
from maskdet.images import write_image
from tests.commands.sets import write_set
from tests.docs.small import SETTINGS


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a small network that has learnt nothing."""

    class Small(PiConfig):
        NAME, NUM_CLASSES = "mine", 3

    for name, value in SETTINGS.items():
        setattr(Small, name, value)
    folder = tmp_path_factory.mktemp("weights")
    model = MaskRCNN("inference", Small(), folder / "logs")
    model.class_names = ("BG", "dog", "cat")
    model.save_weights(folder / "mine.h5")
    return str(folder / "mine.h5")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A labelled set of three photos; and new photos, one of them labelled, one damaged."""
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "set", 3)
    for number in range(4):
        draws = np.random.default_rng(100 + number)
        photo = draws.integers(0, 256, (60, 80, 3)).astype(np.uint8)
        write_image(tmp_path / "new" / f"{number}.png", photo)
    (tmp_path / "new" / "again.png").write_bytes((tmp_path / "set/images/01.png").read_bytes())
    (tmp_path / "new" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path


def label(capsys, *arguments, status=DONE):
    assert main(["label", *arguments, "--json"]) == status
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_from_weights_to_corrected_photos(folder, weights, capsys):
    call = (weights, "new", "--labelled", "set", "--min-score", "0.05")
    facts, said = label(capsys, *call, "--count", "3")
    assert facts["labelled"] == 1 and facts["by a person"] == [] and len(facts["written"]) == 3
    assert len(facts["left out"]) == 1 and "broken.jpg" in said
    assert "1 photo labelled already, left out" in said
    assert "3 files written: to_correct" in said
    with open("to_correct/order.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == [entry["photo"] for entry in facts["order"]]
    assert sorted(row["photo"] for row in rows) == [f"new{os.sep}{n}.png" for n in range(4)]
    assert [row["file"] for row in rows] == [entry["file"] for entry in facts["order"]]
    drafts = Dataset.load("to_correct", classes=["dog", "cat"])
    assert drafts.num_images == 3 and sum(drafts.class_counts().values()) > 0

    # A person corrects the first, and goes on.
    first = rows[0]["file"]
    text = Path("to_correct", first).read_text().replace("<pose>Unspecified<", "<pose>Left<")
    Path("to_correct", first).write_text(text)
    facts, said = label(capsys, *call, "--count", "3")
    assert facts["by a person"] == [first] and Path("to_correct", first).read_text() == text
    assert f"1 file in to_correct is a person's by now, such as {first}: not touched" in said
    assert len(facts["order"]) == 3


def test_a_sentence_for_each_mistake(folder, weights, capsys):
    def mistake(*arguments):
        before = sorted(folder.rglob("*"))
        assert main(["label", *map(str, arguments)]) == MISTAKE
        assert sorted(folder.rglob("*")) == before
        [line] = capsys.readouterr().err.splitlines()
        return line

    assert mistake(weights, "nowhere.jpg") == (
        "maskdet: There is no photo nowhere.jpg; check the path."
    )
    # What is typed wrong is said before weights are looked for.
    assert "There is no photo nowhere.jpg" in mistake("absent.h5", "nowhere.jpg")
    assert "not as 'yolo'" in mistake("absent.h5", "new", "--format", "yolo")
    assert "absent.h5" in mistake("absent.h5", "new")
    assert "holds no data set" in mistake(weights, "new", "--labelled", "new")
    assert "set/drafts lies in set" in mistake(
        weights, "new", "--labelled", "set", "--out", "set/drafts"
    )
    assert "Drafts are written as voc, labelme, coco, not as 'yolo'" in mistake(
        weights, "new", "--format", "yolo"
    )
    assert "give 1 or more" in mistake(weights, "new", "--count", "0")
    assert "give a share between 0 and 1" in mistake(weights, "new", "--min-score", "50")
    assert mistake("mine.tflite", "new") == (
        "maskdet: mine.tflite is an exported file, which does not show how photos look to its "
        "layers; give the .h5 that it was made from."
    )


def test_a_classifier_has_no_boxes(folder, capsys, monkeypatch):
    class Small(ClassifierConfig):
        NAME, NUM_CLASSES, IMAGE_MIN_DIM, IMAGE_MAX_DIM = "mine", 3, 64, 64

    model = Classifier("inference", Small(), "logs")
    model.class_names = ("BG", "a", "b")
    model.save_weights("sorts.h5")
    assert main(["label", "sorts.h5", "new"]) == MISTAKE
    assert "A Classifier gives each photo one class and no boxes" in capsys.readouterr().err
    assert not (folder / "to_correct").exists()
