"""Guards: the game draws what its annotations say, the robot plays by what it sees alone, and a
level that is tapped right is won."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.detections import Detections
from maskdet.errors import UsageError
from tests.page.browser import chromium, started_playwright

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples/find_it"
MODULES = ("board", "browser", "play", "robot", "train", "views")
NAMES = ("BG", "fork", "key", "spoon")


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """The example's modules, as scripts in its folder see one another."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def page():
    with started_playwright() as playwright, chromium(playwright) as browser:
        yield browser.new_page(viewport={"width": 720, "height": 720})


def detections(*things):
    """Of (name, score, y1, x1, y2, x2)."""
    return Detections(
        boxes=np.array([thing[2:] for thing in things], np.float32).reshape(-1, 4),
        class_ids=np.array([NAMES.index(thing[0]) for thing in things], np.int64),
        scores=np.array([thing[1] for thing in things], np.float32),
        image_shape=(720, 720),
        class_names=NAMES,
    )


def run(script, *arguments, cwd, **environment):
    command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


# ---- decisions -------------------------------------------------------------------------------
def test_the_wanted_kind_is_read_from_the_header_alone():
    from robot import wanted_kind

    shown = detections(("key", 0.9, 300, 0, 400, 100), ("fork", 0.6, 10, 10, 100, 100))
    assert wanted_kind(shown) == "fork"
    assert wanted_kind(detections(("key", 0.9, 300, 0, 400, 100))) is None
    assert wanted_kind(detections(("key", 0.9, 10, 200, 60, 400))) is None  # words are no picture
    assert wanted_kind(detections(("key", 0.2, 10, 10, 100, 100))) is None
    assert wanted_kind(detections()) is None


def test_sure_matches_are_tapped_at_once_and_the_least_covered_first():
    from robot import plan_taps

    seen = detections(
        ("fork", 0.99, 10, 10, 100, 100),  # the wanted picture is not tapped
        ("fork", 0.9, 200, 200, 300, 300),  # half covered by a key
        ("key", 0.9, 200, 250, 300, 350),
        ("fork", 0.8, 500, 500, 600, 600),
        ("fork", 0.3, 400, 100, 500, 200),  # not sure
        ("spoon", 0.9, 600, 100, 700, 200),  # no match
    )
    first, second = plan_taps(seen, "fork", [])
    assert first.point == pytest.approx((550, 550)) and first.overlap == 0
    assert second.overlap == pytest.approx(0.5)
    assert 200 < second.point[0] < 300 and 200 < second.point[1] < 250


def test_what_is_less_sure_comes_one_by_one_when_nothing_else_is_left():
    from robot import plan_taps

    seen = detections(("fork", 0.2, 200, 200, 300, 300), ("fork", 0.4, 400, 400, 500, 500))
    assert [tap.point for tap in plan_taps(seen, "fork", [])] == [pytest.approx((450, 450))]
    assert plan_taps(detections(("fork", 0.01, 200, 200, 300, 300)), "fork", []) == []
    assert plan_taps(seen, "key", []) == []


def test_a_thing_that_looks_more_like_its_like_is_tapped_last():
    from robot import plan_taps

    seen = detections(
        ("fork", 0.6, 200, 200, 300, 300),
        ("spoon", 0.8, 201, 200, 300, 301),
        ("fork", 0.55, 400, 400, 500, 500),
    )
    assert [tap.point for tap in plan_taps(seen, "fork", [])] == [pytest.approx((450, 450))]


def test_a_second_tap_goes_elsewhere_and_after_three_it_is_no_match():
    from robot import SAME_TAP, plan_taps

    seen = detections(("fork", 0.9, 200, 200, 300, 300))
    tried = []
    for _ in range(3):
        (tap,) = plan_taps(seen, "fork", tried)
        assert all(np.hypot(*np.subtract(tap.point, other)) >= SAME_TAP for other in tried)
        tried.append(tap.point)
    assert plan_taps(seen, "fork", tried) == []


