"""Promise: an outline and its box say the same object, also at the photo's edge.

An outline over the edge is cut there and not lost; where box and outline contradict each other,
what can be used is used and a sentence says so; a written COCO area is that of the outline.
"""

import json
import math
import warnings

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.annotated import Item, Picture, Shape, build_dataset
from maskdet.data.formats import coco, csv_table, cvat, labelme, via, yolo
from maskdet.errors import DataError, DataWarning, SkippedData
from maskdet.geometry.polygons import cut_polygon, mask_from_polygons
from maskdet.geometry.rle import encode_rle

WIDTH, HEIGHT = 60, 40
# A diamond over the left edge: its right half is in the photo. Corners x, y.
DIAMOND = [(-10, 20), (5, 8), (20, 20), (5, 32)]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT), (9, 90, 9)).save(root / "a.png")
    return root


def flat(corners):
    return [float(v) for corner in corners for v in corner]


def coco_file(folder, **annotation):
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1, **annotation}],
    }
    (folder / "c.json").write_text(json.dumps(content))
    return coco


def coco_outline(folder, corners):
    return coco_file(folder, segmentation=[flat(corners)])


def coco_outline_and_its_box(folder, corners):
    xs, ys = zip(*corners, strict=True)
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return coco_file(folder, segmentation=[flat(corners)], bbox=box)


def via_outline(folder, corners):
    xs, ys = zip(*corners, strict=True)
    shape = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    region = {"shape_attributes": shape, "region_attributes": {"class": "cat"}}
    content = {"a.png1": {"filename": "a.png", "regions": [region]}}
    (folder / "via.json").write_text(json.dumps(content))
    return via


def labelme_outline(folder, corners):
    shape = {"label": "cat", "points": corners, "shape_type": "polygon"}
    (folder / "a.json").write_text(json.dumps({"shapes": [shape], "imagePath": "a.png"}))
    return labelme


def cvat_outline(folder, corners):
    points = ";".join(f"{x},{y}" for x, y in corners)
    polygon = f'<polygon label="cat" points="{points}"/>'
    image = f'<image name="a.png">{polygon}</image>'
    (folder / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    return cvat


def yolo_outline(folder, corners):
    (folder / "data.yaml").write_text("names: [cat]\n")
    shares = " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in corners)
    (folder / "a.txt").write_text(f"0 {shares}\n")
    return yolo


FORMS = [coco_outline, coco_outline_and_its_box, via_outline, labelme_outline, cvat_outline,
         yolo_outline]  # fmt: skip


@pytest.mark.parametrize("describe", FORMS, ids=lambda describe: describe.__name__)
def test_an_outline_over_the_edge_is_cut_in_every_format(describe, folder, tmp_path):
    form = describe(folder, DIAMOND)
    with pytest.warns(DataWarning, match=r"1 outlines leave their photo and are cut") as caught:
        dataset = form.read(folder)
    assert [entry.message.kind for entry in caught] == ["outline over the edge"]
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [[8, 0, 32, 20]], atol=1e-4)
    whole = mask_from_polygons([np.array(DIAMOND, float)[:, ::-1]], (HEIGHT, WIDTH))
    np.testing.assert_array_equal(dataset.load_mask(0)[0][..., 0], whole)
    (shape,) = dataset.load_shapes(0)
    low, high = shape.polygons[0].min(axis=0), shape.polygons[0].max(axis=0)
    assert (low >= 0).all() and (high <= (HEIGHT, WIDTH)).all()  # as others' readers want it
    assert check(folder).of_kind("outline over the edge") and check(folder).sound
    yolo.write(dataset, tmp_path / "out")
    again = yolo.read(tmp_path / "out")
    np.testing.assert_array_equal(again.load_mask(0)[0], dataset.load_mask(0)[0])


@pytest.mark.parametrize("describe", FORMS, ids=lambda describe: describe.__name__)
def test_an_outline_beside_the_photo_is_refused(describe, folder):
    form = describe(folder, [(x - 30, y) for x, y in DIAMOND])
    with pytest.raises(DataError, match="leaves the image") as raised:
        form.read(folder)
    assert raised.value.kind == "box outside its image"


