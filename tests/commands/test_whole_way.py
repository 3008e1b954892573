"""Promise: the commands of the first page lead from photos to a file for the Pi, and every figure
on the way is the same wherever it stands."""

import json
import re

import pytest

from maskdet import Dataset
from maskdet.commands.answers import DONE, MISTAKE
from maskdet.commands.main import main
from maskdet.images import read_image
from tests.docs.small import write_photos
from tests.jobs.small import make_small

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")


@pytest.fixture(scope="module")
def way(tmp_path_factory):
    """The folder with data/, run/, mine.tflite and pictures/ that a user has at the end."""
    folder = tmp_path_factory.mktemp("way")
    write_photos(folder / "data", 2)
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.chdir(folder)
        run = ["--weights", "none", "--out", "run", "-s", "DETECTION_MAX_INSTANCES=30"]
        assert main(["train", "data", *run]) == DONE
    return folder


@pytest.fixture
def call(way, monkeypatch, capsys):
    """Runs a command in that folder; gives its JSON and what it said."""
    monkeypatch.chdir(way)

    def run(*arguments):
        assert main([*arguments, "--json"]) == DONE
        out, err = capsys.readouterr()
        return json.loads(out), err

    return run


def metrics(way):
    return json.loads((way / "run" / "metrics.json").read_text())


def test_a_training_leaves_all_that_it_says(way):
    names = {path.name for path in (way / "run").iterdir()}
    assert names == {
        *("weights.h5", "weights.h5.json", "report.html", "metrics.json", "run.json"),
        *("logs", "split"),
    }
    lists = {path.stem: set(path.read_text().split()) for path in (way / "run/split").iterdir()}
    assert (len(lists["train"]), len(lists["val"])) == (10, 2)
    assert not lists["train"] & lists["val"]
    settings = json.loads((way / "run" / "weights.h5.json").read_text())["config"]
    assert settings["DETECTION_MAX_INSTANCES"] == 30
    assert settings["DETECTION_MIN_CONFIDENCE"] > 0.1  # not that of the evaluation


def test_the_report_shows_the_figures_of_the_training(way):
    report = (way / "run" / "report.html").read_text()
    assert "<title>data</title>" in report
    assert f"{metrics(way)['figures']['box AP50']:.3f}" in report
    assert not re.search(r'(src|href)="(http|//)', report)


def test_an_evaluation_says_what_the_training_said(way, call):
    facts, said = call("evaluate", "run", "--report", "again.html")
    assert facts["figures"] == metrics(way)["figures"]
    assert facts["evaluation"]["box"]["ap50"] == facts["figures"]["box AP50"]
    assert (facts["part"], facts["photos"], facts["report"]) == ("part 'val'", 2, "again.html")
    row = next(line for line in said.splitlines() if line.startswith("all classes")).split()
    assert row[2] == f"{facts['figures']['box AP50']:.3f}"
    assert (way / "again.html").is_file()


def test_a_report_is_not_written_over(way, call, capsys):
    (way / "mine.html").write_text("mine")
    assert main(["evaluate", "run", "--report", "mine.html"]) == MISTAKE
    assert "mine.html is there already" in capsys.readouterr().err
    assert (way / "mine.html").read_text() == "mine"
    assert main(["evaluate", "run", "--report", "data"]) == MISTAKE
    assert "data is a folder; give --report the name of a file" in capsys.readouterr().err


def test_photos_are_drawn_into(way, call):
    photos = sorted((way / "data" / "JPEGImages").iterdir())[:2]
    found, said = call("detect", "run", *map(str, photos), "--out", "pictures")
    assert [entry["photo"] for entry in found["photos"]] == list(map(str, photos))
    for entry, photo in zip(found["photos"], photos, strict=True):
        assert read_image(entry["picture"]).shape == read_image(photo).shape
        assert f"-> {entry['picture']}" in said
    assert main(["detect", "run", str(photos[0]), "--out", "pictures"]) == MISTAKE


def test_a_file_for_the_pi_is_scored_like_the_network(way, call, capsys):
    # What has learnt nothing in two steps cannot be compared with its network.
    facts, _ = call("export", "run", "mine.tflite", "--calibration", "data", "--no-verify")
    assert facts["file"] == "mine.tflite"
    assert facts["bytes"] == (way / "mine.tflite").stat().st_size > 100_000
    scored, _ = call("evaluate", "mine.tflite", "data")
    assert (scored["photos"], scored["report"]) == (12, None)
    assert set(scored["figures"]) == set(metrics(way)["figures"])
    listed, _ = call("evaluate", "mine.tflite", "data", "--part", "run/split/val.txt")
    assert listed["photos"] == 2
    before = (way / "mine.tflite").read_bytes()
    assert main(["export", "run", "mine.tflite"]) == MISTAKE
    assert "mine.tflite is there already" in capsys.readouterr().err
    assert (way / "mine.tflite").read_bytes() == before
    assert main(["evaluate", "mine.tflite", "data", "--report", "r.html"]) == MISTAKE
    assert "A .tflite file gives figures only" in capsys.readouterr().err


@pytest.mark.filterwarnings("default::maskdet.errors.MaskdetWarning")
def test_another_training_starts_from_its_weights(way, monkeypatch, capsys):
    """Of one class instead of two: what knows classes begins anew, and it is said."""
    make_small(monkeypatch)
    monkeypatch.chdir(way)
    write_photos(way / "other", 1)
    started = []

    def train(self, *arguments, **options):
        started.append((self.epoch, self.class_names, self.log_dir))

    monkeypatch.setattr("maskdet.MaskRCNN.train", train)
    arguments = ["train", "other", "--weights", "run", "--held-out", "0"]
    assert main(arguments) == DONE
    assert started[0][:2] == (0, ())
    assert "trained/other/logs/other" in started[0][2]
    checkpoint = str(next((way / "run" / "logs").glob("*/*_0002.h5")))
    assert main(["train", "data", "--weights", checkpoint, "--out", "again"]) == DONE
    assert started[1][0] == 0 and "again/logs/data" in started[1][2]
    assert "run/weights.h5 is for other classes, so these layers begin anew: mrcnn_class" in (
        capsys.readouterr().err.replace("\n", " ")
    )
    assert len(Dataset.load(way / "other").class_names) == 2