# ---- boards and levels -----------------------------------------------------------------------
@pytest.mark.parametrize(("first", "count"), [(0, 0), (-1, 5), (999_999, 2), (1_000_000, 1)])
def test_no_board_has_a_level_s_number(first, count):
    from board import board_seeds

    with pytest.raises(UsageError, match="levels those behind"):
        board_seeds(first, count)
    assert board_seeds(999_998, 2)[-1] == 999_999


@pytest.mark.browser
def test_a_seed_is_a_board(page):
    from browser import open_level, screenshot

    pictures, truths = [], []
    for seed in (7, 7, 8):
        open_level(page, seed)
        pictures.append(screenshot(page)[130:])  # below the clock
        truths.append(page.evaluate("truth()"))
    assert truths[0] == truths[1] and truths[0] != truths[2]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any(axis=2).mean() > 0.5


@pytest.mark.browser
@pytest.mark.parametrize("seed", [3, 11])
def test_boxes_lie_tight_around_what_changes_when_a_thing_goes(page, seed):
    from browser import open_level, screenshot

    open_level(page, seed)
    page.evaluate("level.started = Infinity")  # the clock stands still
    before = screenshot(page).astype(int)
    things = page.evaluate("truth()")["things"]
    assert len(things) > 15
    # The topmost thing is in sight as a whole, and so is its shadow of up to 8 pixels.
    last = things[-1]
    assert last["share"] == 1
    page.evaluate("level.board.remove(level.board.things.at(-1)); show()")
    changed = (np.abs(screenshot(page).astype(int) - before) > 60).any(axis=2)[120:]
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    found = [rows[0] + 120, columns[0], rows[-1] + 121, columns[-1] + 1]
    assert np.abs(np.subtract(found, last["box"])).max() <= 8


@pytest.mark.browser
def test_the_wanted_picture_s_box_is_around_its_pixels(page):
    from browser import open_level, screenshot

    open_level(page, 5)
    card = screenshot(page)[10:110, 10:110].astype(int)
    drawn = (np.abs(card - (255, 253, 248)) > 60).any(axis=2)
    drawn[:12] = drawn[-12:] = drawn[:, :12] = drawn[:, -12:] = False  # the card's round corners
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    found = [rows[0] + 10, columns[0] + 10, rows[-1] + 11, columns[-1] + 11]
    box = page.evaluate("truth()")["wanted"]["box"]
    assert np.abs(np.subtract(found, np.clip(box, 22, 98))).max() <= 2


@pytest.mark.browser
def test_all_that_is_wanted_is_half_in_sight(page):
    from browser import FIRST_LEVEL, open_level

    for seed in range(FIRST_LEVEL, FIRST_LEVEL + 5):
        open_level(page, seed)
        matches = [thing for thing in page.evaluate("truth()")["things"] if thing["matches"]]
        assert 1 <= len(matches) <= 5
        assert all(thing["share"] >= 0.5 for thing in matches)


@pytest.mark.browser
def test_a_board_s_file_has_the_wanted_picture_and_marks_the_hidden(page, tmp_path):
    from board import LEAST_SHARE, board_objects
    from browser import open_level

    hidden = 0
    for seed in range(6):
        open_level(page, seed)
        truth = page.evaluate("truth()")
        objects = board_objects(truth)
        assert objects[0].name == truth["wanted"]["name"] and objects[0].box[2] < 120
        for thing, written in zip(truth["things"], objects[1:], strict=True):
            assert (written.name, list(written.box)) == (thing["name"], thing["box"])
            assert written.difficult == (thing["share"] < LEAST_SHARE)
            hidden += written.difficult
    assert hidden > 0


# ---- playing ---------------------------------------------------------------------------------
def oracle(page):
    """A detector that asks the page: what a perfect robot sees."""
    kinds = page.evaluate("KINDS")

    def look(picture):
        if page.evaluate("level.over"):
            truth = {"things": []}
        else:
            truth = page.evaluate("truth()")
            truth["things"].append({**truth["wanted"], "share": 1})
        return Detections(
            boxes=np.array([t["box"] for t in truth["things"]], np.float32).reshape(-1, 4),
            class_ids=np.array([kinds.index(t["name"]) + 1 for t in truth["things"]], np.int64),
            scores=np.full(len(truth["things"]), 0.9, np.float32),
            image_shape=picture.shape[:2],
            class_names=("BG", *kinds),
        )

    return look


