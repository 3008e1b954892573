"""Promise: what tools draw turned, in four corners or in several parts is the object drawn.

A turned box is its outline, parts of a group are one object, videos are refused in one sentence.
"""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from maskdet.data.annotated import Item, Shape
from maskdet.data.formats import coco, cvat, labelme, yolo
from maskdet.data.formats.photo_files import PhotoFinder
from maskdet.data.formats.tool_shapes import Groups, box_of_four, turned_box
from maskdet.errors import DataError, DataWarning

HEIGHT, WIDTH = 80, 100


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (9, 90, 9)).save(path)


def cvat_set(folder, *shapes, name="a.png"):
    photo(folder / "images" / name)
    text = f'<annotations><image name="{name}" width="{WIDTH}" height="{HEIGHT}">'
    (folder / "annotations.xml").write_text(text + "".join(shapes) + "</image></annotations>")
    return cvat.read(folder)


def labelme_set(folder, *shapes, **options):
    photo(folder / "a.png")
    content = {"imagePath": "a.png", "imageHeight": HEIGHT, "imageWidth": WIDTH, **options}
    shapes = [{"label": "cat", **shape} for shape in shapes]
    (folder / "a.json").write_text(json.dumps({**content, "shapes": shapes}))
    return labelme.read(folder)


def areas(dataset):
    return dataset.load_mask(0)[0].sum(axis=(0, 1)).tolist()


BOX = '<box label="cat" xtl="20" ytl="30" xbr="60" ybr="50" rotation="{}"/>'


@pytest.mark.parametrize(
    ("degrees", "sides"),
    [
        ("0", [30, 20, 50, 60]),
        ("90.00", [20, 30, 60, 50]),
        ("180", [30, 20, 50, 60]),
        ("270", [20, 30, 60, 50]),
        ("-90", [20, 30, 60, 50]),
        ("450", [20, 30, 60, 50]),
    ],
)
def test_boxes_turned_by_quarters_stay_boxes(degrees, sides, tmp_path):
    dataset = cvat_set(tmp_path, BOX.format(degrees))
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [sides], atol=1e-4)
    assert not dataset.provides_masks


def test_a_turned_box_is_turned_clockwise_about_its_centre(tmp_path):
    dataset = cvat_set(tmp_path, BOX.format(30))
    half_height = (40 * 0.5 + 20 * np.cos(np.pi / 6)) / 2
    half_width = (40 * np.cos(np.pi / 6) + 20 * 0.5) / 2
    sides = [40 - half_height, 40 - half_width, 40 + half_height, 40 + half_width]
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [sides], atol=1e-3)
    mask = dataset.load_mask(0)[0][..., 0]
    assert abs(int(mask.sum()) - 800) <= 8
    # Clockwise on the picture: the right end goes down.
    assert mask[46, 52] and not mask[34, 52] and mask[33, 27] and not mask[47, 27]


def test_a_turned_box_may_lie_beyond_the_edge_only_before_it_is_turned(tmp_path):
    box = '<box label="cat" xtl="45" ytl="-5" xbr="55" ybr="85" rotation="90"/>'
    dataset = cvat_set(tmp_path, box)
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [[35, 5, 45, 95]], atol=1e-4)


def test_a_turned_box_of_no_number_is_named(tmp_path):
    with pytest.raises(DataError, match=r"rotation is 'x'.*annotations\.xml, line 1"):
        cvat_set(tmp_path, BOX.format("x"))


def test_four_corners_are_a_box_or_an_outline():
    upright = np.array([[10, 20], [10, 60], [50, 60], [50, 20]], float)
    for order in ([0, 1, 2, 3], [2, 1, 0, 3], [3, 0, 1, 2]):
        item = box_of_four("cat", "here", upright[order])
        assert item.box == (10, 20, 50, 60) and item.shape is None
    leaning = upright + [[0, 0], [3, 0], [3, 0], [0, 0]]
    item = box_of_four("cat", "here", leaning)
    assert item.box is None and np.array_equal(item.shape.polygons[0], leaning)
    assert box_of_four("cat", "here", upright[[0, 0, 1, 1]]).box is None  # a line
    level = (0, 0, 4, 8)
    assert turned_box("cat", "here", level, 1e-9).box == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "oriented_rectangle", "quadrilateral"])
