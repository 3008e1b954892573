"""Promise: sets that others made load as they are, quirks included, with the counts they have."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.errors import DataError, MaskdetWarning

DATA = Path(__file__).resolve().parents[3] / "../shared/data"

# Folder: kind of reader's source, images, objects by class (None where only the sum is known), sum.
SETS = {
    "balloon/train": ("via", 61, {"object": 255}),
    "balloon/val": ("via", 13, {"object": 50}),
    "coco_sample": ("coco", 80, None),
    "formats/createml": ("createml", 35, {"license-plate": 45, "vehicle": 67}),
    "formats/csv/road_signs": ("csv", 14, None),
    "formats/cvat/street": (
        "cvat",
        12,
        {"Building": 4, "Car": 71, "Person": 29, "Road": 14, "Roof": 7},
    ),
    "formats/cvat/street/instances.json": ("coco", 12, {"Car": 71, "Person": 29}),
    "formats/labelme/instance_segmentation/data_annotated": (
        "labelme",
        3,
        {"bottle": 1, "bus": 2, "car": 1, "chair": 1, "person": 6, "sofa": 1},
    ),
    "formats/labelme/bbox_detection/data_annotated": (
        "labelme",
        3,
        {"bus": 2, "car": 1, "person": 6},
    ),
    "formats/labelme/instance_segmentation/data_dataset_coco": ("coco", 3, None),
    "formats/labelme/instance_segmentation/data_dataset_voc": ("masks", 3, {"object": 12}),
    "formats/masks": ("masks", 8, {"object": 326}),
    "formats/penn_fudan": ("masks", 6, {"object": 10}),
    "formats/tfrecord": ("tfrecord", 8, {"pikachu": 8}),
    "formats/via2/dataset": ("via", 11, {"defect": 102}),
    "formats/yolo_boxes": ("yolo", 14, {"LuckPim": 7, "Zenshu": 3, "bongkoch": 2}),
    "formats/yolo_segments": (
        "yolo",
        26,
        {"bus": 0, "car": 77, "crowd": 15, "motorbike-bike": 387, "truck": 35, "van": 0},
    ),
    "nuts_bolts": ("yolo", 457, {"bolt": 1370, "nut": 2200}),
}
SUMS = {
    "coco_sample": 815,
    "formats/csv/road_signs": 20,
    "formats/labelme/instance_segmentation/data_dataset_coco": 12,
}


def need(name):
    if not (DATA / name).exists():
        pytest.skip(f"../shared/data/{name} is not here")
    return DATA / name


def total(dataset):
    return sum(len(dataset.load_boxes(int(i))[1]) for i in dataset.image_ids)


@pytest.mark.parametrize("name", SETS)
def test_counts(name):
    source, images, by_class = SETS[name]
    dataset = Dataset.load(need(name))
    assert dataset.class_info[1]["source"] == source
    assert len(dataset.image_ids) == images
    if by_class is not None:
        assert {k: v for k, v in dataset.class_counts().items() if k in by_class} == by_class
        assert total(dataset) == sum(by_class.values())
    else:
        assert total(dataset) == SUMS[name]
    boxes, _ = dataset.load_boxes(0)
    height, width = dataset.load_image(0).shape[:2]
    assert dataset.image_shape(0) == (height, width)
    assert (boxes >= 0).all() and (boxes <= [height, width, height, width]).all()


@pytest.mark.parametrize("split, count", [("train", 334), ("val", 61), ("test", 62)])
def test_the_splits_of_a_yolo_set(split, count):
    assert len(Dataset.load(need("nuts_bolts"), split=split).image_ids) == count


def test_coco_crowds_and_gaps():
    dataset = Dataset.load(need("coco_sample"))
    ids = np.concatenate([dataset.load_boxes(int(i))[1] for i in dataset.image_ids])
    assert (ids < 0).sum() == 11 and dataset.num_classes == 81
    # The source's own ids have gaps: 80 classes end at 90.
    assert dataset.get_source_class_id(80, "coco") == 90 and dataset.class_names[1] == "person"
    for image_id in dataset.image_ids[:20]:
        masks, class_ids = dataset.load_mask(int(image_id))
        boxes, _ = dataset.load_boxes(int(image_id))
        for i in np.flatnonzero(class_ids > 0):
            rows, columns = np.nonzero(masks[..., i])
            assert len(rows)
            around = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
            assert np.abs(boxes[i] - around).max() < 3


def test_nuclei_by_image():
    dataset = Dataset.load(need("formats/masks"))
    counts = [len(dataset.load_boxes(int(i))[1]) for i in dataset.image_ids]
    assert counts == [27, 36, 70, 86, 7, 16, 62, 22]
    masks, _ = dataset.load_mask(4)
    assert masks.shape[2] == 7 and masks.any(axis=(0, 1)).all()


def test_records_hold_what_their_table_says():
    records = Dataset.load(need("formats/tfrecord"))
    rows = (DATA / "formats/tfrecord/data/test_labels.csv").read_text().split()[1:]
    for row in rows:
        name, width, height, kind, x1, y1, x2, y2 = row.split(",")
        image_id = records.image_from_source_map[f"tfrecord.{name}"]
        boxes, ids = records.load_boxes(image_id)
        assert records.image_shape(image_id) == (int(height), int(width))
        assert records.class_names[ids[0]] == kind
        np.testing.assert_allclose(boxes[0], [int(v) for v in (y1, x1, y2, x2)], atol=1e-3)


def test_every_labelme_shape_is_used_or_named():
    path = need("formats/labelme/primitives")
    with pytest.warns(MaskdetWarning, match="1 line, 1 linestrip, 1 point"):
        dataset = Dataset.load(path)
    assert dataset.class_counts() == {"circle": 1, "octagon": 1, "polygon": 1, "rectangle": 2}
    masks, ids = dataset.load_mask(0)
    circle = masks[..., [dataset.class_names[k] for k in ids].index("circle")]
    radius = np.hypot(225 - 195, 125 - 84)
    assert circle.sum() == pytest.approx(np.pi * radius**2, rel=0.01)


@pytest.mark.parametrize(
    ("name", "missing", "left"),
    [
        ("formats/via2/shorts", "shorts22.png", 4),
        ("formats/cvat/cat_dog", "dog.jpg", 1),
        ("formats/csv/facemask_headerless", "is missing", 10),
    ],
)
def test_missing_photos_are_named_or_skipped(name, missing, left):
    path = need(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        with pytest.raises(DataError, match=missing):
            Dataset.load(path)
        dataset = Dataset.load(path, on_error="skip")
    assert len(dataset.image_ids) == left


@pytest.mark.parametrize("name", ["formats/cvat/forklift", "formats/cvat/urban"])
def test_a_set_without_any_photo_says_so(name):
    path = need(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MaskdetWarning)
        with pytest.raises(DataError, match="No image of this cvat data set.*is missing"):
            Dataset.load(path, on_error="skip")


def test_photos_of_classes():
    dataset = Dataset.load(need("hymenoptera"), split="train")
    assert dataset.class_names == ["BG", "ants", "bees"]
    assert np.bincount(dataset.labels).tolist() == [0, 124, 121]
    whole = Dataset.load(need("hymenoptera"))
    assert np.bincount(whole.labels).tolist() == [0, 194, 204]
