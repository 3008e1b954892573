"""Guards: every picture that a page shows can be made anew by `make pictures`, of made scenes."""

import re

import pytest
from PIL import Image

from docs.make_pictures import IMAGES, PICTURES, make
from docs.pictures.demo import write_shrunk
from docs.pictures.errors import examples, simple_photo
from docs.pictures.pages import photos_with
from docs.pictures.workshop import Workshop, cut_things
from maskdet import Dataset
from maskdet.data.scenes import write_scenes
from maskdet.evaluation.errors import find_errors
from tests.docs.pages import COURSE_PAGES, PAGES, ROOT

_SHOWN = re.compile(r"!\[[^\]]+\]\((?P<path>[^)\s]+)\)")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 12, progress=False)
    return Dataset.load(folder)


def test_every_picture_is_shown_made_and_there():
    shown = {
        (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT).as_posix()
        for page in [*PAGES, *COURSE_PAGES]
        for path in _SHOWN.findall((ROOT / page).read_text(encoding="utf-8"))
        if "://" not in path
    }
    made = {f"docs/images/{name}" for name in PICTURES}
    present = {path.relative_to(ROOT).as_posix() for path in IMAGES.iterdir()}
    # Those of an example's own photos lie with it, and its README has the command.
    of_examples = {path for path in shown if path.startswith("examples/")}
    for path in of_examples:
        assert (ROOT / path).is_file()
        assert (ROOT / path).name in (ROOT / path).with_name("README.md").read_text("utf-8")
    assert shown - of_examples == made == present


def test_make_pictures_calls_the_script():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^pictures: .*## .*\n\t.*-m docs\.make_pictures$", makefile, re.M)


def test_a_finished_demo_is_not_run_again(tmp_path):
    """The demo trains for minutes; its own gallery is the picture."""
    demo = tmp_path / "demo"
    demo.mkdir()
    (demo / "report.html").write_text("")
    Image.new("RGBA", (2400, 1650), "red").save(demo / "gallery.png")
    make(["demo.jpg"], demo, tmp_path / "images")
    with Image.open(tmp_path / "images" / "demo.jpg") as picture:
        assert (picture.size, picture.format) == ((1200, 825), "JPEG")
        assert picture.getpixel((600, 400))[0] > 240
    assert Workshop(demo, tmp_path).demo == demo


def test_a_picture_keeps_the_ratio_of_its_sides(tmp_path):
    Image.new("RGB", (300, 100)).save(tmp_path / "wide.png")
    write_shrunk(tmp_path / "wide.png", tmp_path / "small.jpg", width=150)
    with Image.open(tmp_path / "small.jpg") as picture:
        assert picture.size == (150, 50)


def test_things_are_cut_out_whole_and_every_fifth_is_held_out(scenes, tmp_path):
    cut_things(scenes, tmp_path)
    train, val = (Dataset.load(tmp_path / part) for part in ("train", "val"))
    boxes = [box for i in scenes.image_ids for box in scenes.load_boxes(i)[0]]
    large = [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= 28]
    assert train.num_images + val.num_images == len(large) > 10
    assert set(train.class_names) <= set(scenes.class_names) and val.num_images >= 1
    for path in (tmp_path / "val").glob("*/*.png"):
        assert int(path.stem.split()[1]) % 5 == 0
    sides = [train.image_shape(i) for i in train.image_ids]
    assert min(min(shape) for shape in sides) >= 28


def test_photos_of_a_page_have_objects_enough(scenes):
    paths = photos_with(scenes, 2, 3)
    by_path = {scenes.image_info[i]["path"]: i for i in scenes.image_ids}
    counts = {len(scenes.load_boxes(by_path[str(path)])[1]) for path in paths}
    assert counts and counts <= {2, 3}
    assert len(photos_with(scenes, 0, 99)) == scenes.num_images


def test_the_panels_of_errors_show_what_an_evaluation_calls_so(scenes):
    image_id = simple_photo(scenes)
    called = {}
    for kind, detections in examples(scenes, image_id).items():
        found = find_errors(scenes, [detections], [image_id])
        called[kind] = [name for name in found.counts if found.total(name)]
    assert called == {
        "right": ["right"],
        "missed": ["missed"],
        "background": ["right", "background"],
        "place": ["badly placed"],
        "confused": ["confused"],
        # With another class and another place nothing is left of it.
        "both": ["confused and badly placed", "missed"],
        "double": ["right", "double"],
        "part": ["right", "part of another"],
    }