def test_rectangles_of_four_corners(kind, tmp_path):
    upright = {"shape_type": kind, "points": [[10, 20], [60, 20], [60, 70], [10, 70]]}
    turned = {"shape_type": kind, "points": [[50, 20], [80, 50], [50, 80], [20, 50]]}
    dataset = labelme_set(tmp_path, upright, turned)
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [[20, 10, 70, 60], [20, 20, 80, 80]])
    assert areas(dataset)[0] == 2500 and abs(areas(dataset)[1] - 1800) <= 60
    with pytest.raises(DataError, match=rf"The {kind} of shape 0 .* has 3 corners"):
        labelme_set(tmp_path, {**upright, "points": upright["points"][:3]})


def mask_shape(y1, x1, height, width, **options):
    content = io.BytesIO()
    Image.new("1", (width, height), 1).save(content, format="PNG")
    picture = base64.b64encode(content.getvalue()).decode()
    points = [[x1, y1], [x1 + width - 1, y1 + height - 1]]
    return {"shape_type": "mask", "points": points, "mask": picture, **options}


RECTANGLE = {"shape_type": "rectangle", "points": [[50, 10], [70, 20]]}
POLYGON = {"shape_type": "polygon", "points": [[50, 10], [70, 10], [70, 20], [50, 20]]}
PARTS = {
    "masks": mask_shape(10, 50, 10, 20),
    "rectangles": RECTANGLE,
    "polygons": POLYGON,
}


@pytest.mark.parametrize("second", PARTS)
@pytest.mark.parametrize("first", PARTS)
def test_parts_of_a_group_are_one_object_whatever_their_shapes(first, second, tmp_path):
    here = {**PARTS[first], "group_id": 3}
    moved = {**PARTS[second], "group_id": 3}
    moved["points"] = [[x - 40, y + 30] for x, y in moved["points"]]
    alone = {**PARTS[second], "group_id": None}
    other = {**PARTS[second], "group_id": 3, "label": "dog"}
    dataset = labelme_set(tmp_path, here, moved, alone, other)
    assert [dataset.class_names[k] for k in dataset.load_boxes(0)[1]] == ["cat", "cat", "dog"]
    np.testing.assert_allclose(dataset.load_boxes(0)[0][0], [10, 10, 50, 70])
    assert areas(dataset) == [400, 200, 200]
    mask = dataset.load_mask(0)[0][..., 0]
    assert mask[10:20, 50:70].all() and mask[40:50, 10:30].all()


@pytest.mark.parametrize(
    ("y", "x", "sides"),
    [(-4, 50, [0, 50, 6, 70]), (75, -5, [75, 0, 80, 15]), (70, 90, [70, 90, 80, 100])],
)
def test_masks_at_the_edge_are_cut_and_not_moved(y, x, sides, tmp_path):
    dataset = labelme_set(tmp_path, mask_shape(y, x, 10, 20))
    assert dataset.load_boxes(0)[0].tolist() == [sides]


@pytest.mark.parametrize(("y", "x"), [(-10, 50), (80, 5), (5, 100), (5, -20), (900, 900)])
def test_masks_beyond_the_edge_are_named(y, x, tmp_path):
    with pytest.raises(DataError, match=r"mask of shape 0 of .*a\.json \(cat\) lies outside"):
        labelme_set(tmp_path, mask_shape(y, x, 10, 20))


def test_parts_that_overlap_stay_whole_in_every_format(tmp_path):
    over = {**RECTANGLE, "points": [[60, 15], [80, 30]]}
    dataset = labelme_set(tmp_path / "l", {**RECTANGLE, "group_id": 1}, {**over, "group_id": 1})
    assert areas(dataset) == [200 + 300 - 50]
    for form in (coco, cvat, yolo, labelme):
        form.write(dataset, tmp_path / form.__name__)
        assert areas(form.read(tmp_path / form.__name__)) == [450], form.NAME