def test_an_outline_that_goes_round_the_photo(folder):
    """Two arms reach in from above and below; the line that joins them is no part of the box."""
    outer = [(35, 5), (35, -20), (-30, -20), (-30, 60), (35, 60), (35, 35)]
    inner = [(30, 35), (30, 50), (-20, 50), (-20, -10), (30, -10), (30, 5)]
    labelme_outline(folder, outer + inner)
    with pytest.warns(DataWarning, match="are cut"):
        dataset = labelme.read(folder)
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [[0, 30, 40, 35]], atol=1e-4)
    assert dataset.load_mask(0)[0].sum() == 50


def test_cut_polygons_cover_what_they_covered():
    rng = np.random.default_rng(5)
    for _ in range(200):
        corners = rng.uniform(-15, 45, (rng.integers(3, 9), 2))
        cut = cut_polygon(corners, (24, 32))
        whole = mask_from_polygons([corners], (24, 32))
        if len(cut) < 3:
            assert not whole.any()
            continue
        assert cut.min() >= 0 and (cut.max(axis=0) <= (24, 32)).all()
        np.testing.assert_array_equal(mask_from_polygons([cut], (24, 32)), whole)
    inside = np.array([[2.5, 3], [9, 4], [7, 20.25]])
    np.testing.assert_array_equal(cut_polygon(inside, (24, 32)), inside)


def test_a_box_over_the_edge_is_still_refused(folder):
    """The photo may have been made smaller; nothing tells."""
    coco_file(folder, bbox=[-10, 8, 30, 24])
    with pytest.raises(DataError, match="leaves the image"):
        coco.read(folder)
    inner = [(1, 8), (20, 8), (20, 32)]
    coco_file(folder, bbox=[-10, 8, 30, 24], segmentation=[flat(inner)])
    with pytest.raises(DataError, match="leaves the image"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coco.read(folder)


# ---- box and outline ---------------------------------------------------------------------------
SQUARE = [(10, 10), (40, 10), (40, 30), (10, 30)]


def square_mask():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:30, 10:40] = True
    return encode_rle(mask)


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [10, 10, 0, 20], [40, 30, -30, -20]],
                         ids=["zeros", "no width", "backwards"])  # fmt: skip
@pytest.mark.parametrize("segmentation", [[flat(SQUARE)], square_mask()], ids=["polygon", "runs"])
def test_a_box_without_area_gives_way_to_the_outline(box, segmentation, folder):
    coco_file(folder, bbox=box, segmentation=segmentation)
    dataset = coco.read(folder)
    assert dataset.load_boxes(0)[0].tolist() == [[10, 10, 30, 40]]
    assert dataset.load_mask(0)[0].sum() == 600


def test_a_box_without_area_and_outline_is_refused(folder):
    coco_file(folder, bbox=[10, 10, 0, 20])
    with pytest.raises(DataError, match="no area"):
        coco.read(folder)


def test_corners_in_the_place_of_width_and_height_are_said(folder):
    small = [(20, 15), (32, 15), (32, 23), (20, 23)]
    coco_file(folder, bbox=[20, 15, 32, 23], segmentation=[flat(small)])
    with pytest.warns(DataWarning, match="1 objects have a box that lies elsewhere") as caught:
        dataset = coco.read(folder)
    assert [entry.message.kind for entry in caught] == ["box and outline disagree"]
    assert dataset.load_boxes(0)[0].tolist() == [[15, 20, 38, 52]]
    (finding,) = check(folder).of_kind("box and outline disagree")
    assert "(15, 20, 38, 52)" in finding.message and "(15, 20, 23, 32)" in finding.message


def test_the_check_compares_boxes_with_masks_of_every_kind(folder):
    """Run lengths are decoded by the check alone."""
    coco_file(folder, bbox=[30, 20, 25, 15], segmentation=square_mask())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coco.read(folder)
    assert len(check(folder).of_kind("box and outline disagree")) == 1