@pytest.mark.browser
def test_a_robot_that_sees_everything_wins(page):
    from browser import FIRST_LEVEL, open_level
    from play import play_level

    open_level(page, FIRST_LEVEL)
    look = oracle(page)
    for seed in range(FIRST_LEVEL, FIRST_LEVEL + 3):
        played = play_level(page, seed, look)
        assert played.outcome == "won"
        assert played.taps >= 2 and played.wrong_taps <= 2 and played.looks >= 2


@pytest.mark.browser
def test_wrong_taps_cost_time_and_lose_the_level(page):
    from browser import FIRST_LEVEL, open_level

    open_level(page, FIRST_LEVEL)
    things = page.evaluate("truth()")["things"]
    wanted = [thing["box"] for thing in things if thing["matches"]]
    wrong = next(
        thing["spot"]
        for thing in things
        if not any(
            y1 - 15 < thing["spot"][0] < y2 + 15 and x1 - 15 < thing["spot"][1] < x2 + 15
            for y1, x1, y2, x2 in wanted
        )
    )
    for _ in range(9):
        page.mouse.click(wrong[1], wrong[0])
    page.wait_for_function("document.documentElement.dataset.outcome === 'lost'")
    assert page.get_by_text("Time is up.").is_visible()
    assert page.evaluate("document.documentElement.dataset.wrong") == "9"


@pytest.mark.browser
def test_a_board_without_a_match_says_so_and_the_robot_ends(page):
    from browser import FIRST_LEVEL, open_level
    from play import play_level

    open_level(page, FIRST_LEVEL)
    kinds = set(page.evaluate("KINDS"))
    missing = sorted(kinds - {t["name"] for t in page.evaluate("truth()")["things"]})[0]
    played = play_level(page, FIRST_LEVEL, oracle(page), missing)
    assert (played.outcome, played.taps, played.looks) == ("without a match", 0, 1)
    assert page.get_by_text("Nothing on this board matches").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [("seed=x", "The seed of a level is a whole number"), ("wanted=cat", 'is called "cat"')],
)
def test_an_address_that_means_nothing_is_told(page, asked, sentence):
    from browser import PAGE

    page.goto(f"{PAGE.as_uri()}?{asked}")
    assert sentence in page.locator("#text").inner_text()


# ---- files and bad input -----------------------------------------------------------------------
def test_results_are_a_table_and_a_line():
    from play import Played, summary_of, table_of

    levels = [
        Played(1_000_000, "won", 3, 0, 2, 0.25),
        Played(1_000_001, "lost", 9, 9, 10, 1.5),
        Played(1_000_002, "won", 4, 1, 3, 0.35),
    ]
    assert table_of(levels).splitlines()[:2] == [
        "seed,outcome,taps,wrong_taps,looks,thinking_seconds",
        "1000000,won,3,0,2,0.25",
    ]
    assert summary_of(levels) == (
        "2 of 3 levels won, 16 taps, 10 of them wrong, 0.35 s of thinking a level (median)"
    )


