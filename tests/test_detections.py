"""Promise: a result's fields stay aligned, masks keep to the image, and every form is exact."""

import json
import pickle
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from maskdet.detections import Detections
from maskdet.errors import DataError, UsageError
from maskdet.geometry import decode_rle, mask_from_polygons
from maskdet.geometry.runs import MaskRuns
from maskdet.runtime.scenes import drawn as scene_drawn
from maskdet.runtime.tracker import Tracker

NAMES = ("BG", "kangaroo", "emu")


def make(count: int = 3, has_masks: bool = True, seed: int = 0) -> Detections:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 20, (count, 2))
    return Detections(
        boxes=np.concatenate([starts, starts + rng.uniform(2, 15, (count, 2))], axis=1),
        class_ids=1 + np.arange(count) % 2,
        scores=np.linspace(0.9, 0.5, count),
        class_names=NAMES,
        image_shape=(40, 50),
        small_masks=rng.random((count, 28, 28)) if has_masks else None,
    )


def test_fields_have_their_types_and_cannot_be_written() -> None:
    found = make()
    assert (found.boxes.dtype, found.class_ids.dtype) == (np.float32, np.int32)
    assert (found.scores.dtype, found.image_shape, len(found)) == (np.float32, (40, 50), 3)
    with pytest.raises(ValueError, match="read-only"):
        found.boxes[0, 0] = 1


def test_fields_are_copies() -> None:
    boxes = np.array([[0, 0, 4, 4]], dtype=np.float32)
    found = Detections(boxes, [1], [0.5], NAMES, (9, 9, 3))
    boxes[:] = 7
    assert found.boxes.tolist() == [[0, 0, 4, 4]]
    assert found.image_shape == (9, 9)


@pytest.mark.parametrize("has_masks", [True, False])
def test_nothing_found_has_shapes(has_masks: bool) -> None:
    none = Detections.empty(NAMES, (40, 50, 3), has_masks)
    assert len(none) == 0 and none.has_masks is has_masks
    assert none.boxes.shape == (0, 4) and none.masks.shape == (40, 50, 0)
    assert none.masks.dtype == bool
    assert none.to_coco(1) == [] and none.rle() == [] and none.polygons() == []
    old = none.to_matterport()
    assert old["rois"].shape == (0, 4) and old["rois"].dtype == np.int32
    assert old["masks"].shape == (40, 50, 0) and old["class_ids"].shape == (0,)
    assert none.filter(min_score=0.5, classes="emu") == none
    assert list(none) == [] and none == none[[]]


def test_masks_are_pasted_at_one_half_and_cut_at_the_image() -> None:
    found = Detections(
        boxes=[[-5, -5, 5, 5], [35, 45, 60, 70], [90, 90, 99, 99]],
        class_ids=[1, 1, 2],
        scores=[0.9, 0.8, 0.7],
        class_names=NAMES,
        image_shape=(40, 50),
        small_masks=np.stack([np.ones((4, 4)), np.full((4, 4), 0.5), np.ones((4, 4))]),
    )
    masks = found.masks
    assert masks.shape == (40, 50, 3)
    assert masks.sum(axis=(0, 1)).tolist() == [25, 25, 0]
    assert masks[:5, :5, 0].all() and masks[35:, 45:, 1].all()
    np.testing.assert_array_equal(found.mask(1), masks[:, :, 1])


def test_without_masks_boxes_are_filled() -> None:
    found = Detections([[2, 3, 5, 9]], [1], [1.0], NAMES, (10, 10))
    assert not found.has_masks
    assert found.masks[2:5, 3:9, 0].all() and found.masks.sum() == 18


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [2]),
        (np.int64(0), [0]),
        (slice(1, None), [1, 2]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
    ],
)
def test_selection_moves_all_fields(index: object, rows: list[int]) -> None:
    found = make()
    chosen = found[index]
    for field in ("boxes", "class_ids", "scores", "small_masks"):
        np.testing.assert_array_equal(getattr(chosen, field), getattr(found, field)[rows])


def test_wrong_selection_is_refused() -> None:
    found = make()
    with pytest.raises(IndexError):
        found[3]
    with pytest.raises(UsageError, match="3 detections, but got 2"):
        found[[True, False]]
    with pytest.raises(UsageError, match="rows only"):
        found[0, 1]  # not a row
    assert [len(one) for one in found] == [1, 1, 1]


def test_filter_by_score_and_class() -> None:
    found = make(5)
    assert found.filter(min_score=0.7) == found[:3]
    assert found.filter(classes=["emu"]) == found[[1, 3]]
    assert found.filter(classes=1, min_score=0.6) == found[[0, 2]]
    with pytest.raises(UsageError, match="'kangeroo'.*'kangaroo'"):
        found.filter(classes="kangeroo")
    with pytest.raises(UsageError, match="class id 3"):
        found.filter(classes=[3])