def test_boxes_wider_than_their_outline_are_no_contradiction(folder):
    """Boxes of whole objects whose outline is the part that is seen."""
    coco_file(folder, bbox=[8, 8, 36, 28], segmentation=[flat(SQUARE)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert coco.read(folder).load_boxes(0)[0].tolist() == [[8, 8, 36, 44]]
    assert not check(folder).of_kind("box and outline disagree")


# ---- COCO's area -------------------------------------------------------------------------------
def test_written_areas_are_those_of_pycocotools(folder, tmp_path):
    from pycocotools.coco import COCO

    circle = [(30 + 12 * math.cos(t / 9), 20 + 12 * math.sin(t / 9)) for t in range(56)]
    two = (np.array(SQUARE, float)[:, ::-1], np.array([[2.0, 2], [6, 2], [6, 9], [2, 9]]))
    shapes = [
        Shape(polygons=(np.array(circle)[:, ::-1],)),
        Shape(polygons=two),
        Shape(rle=square_mask()),
        None,
    ]
    items = [Item("cat", f"object {i}", None if s else (1, 1, 9, 11), s)
             for i, s in enumerate(shapes)]  # fmt: skip
    dataset = build_dataset([Picture("a", folder / "a.png", "photo a", items)], "x")
    coco.write(dataset, tmp_path / "out")
    content = json.loads((tmp_path / "out" / "instances.json").read_text())
    areas = [entry["area"] for entry in content["annotations"]]
    masks = dataset.load_mask(0)[0]
    assert areas == [masks[..., 0].sum(), 628, 600, 80] and areas[0] == pytest.approx(452, rel=0.02)
    theirs = COCO(str(tmp_path / "out" / "instances.json"))
    for entry in content["annotations"][:3]:
        assert theirs.annToMask(entry).sum() == pytest.approx(entry["area"], rel=0.08)


def test_an_outline_between_pixels_has_the_area_of_its_corners(folder, tmp_path):
    thin = np.array([[10.1, 10.0], [10.3, 10.0], [10.3, 40.0], [10.1, 40.0]])
    items = [Item("cat", "object", None, Shape(polygons=(thin,)))]
    coco.write(build_dataset([Picture("a", folder / "a.png", "a", items)], "x"), tmp_path / "out")
    content = json.loads((tmp_path / "out" / "instances.json").read_text())
    assert content["annotations"][0]["area"] == pytest.approx(6)


# ---- shares of the photo -----------------------------------------------------------------------
HEADER = "filename,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize("share", [1.0004, 1.02])
def test_a_table_of_shares_just_above_one(share, folder):
    (folder / "t.csv").write_text(f"{HEADER}a.png,cat,0.1,0.2,0.5,0.6\na.png,cat,0.5,0,{share},1\n")
    boxes = csv_table.read(folder).load_boxes(0)[0]
    np.testing.assert_allclose(boxes, [[8, 6, 24, 30], [0, 30, 40, 60]], atol=1e-4)


def test_one_wrong_row_does_not_make_pixels_of_all_shares(folder):
    rows = "a.png,cat,0.1,0.2,0.5,0.6\n" * 3
    (folder / "t.csv").write_text(f"{HEADER}{rows}a.png,cat,5,2,30,6\n")
    with pytest.raises(DataError, match=r"t\.csv, line 5 .*leaves the image"):
        csv_table.read(folder)
    with pytest.warns(SkippedData, match="line 5"):
        boxes = csv_table.read(folder, on_error="skip").load_boxes(0)[0]
    np.testing.assert_allclose(boxes, [[8, 6, 24, 30]] * 3, atol=1e-4)


def test_a_small_box_among_boxes_in_pixels(folder):
    (folder / "t.csv").write_text(f"{HEADER}a.png,cat,0,0,1,1\na.png,cat,5,2,30,6\n")
    assert csv_table.read(folder).load_boxes(0)[0].tolist() == [[0, 0, 1, 1], [2, 5, 6, 30]]


# ---- class numbers -----------------------------------------------------------------------------
def coco_categories(folder, categories, used):
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": categories,
        "annotations": [
            {"image_id": 1, "category_id": key, "bbox": [1, 1, 9, 9 + key]} for key in used
        ],
    }
    (folder / "c.json").write_text(json.dumps(content))
    return Dataset.load(folder).class_names[1:]


@pytest.mark.parametrize("used", [[0, 1], [1], [0], []], ids=str)
def test_classes_do_not_depend_on_what_a_part_uses(used, folder):
    categories = [{"id": 0, "name": "bolt"}, {"id": 1, "name": "nut"}]
    assert coco_categories(folder, categories, used) == ["bolt", "nut"]


@pytest.mark.parametrize("used", [[1, 2], [2], []], ids=str)
def test_the_name_of_a_roboflow_set_is_no_class(used, folder):
    categories = [{"id": 0, "name": "parts", "supercategory": "none"}]
    categories += [
        {"id": key, "name": name, "supercategory": "parts"}
        for key, name in ((1, "bolt"), (2, "nut"))
    ]
    assert coco_categories(folder, categories, used) == ["bolt", "nut"]
    # Somebody annotated with it all the same: no object is lost.
    assert coco_categories(folder, categories, [0, 1]) == ["parts", "bolt", "nut"]
