"""Promise: from any format to any other, every box and every mask stays what it was."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from maskdet import Dataset
from maskdet.data.annotated import Shape
from maskdet.data.formats import FORMATS, coco, image_folders, mask_folders, tfrecord, voc, yolo

WRITERS = [form for form in FORMATS if form is not image_folders]
# Formats without masks.
BOXES_ONLY = {"CreateML JSON", "CSV"}
WITH_MASKS = [form for form in WRITERS if form.NAME not in BOXES_ONLY]
# In mask pictures a box is that of its pixels.
WITH_FREE_BOXES = [form for form in WRITERS if form is not mask_folders]


class Drawn(Dataset):
    """Pictures made of their number, with the masks (or boxes) that were given."""

    masks: list
    kinds: list

    def load_image(self, image_id):
        height, width = self.masks[image_id].shape[1:]
        return np.full((height, width, 3), 10 * image_id, np.uint8)

    def load_mask(self, image_id):
        return np.moveaxis(self.masks[image_id], 0, -1), np.array(self.kinds[image_id], np.int32)


class DrawnBoxes(Dataset):
    rows: list

    def load_image(self, image_id):
        return np.full((50, 70, 3), 10 * image_id, np.uint8)

    def load_boxes(self, image_id):
        rows = np.array(self.rows[image_id], np.float32).reshape(-1, 5)
        return rows[:, :4], rows[:, 4].astype(np.int32)


def filled(dataset, count, names):
    for number, name in enumerate(names, start=1):
        dataset.add_class("drawn", number, name)
    for number in range(count):
        dataset.add_image("drawn", f"photo {number}", None)
    dataset.prepare()
    return dataset


NAMES = ["cat", "kleiner Hund, braun", "3' bolt"]


def drawn():
    dataset = Drawn()
    masks = np.zeros((3, 40, 56), bool)
    masks[0, 3:20, 5:30] = True
    masks[0, 8:12, 9:15] = False  # a hole
    masks[1, 25:30, 2:50] = True
    masks[1, 33:39, 40:50] = True  # a second part
    masks[2, 21, 53] = True  # one pixel
    dataset.masks = [masks, np.zeros((0, 30, 30), bool), np.ones((1, 24, 24), bool)]
    dataset.kinds = [[1, 2, 3], [], [2]]
    return filled(dataset, 3, NAMES)


def objects(dataset, image_id):
    """(class name, box, mask or None) of each object."""
    boxes, class_ids, masks = dataset.load_instances(image_id)
    return [
        (dataset.class_names[abs(int(k))], boxes[i], None if masks is None else masks[..., i])
        for i, k in enumerate(class_ids)
    ]


def by_name(dataset):
    """Image ids by the number in their name."""
    digits = [("".join(c for c in str(info["path"]).split("/")[-1] if c.isdigit()), i)
              for i, info in enumerate(dataset.image_info)]  # fmt: skip
    return [i for _, i in sorted(digits)]


def in_the_order_of(ours, theirs):
    """Each of ours with the nearest of theirs: files keep no order, and rounding changes any."""
    far = np.array(
        [
            [
                np.abs(box - other).max() + 1e6 * (name != theirs_name)
                for theirs_name, other, _ in theirs
            ]
            for name, box, _ in ours
        ]
    ).reshape(len(ours), len(theirs))
    return [(ours[i], theirs[j]) for i, j in zip(*linear_sum_assignment(far), strict=True)]


def assert_same(before, after, masks, tolerance):
    order = by_name(after)
    assert len(order) == len(before.image_ids)
    for first, second in zip(before.image_ids, order, strict=True):
        ours, theirs = objects(before, int(first)), objects(after, second)
        assert len(ours) == len(theirs)
        for (name, box, mask), (other_name, other, other_mask) in in_the_order_of(ours, theirs):
            assert name == other_name
            np.testing.assert_allclose(other, box, atol=tolerance)
            if masks and mask is not None:
                np.testing.assert_array_equal(other_mask, mask)


@pytest.mark.parametrize("form", WRITERS, ids=lambda form: form.NAME)
def test_masks_and_boxes_survive_each_format(form, tmp_path):
    dataset = drawn()
    form.write(dataset, tmp_path)
    assert_same(dataset, form.read(tmp_path), form.NAME not in BOXES_ONLY, 1e-3)


@pytest.mark.parametrize("form", WRITERS, ids=lambda form: form.NAME)
def test_the_format_is_recognised(form, tmp_path):
    form.write(drawn(), tmp_path)
    assert form.recognise(tmp_path)
    source = Dataset.load(tmp_path).class_info[1]["source"]
    assert source == form.read(tmp_path).class_info[1]["source"]


@pytest.mark.parametrize(
    ("first", "second"),
    list(itertools.permutations(WRITERS, 2)),
    ids=lambda form: form.NAME,
)
def test_from_any_format_to_any_other(first, second, tmp_path):
    dataset = drawn()
    first.write(dataset, tmp_path / "a")
    second.write(first.read(tmp_path / "a"), tmp_path / "b")
    masks = not {first.NAME, second.NAME} & BOXES_ONLY
    # Through a format of boxes alone, mask pictures come out as filled boxes.
    assert_same(dataset, second.read(tmp_path / "b"), masks, 2e-3)


@pytest.mark.parametrize("form", WITH_FREE_BOXES, ids=lambda form: form.NAME)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(0, 40, width=32),
            st.floats(0, 60, width=32),
            st.floats(1.5, 9, width=32),
            st.floats(1.5, 9, width=32),
            st.integers(1, 3),
        ),
        max_size=5,
    )
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_boxes_of_floats_survive(form, rows, tmp_path_factory):
    dataset = DrawnBoxes()
    dataset.rows = [[(y, x, y + h, x + w, k) for y, x, h, w, k in rows], []]
    filled(dataset, 2, NAMES)
    folder = tmp_path_factory.mktemp("boxes")
    form.write(dataset, folder)
    if not rows:
        return  # a set without any object has no classes to compare
    assert_same(dataset, form.read(folder), False, 2e-3)


@pytest.mark.parametrize("form", WITH_MASKS, ids=lambda form: form.NAME)
@given(mask=hnp.arrays(bool, (9, 11)))
@settings(max_examples=15, deadline=None)
def test_any_mask_survives(form, mask, tmp_path_factory):
    if not mask.any():
        return
    dataset = Drawn()
    dataset.masks, dataset.kinds = [mask[None]], [[1]]
    filled(dataset, 1, ["thing"])
    folder = tmp_path_factory.mktemp("mask")
    form.write(dataset, folder)
    assert_same(dataset, form.read(folder), True, 1e-3)


def test_polygons_stay_polygons(tmp_path):
    corners = np.array([[2.25, 3.5], [20.125, 5.75], [18.5, 22.0]])

    class Outlined(DrawnBoxes):
        def load_shapes(self, image_id):
            return [Shape(polygons=(corners,))]

        def load_mask(self, image_id):
            return Shape(polygons=(corners,)).mask((50, 70))[..., None], np.array([1])

    dataset = Outlined()
    dataset.rows = [[(2.25, 3.5, 20.125, 22.0, 1)]]
    filled(dataset, 1, ["thing"])
    for form in (coco, *(f for f in WRITERS if f.NAME in ("VIA JSON", "LabelMe JSON", "CVAT XML"))):
        folder = tmp_path / form.NAME.split()[0]
        form.write(dataset, folder)
        (shape,) = form.read(folder).load_shapes(0)
        np.testing.assert_allclose(shape.polygons[0], corners, atol=1e-6)
    yolo.write(dataset, tmp_path / "yolo")
    (shape,) = yolo.read(tmp_path / "yolo").load_shapes(0)
    np.testing.assert_allclose(shape.polygons[0], corners, atol=1e-6)


def test_crowds_and_difficult_objects(tmp_path):
    dataset = DrawnBoxes()
    dataset.rows = [[(1, 1, 20, 20, 1), (5, 30, 40, 60, -2)]]
    filled(dataset, 1, ["a", "b"])
    dataset.image_info[0]["difficult"] = [True, False]
    for form in (coco, tfrecord):
        form.write(dataset, tmp_path / form.NAME)
        again = form.read(tmp_path / form.NAME)
        assert sorted(again.load_boxes(0)[1].tolist()) == [-2, 1]
    assert tfrecord.read(tmp_path / "TFRecord").load_difficult(0).tolist() == [True, False]
    voc.write(dataset, tmp_path / "voc")
    assert voc.read(tmp_path / "voc").load_difficult(0).tolist() == [True, True]


def test_shards_and_tensorflow_read_our_records(tmp_path):
    dataset = drawn()
    tfrecord.write(dataset, tmp_path, shards=2)
    names = sorted(p.name for p in tmp_path.glob("data.record*"))
    assert names == ["data.record-00000-of-00002", "data.record-00001-of-00002"]
    assert_same(dataset, tfrecord.read(tmp_path), True, 1e-3)
    import tensorflow as tf

    spec = {
        "image/height": tf.io.FixedLenFeature((), tf.int64),
        "image/object/class/text": tf.io.VarLenFeature(tf.string),
        "image/object/bbox/xmax": tf.io.VarLenFeature(tf.float32),
    }
    record = next(iter(tf.data.TFRecordDataset(str(tmp_path / names[0]))))
    example = tf.io.parse_single_example(record, spec)
    assert int(example["image/height"]) == 40
    texts = [t.decode() for t in example["image/object/class/text"].values.numpy()]
    assert texts == NAMES
    np.testing.assert_allclose(example["image/object/bbox/xmax"].values.numpy()[0], 30 / 56)