@pytest.mark.parametrize(
    ("script", "arguments", "sentence"),
    [
        ("train.py", [], "train.py: There are no boards in boards; make some: "),
        ("play.py", [], "play.py: There is no find_it.tflite; train.py writes it: "),
        ("play.py", ["--levels", "0"], "play.py: Levels have numbers from 1000000 on, "),
        ("play.py", ["--first", "5"], "play.py: Levels have numbers from 1000000 on, "),
        ("board.py", ["--first", "1000000"], "board.py: Boards have numbers from 0 to 999999, "),
    ],
)
def test_what_is_missing_is_one_sentence(script, arguments, sentence, tmp_path):
    result = run(script, *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(sentence) and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_a_browser_it_is_one_sentence(tmp_path):
    pytest.importorskip("playwright")
    result = run("board.py", "--count", "1", cwd=tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert "board.py: There is no chromium" in result.stderr
    assert "Traceback" not in result.stderr and list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_boards_become_a_set_of_two_parts(page, tmp_path):
    """Through the writer's own files, as train.py reads them."""
    from board import board_objects
    from browser import SIDES, open_level
    from train import open_boards

    from maskdet.data.formats.voc_xml import build_xml
    from maskdet.files import write_whole

    for seed in range(11):
        open_level(page, seed)
        objects = board_objects(page.evaluate("truth()"))
        text = build_xml(f"{seed:02d}.png", "JPEGImages", SIDES, objects, False)
        write_whole(tmp_path / "JPEGImages" / f"{seed:02d}.png", page.screenshot())
        write_whole(tmp_path / "Annotations" / f"{seed:02d}.xml", text)
    boards, held_out = open_boards(tmp_path)
    assert (len(boards.image_ids), len(held_out.image_ids)) == (9, 2)
    assert isinstance(boards, Dataset) and boards.class_names == held_out.class_names


# ---- four sides --------------------------------------------------------------------------------
def test_boxes_of_turned_pictures_come_back():
    from views import TURNS, turned_back

    picture = np.zeros((50, 50), bool)
    picture[5:12, 20:45] = True
    for turns in TURNS:
        rows, columns = np.nonzero(np.rot90(picture, turns))
        box = [[rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]]
        assert turned_back(np.array(box, np.float32), turns, 50).tolist() == [[5, 20, 12, 45]]


def test_scores_of_four_views_are_averaged_kind_by_kind():
    from views import look_around

    square = np.array([[10, 10, 30, 30]], np.float32)
    kinds, scores = [1, 3, 1, 1], [0.8, 0.4, 0.6, 0.6]
    turns = iter(range(4))

    def detect(picture):
        turn = next(turns)
        rows, columns = np.nonzero(picture[..., 0])
        box = [[rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]]
        return Detections(
            boxes=np.array(box, np.float32),
            class_ids=np.array([kinds[turn]]),
            scores=np.array([scores[turn]], np.float32),
            image_shape=picture.shape[:2],
            class_names=NAMES,
        )

    picture = np.zeros((100, 100, 3), np.uint8)
    picture[10:30, 10:30] = 255
    seen = look_around(detect, picture)
    np.testing.assert_allclose(seen.boxes, np.repeat(square, 2, axis=0))
    assert seen.class_ids.tolist() == [1, 3]
    np.testing.assert_allclose(seen.scores, [0.5, 0.1], atol=1e-6)


def test_four_views_of_nothing_are_nothing():
    from views import look_around

    seen = look_around(lambda picture: detections(), np.zeros((720, 720, 3), np.uint8))
    assert len(seen.boxes) == 0


@pytest.mark.browser
def test_a_tap_after_the_end_leads_to_no_other_level(page):
    from browser import FIRST_LEVEL, HEADER, open_level

    open_level(page, FIRST_LEVEL)
    page.evaluate("level.penalty = 100")
    page.wait_for_function("document.documentElement.dataset.outcome === 'lost'")
    address = page.url
    for y in range(HEADER + 10, 720, 40):
        for x in range(20, 720, 40):
            page.mouse.click(x, y)
    assert page.url == address
    page.get_by_text("Next level").click()
    assert page.url.endswith(f"?seed={FIRST_LEVEL + 1}")


@pytest.mark.browser
def test_a_tap_meets_what_is_within_a_finger_s_breadth(page):
    from browser import FIRST_LEVEL, open_level

    open_level(page, FIRST_LEVEL)
    page.evaluate("level.board.things = [level.board.things.find((t) => t.kind === level.wanted)]")
    page.evaluate("level.penalty = -1000")  # time enough for every tap
    (thing,) = page.evaluate("truth()")["things"]
    y1, x1, y2, x2 = thing["box"]
    page.mouse.click(x2 + 20, y2 + 20)
    page.mouse.click(x1 - 20, y1 - 20)
    told = "document.documentElement.dataset"
    assert page.evaluate(f"[{told}.wrong, {told}.outcome ?? '']") == ["2", ""]
    # Somewhere at its right edge there is a pixel of its own, 5 pixels to the left of one of these.
    for y in range(int(y1), int(y2), 4):
        page.mouse.click(x2 + 5, y)
        if page.evaluate(f"{told}.outcome") == "won":
            break
    assert page.evaluate(f"{told}.outcome") == "won"
