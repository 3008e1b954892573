"""Promise: the runtime's command ends in one plain sentence whatever is asked of it, keeps what was
done, and writes over nobody's files.
"""

import json

import pytest

from maskdet.errors import ConfigError, UsageError
from maskdet.images import write_image
from maskdet.runtime import Detector
from maskdet.runtime.__main__ import main
from tests.runtime.conftest import picture


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    for number, bright in enumerate([(0,), (1, 2), ()]):
        write_image(place / f"{number}.png", picture(*bright))
    return place


def sentence(capsys):
    """The only line that was said, to stderr."""
    error = capsys.readouterr().err
    assert "Traceback" not in error
    [line] = error.strip().splitlines()
    assert line.startswith("maskdet.runtime: ")
    return line


def listing(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- stopping -------------------------------------------------------------------------------
def test_ctrl_c_ends_without_a_traceback_and_keeps_what_was_done(
    made, folder, tmp_path, capsys, monkeypatch
):
    predict, seen = Detector.predict, []

    def stopped_at_the_second(self, image):
        seen.append(image)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return predict(self, image)

    monkeypatch.setattr(Detector, "predict", stopped_at_the_second)
    out = tmp_path / "out"
    try:
        code = main([str(made), str(folder), "--out", str(out)])
    except KeyboardInterrupt:  # would end pytest itself
        code = None
    assert code == 130
    assert "stopped" in sentence(capsys)
    assert sorted(path.name for path in out.iterdir()) == ["0.json", "0_detected.png"]


# ---- odd settings ---------------------------------------------------------------------------
@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_that_runs_nothing(threads, made, folder, tmp_path, capsys):
    with pytest.raises(UsageError, match=f"{threads} threads.*give 1 or more"):
        Detector(made, threads=threads)
    out = tmp_path / "out"
    assert main([str(made), str(folder), "--threads", str(threads), "--out", str(out)]) == 1
    assert f"{threads} threads" in sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("50", "The lowest score is 50.*between 0 and 1, such as 0.5"),
        ("1.5", "such as 0.015"),
        ("-0.1", r"is -0.1; give a share between 0 and 1\."),
        ("nan", r"is nan; give a share between 0 and 1\."),
        ("500", r"is 500.0; give a share between 0 and 1\."),
    ],
)
def test_a_lowest_score_that_is_no_share(score, said, made, folder, tmp_path, capsys):
    with pytest.raises(ConfigError, match=said):
        Detector(made, threads=1, min_confidence=float(score))
    out = tmp_path / "out"
    assert main([str(made), str(folder), f"--min-score={score}", "--out", str(out)]) == 1
    assert "The lowest score is" in sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize("score", [0, 1, 0.25, None])
def test_every_share_is_a_lowest_score(score, made):
    detector = Detector(made, threads=1, min_confidence=score)
    assert detector.min_confidence == (0.5 if score is None else score)


# ---- where results go -----------------------------------------------------------------------
@pytest.mark.parametrize("below", ["", "/deep/er"])
@pytest.mark.parametrize("source", ["photos", "photos/1.png"])
def test_results_cannot_go_to_a_file(source, below, made, folder, tmp_path, capsys):
    taken = tmp_path / "taken.txt"
    taken.write_text("mine")
    out = f"{taken}{below}"
    assert main([str(made), str(tmp_path / source), "--out", out]) == 1
    line = sentence(capsys)
    assert out in line
    assert "give a folder with --out" in line
    assert taken.read_text() == "mine"


def test_photos_of_one_stem_have_a_result_each(made, tmp_path):
    place, out = tmp_path / "photos", tmp_path / "out"
    write_image(place / "a.jpg", picture(0))
    write_image(place / "a.png", picture(0, 1))
    write_image(place / "a_png.png", picture())
    assert main([str(made), str(place), "--out", str(out)]) == 0
    found = {path.stem: len(json.loads(path.read_text())["boxes"]) for path in out.glob("*.json")}
    assert found == {"a_jpg": 1, "a_png": 2, "a_png_2": 0}
    pictures = {path.name for path in out.iterdir()} - {f"{name}.json" for name in found}
    assert pictures == {"a_jpg_detected.jpg", "a_png_detected.png", "a_png_2_detected.png"}


@pytest.mark.parametrize("source", ["photos", "photos/1.png"])
def test_a_json_of_the_users_beside_a_photo_is_never_overwritten(
    source, made, folder, tmp_path, capsys
):
    """LabelMe's annotation 1.json lies beside 1.png; the result would have its name."""
    (folder / "1.json").write_text('{"shapes": ["an afternoon of work"]}')
    before = listing(tmp_path)
    assert main([str(made), str(tmp_path / source), "--out", str(folder)]) == 1
    line = sentence(capsys)
    assert "lies in" in line
    assert "--out" in line
    assert listing(tmp_path) == before


def test_results_in_a_sub_folder_are_not_photos_of_the_next_run(made, folder, capsys):
    out = folder / "detected"
    for _ in range(2):
        assert main([str(made), str(folder), "--out", str(out)]) == 0
        assert "[3/3, " in capsys.readouterr().out
    assert len(listing(out)) == 6


def test_photos_may_lie_anywhere_where_nothing_is_written(made, folder, capsys):
    assert main([str(made), str(folder), "--no-save", "--out", str(folder)]) == 0


def test_photos_of_which_none_is_whole_are_one_sentence(made, folder, tmp_path, capsys):
    for photo in folder.iterdir():
        photo.write_bytes(photo.read_bytes()[:60])
    arguments = [str(made), str(folder), "--out", str(tmp_path / "out"), "--quiet"]
    assert main(arguments) == 1
    line = sentence(capsys)
    assert "None of 3 photos is whole" in line
    assert "0.png" in line
    assert main([*arguments[:1], str(folder / "1.png"), *arguments[2:]]) == 1
    assert "1.png is truncated or damaged" in sentence(capsys)