def test_parts_without_an_image_size_are_named(tmp_path):
    shapes = [{**RECTANGLE, "group_id": 1}, {**POLYGON, "group_id": 1}]
    assert areas(labelme_set(tmp_path, *shapes, imageHeight=None)) == [200]
    with pytest.raises(DataError, match="states an image of 9000000 x 9000000"):
        labelme_set(tmp_path, *shapes, imageHeight=9_000_000, imageWidth=9_000_000)
    groups = Groups(None)
    run_lengths = Shape(rle={"size": [2, 2], "counts": [0, 4]})
    groups.add(Item("cat", "one", None, run_lengths), 1)
    with pytest.raises(DataError, match="two is part of a group, but its file states no image"):
        groups.add(Item("cat", "two", (0, 0, 1, 1)), 1)


def test_outlines_of_a_group_in_cvat_are_one_object(tmp_path):
    corners = '<polygon label="cat" points="{}" group_id="{}"/>'
    one, two = "10,10;30,10;30,20;10,20", "40,30;60,30;60,40;40,40"
    box = '<box label="cat" xtl="1" ytl="1" xbr="9" ybr="9" group_id="1"/>'
    shapes = [corners.format(points, group) for points in (one, two) for group in (1, 0, 0)]
    dataset = cvat_set(tmp_path, *shapes, box, box)
    assert areas(dataset) == [400, 200, 200, 200, 200, 64, 64]
    np.testing.assert_allclose(dataset.load_boxes(0)[0][0], [10, 10, 40, 60])


def test_videos_of_cvat_are_refused_in_a_sentence(tmp_path):
    photo(tmp_path / "images" / "frame_000000.png")
    track = '<track id="0" label="cat"><box frame="0" xtl="1" ytl="1" xbr="9" ybr="9"/></track>'
    (tmp_path / "annotations.xml").write_text(f"<annotations>{track}</annotations>")
    with pytest.raises(DataError, match=r"annotations\.xml describes a video.*CVAT for images"):
        cvat.read(tmp_path)
    image = (
        '<image name="frame_000000.png"><box label="cat" xtl="1" ytl="1" xbr="9" ybr="9"/></image>'
    )
    (tmp_path / "annotations.xml").write_text(f"<annotations>{track}{image}</annotations>")
    with pytest.warns(DataWarning, match="its tracks are left out"):
        assert len(cvat.read(tmp_path, on_error="skip").load_boxes(0)[0]) == 1


def test_photos_of_one_name_are_told_apart_by_their_folders(tmp_path):
    box = '<box label="cat" xtl="{0}" ytl="1" xbr="30" ybr="9"/>'
    text = "".join(
        f'<image name="{stated}">{box.format(number)}</image>'
        for number, stated in enumerate(("cam1/1.png", "data\\cam2\\1.png", "/far/cam3/1.png"), 1)
    )
    for number in (1, 2, 3):
        photo(tmp_path / "images" / f"cam{number}" / "1.png")
    (tmp_path / "annotations.xml").write_text(f"<annotations>{text}</annotations>")
    dataset = cvat.read(tmp_path)
    left = {
        info["path"]: dataset.load_boxes(k)[0][0, 1] for k, info in enumerate(dataset.image_info)
    }
    assert left == {str(tmp_path / "images" / f"cam{k}" / "1.png"): k for k in (1, 2, 3)}


def test_a_missing_photo_is_not_taken_for_its_namesake(tmp_path):
    photo(tmp_path / "images" / "cam1" / "1.png")
    finder, file = PhotoFinder(tmp_path), tmp_path / "a.xml"
    for _ in range(2):
        assert finder.find(file, "cam1/1.png") == tmp_path / "images" / "cam1" / "1.png"
    with pytest.raises(DataError, match=r"'cam1/1\.png' and 'cam2/1\.png', but both lead to"):
        finder.find(file, "cam2/1.png")
