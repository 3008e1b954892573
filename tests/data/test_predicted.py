"""Promise: what a detector found comes back from each format's files as it was found: boxes to the
pixel rule, names, and outlines that a hand can drag."""

import os

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.data.formats import coco, labelme
from maskdet.data.predicted import PredictedDataset, outline_of
from maskdet.detections import Detections
from maskdet.files import write_whole
from maskdet.images import write_image

NAMES = ("BG", "zebra", "ant")
SHAPE = (90, 120)
BOXES = np.array([[10.4, 20.6, 50.2, 80.5], [60, 5, 88, 33], [-3, 100, 20, 125.0]], np.float32)


def found(masks=False, size=28):
    y, x = np.mgrid[:size, :size] + 0.5
    round_thing = (np.hypot(y - size / 2, x - size / 2) < size / 2).astype(np.float32)
    return Detections(
        boxes=BOXES,
        class_ids=np.array([1, 2, 1]),
        scores=np.array([0.9, 0.8, 0.7]),
        class_names=NAMES,
        image_shape=SHAPE,
        small_masks=np.stack([round_thing] * 3) if masks else None,
    )


@pytest.fixture
def photo(tmp_path):
    write_image(tmp_path / "set" / "a b.png", np.zeros((*SHAPE, 3), np.uint8))
    return tmp_path / "set" / "a b.png"


def written(form, photo, detections):
    """The data set that is read back after ``detections`` were written beside their photo."""
    if form == "voc":
        write_whole(photo.with_suffix(".xml"), detections.to_voc_xml(filename=os.fspath(photo)))
        return Dataset.load(photo.parent, classes=NAMES[1:])
    dataset = PredictedDataset(NAMES, detections.has_masks)
    dataset.add(photo, detections)
    dataset.prepare()
    if form == "labelme":
        write_whole(photo.with_suffix(".json"), labelme.text_of(dataset, 0, photo.name))
        return Dataset.load(photo.parent, classes=NAMES[1:])
    write_whole(photo.parent / coco.FILE_NAME, coco.text_of(dataset, [photo.name]))
    return Dataset.load(photo.parent)


@pytest.mark.parametrize("form", ["voc", "labelme", "coco"])
def test_boxes_and_names_come_back(photo, form):
    dataset = written(form, photo, found())
    assert dataset.class_names == ["BG", "zebra", "ant"]  # the network's order, not the alphabet's
    boxes, class_ids = dataset.load_boxes(0)
    inside = np.clip(BOXES, 0, [90, 120, 90, 120])
    expected = np.around(inside) if form == "voc" else inside
    assert np.abs(boxes - expected).max() < 1e-4
    assert class_ids.tolist() == [1, 2, 1]
    assert dataset.image_info[0]["path"] == str(photo)
    assert not dataset.provides_masks


@pytest.mark.parametrize("form", ["labelme", "coco"])
def test_outlines_come_back(photo, form):
    detections = found(masks=True)
    dataset = written(form, photo, detections)
    assert dataset.provides_masks and dataset.class_names == ["BG", "zebra", "ant"]
    masks, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1, 2, 1]
    for k in range(3):
        truth = detections.mask(k)
        overlap = (masks[..., k] & truth).sum() / (masks[..., k] | truth).sum()
        assert overlap > 0.93
    y, x = np.nonzero(detections.mask(0))
    box = [y.min(), x.min(), y.max() + 1, x.max() + 1]
    assert np.abs(dataset.load_boxes(0)[0][0] - box).max() <= 1.5


@pytest.mark.parametrize("form", ["voc", "labelme", "coco"])
def test_nothing_found_is_a_photo_without_objects(photo, form):
    dataset = written(form, photo, found()[:0])
    assert dataset.num_images == 1
    assert dataset.load_boxes(0)[0].shape == (0, 4)


def test_an_outline_has_few_corners_and_covers_the_mask():
    large = Detections(
        boxes=[[100, 100, 1500, 1900]],
        class_ids=[1],
        scores=[0.9],
        class_names=NAMES,
        image_shape=(2000, 2000),
        small_masks=found(masks=True).small_masks[:1],
    )
    [part] = outline_of(large, 0)
    assert 8 <= len(part) <= 60
    dataset = PredictedDataset(NAMES, True)
    dataset.add("a.jpg", large)
    [shape] = dataset.load_shapes(0)
    mask, truth = shape.mask((2000, 2000)), large.mask(0)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.98


def test_a_box_is_the_one_around_its_outline():
    small_masks = np.zeros((1, 28, 28))
    small_masks[:, 7:21, 14:] = 1  # half of the box's height, its right half
    detections = Detections(
        boxes=[[10, 20, 66, 76]],
        class_ids=[1],
        scores=[0.9],
        class_names=NAMES,
        image_shape=SHAPE,
        small_masks=small_masks,
    )
    dataset = PredictedDataset(NAMES, True)
    dataset.add("a.jpg", detections)
    assert np.abs(dataset.load_boxes(0)[0] - [[24, 48, 52, 76]]).max() <= 1


def test_a_mask_without_pixels_is_a_box_and_a_box_without_area_nothing():
    detections = Detections(
        boxes=[[10, 10, 30, 30], [5, 5, 5, 40]],
        class_ids=[1, 2],
        scores=[0.9, 0.8],
        class_names=NAMES,
        image_shape=SHAPE,
        small_masks=np.zeros((2, 28, 28)),
    )
    dataset = PredictedDataset(NAMES, True)
    dataset.add("a.jpg", detections)
    assert dataset.load_shapes(0) == [None]
    boxes, class_ids = dataset.load_boxes(0)
    assert boxes.tolist() == [[10, 10, 30, 30]] and class_ids.tolist() == [1]