def test_equality_is_by_content() -> None:
    assert make() == make() and make() != make(seed=1)
    assert make() != make(has_masks=False) and make() != "detections"
    assert pickle.loads(pickle.dumps(make())) == make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.zeros((3, 5))}, r"\(3, 5\)"),
        ({"scores": [0.1, 0.2]}, r"scores \(2,\)"),
        ({"small_masks": np.zeros((2, 4, 4))}, r"small_masks \(2, 4, 4\)"),
        ({"small_masks": np.zeros((4, 4))}, "stack"),
        ({"class_ids": [1, 2, 3]}, "0 .. 2.*1 to 3"),
        ({"class_ids": [1, 2, 0.5]}, "not whole"),
        ({"boxes": np.full((3, 4), np.nan)}, "boxes.*finite"),
        ({"scores": ["a", "b", "c"]}, "scores.*numbers"),
        ({"image_shape": (40,)}, r"\(40,\)"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    found = make()
    names = ("boxes", "class_ids", "scores", "class_names", "image_shape", "small_masks")
    fields = {name: getattr(found, name) for name in names}
    with pytest.raises(UsageError, match=message):
        Detections(**{**fields, **change})


def test_rle_and_polygons_hold_the_masks() -> None:
    found = make()
    for index, (run, outlines) in enumerate(zip(found.rle(), found.polygons(), strict=True)):
        np.testing.assert_array_equal(decode_rle(run), found.masks[:, :, index])
        np.testing.assert_array_equal(
            mask_from_polygons(outlines, found.image_shape), found.masks[:, :, index]
        )


@pytest.mark.parametrize("has_masks", [True, False])
def test_cut_out_masks_and_areas_are_those_of_the_masks(has_masks: bool) -> None:
    found = make(has_masks=has_masks)
    back = np.zeros_like(found.masks)
    for index, (y, x, mask) in enumerate(found.crops()):
        assert mask.shape[0] <= 16 and mask.shape[1] <= 16  # boxes are 15 pixels at most
        back[y : y + mask.shape[0], x : x + mask.shape[1], index] = mask
    np.testing.assert_array_equal(back, found.masks)
    assert found.areas.tolist() == found.masks.sum(axis=(0, 1)).tolist()


def test_drawing_files_and_tracking_make_no_full_size_masks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a camera's frames go through, one after another."""
    found, image = make(), np.zeros((40, 50, 3), dtype=np.uint8)
    drawn = found.draw(image)
    monkeypatch.setattr(MaskRuns, "planes", None)
    steadied, numbers = Tracker().update(found)
    np.testing.assert_array_equal(found.draw(image), drawn)
    assert scene_drawn(image, steadied, numbers).any()
    assert len(found.to_coco(1)) == len(found.polygons()) == len(found.areas) == 3


def test_coco_entries() -> None:
    found = Detections([[2, 3, 5, 9]], [2], [0.5], NAMES, (10, 10))
    assert found.to_coco(7) == [
        {"image_id": 7, "category_id": 2, "bbox": [3, 2, 6, 3], "score": 0.5}
    ]
    assert found.to_coco(7, category_ids={2: 91})[0]["category_id"] == 91
    entry = make().to_coco(1)[0]
    assert entry["segmentation"] == make().rle()[0]
    json.dumps(entry)


def test_voc_corners_are_those_that_labelimg_would_write(tmp_path: Path) -> None:
    found = Detections(
        [[0, 0, 10, 20], [2, 3, 5, 9], [50, 50, 60, 60]],
        [1, 2, 2],
        [0.9, 0.8, 0.7],
        NAMES,
        (30, 40),
    )
    text = found.to_voc_xml(tmp_path / "new" / "a.xml", filename="images/a.jpg")
    assert (tmp_path / "new" / "a.xml").read_text(encoding="utf-8") == text
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.xml"]
    root = ElementTree.fromstring(text)
    assert (root.findtext("filename"), root.findtext("size/width")) == ("a.jpg", "40")
    assert [item.findtext("name") for item in root.iter("object")] == ["kangaroo", "emu"]
    corners = [[int(c.text or "") for c in item] for item in root.iter("bndbox")]
    assert corners == [[0, 0, 20, 10], [3, 2, 9, 5]]


def test_matterport_form() -> None:
    old = make().to_matterport()
    assert {name: value.dtype for name, value in old.items()} == {
        "rois": np.dtype("int32"),
        "class_ids": np.dtype("int32"),
        "scores": np.dtype("float32"),
        "masks": np.dtype("bool"),
    }
    np.testing.assert_array_equal(old["rois"], np.around(make().boxes))
    old["rois"][0] = 0  # scripts may write into it


@pytest.mark.parametrize("has_masks", [True, False])
@pytest.mark.parametrize("count", [0, 4])
def test_a_saved_file_gives_the_same_back(tmp_path: Path, count: int, has_masks: bool) -> None:
    found = make(count, has_masks)
    found.save(tmp_path / "found.json")
    assert Detections.load(tmp_path / "found.json") == found
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "does not hold detections"),
        ('{"format": "maskdet.detections"}', "damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "found.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        Detections.load(path)
    assert "found.json" in str(caught.value)


@pytest.mark.parametrize(
    "packed",
    [
        {"shape": [3, 28, 28], "float32_zlib_base64": "AAAA"},
        {"shape": [3, 28], "float32_zlib_base64": ""},
        {"shape": [3, 28, 28], "float32_zlib_base64": "no base64!"},
        {"shape": [3, 2, 2], "float32_zlib_base64": None},
        {"shape": [3, -2, 2], "float32_zlib_base64": ""},
    ],
)
def test_damaged_masks_are_noticed(tmp_path: Path, packed: dict) -> None:
    path = tmp_path / "found.json"
    make().save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "small_masks": packed}))
    with pytest.raises(DataError, match="damaged"):
        Detections.load(path)


def test_drawing_needs_the_image_that_was_searched() -> None:
    with pytest.raises(UsageError, match=r"\(40, 50\).*\(50, 40\)"):
        make().draw(np.zeros((50, 40, 3), dtype=np.uint8))


def test_drawing_paints_a_copy() -> None:
    image = np.zeros((40, 50, 3), dtype=np.uint8)
    drawn = make().draw(image)
    assert (drawn.shape, drawn.dtype) == (image.shape, image.dtype)
    assert not image.any() and drawn[make().masks.any(axis=-1)].any()
    np.testing.assert_array_equal(Detections.empty(NAMES, (40, 50)).draw(image), image)


def test_it_says_what_it_holds() -> None:
    assert repr(make(1)) == "Detections(1 boxes and masks in 40 x 50 pixels: kangaroo 0.90)"
