"""Guards: one seed, one stream of batches; nothing is swallowed, no thread is left behind."""

import threading

import numpy as np
import pytest

from maskdet.data.augment import Augmentation
from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.errors import DataError, MaskdetWarning
from maskdet.geometry.masks import shrink_mask
from maskdet.geometry.placement import place
from maskdet.images import resize_image
from maskdet.tasks.classification.task import CLASSIFICATION

CANVAS = (64, 64)


class Drawn(Dataset):
    """Image n has n % 3 rectangles; image ``broken`` cannot be read."""

    broken = None

    def fill(self, count=7):
        self.add_class("drawn", 1, "thing")
        for number in range(count):
            self.add_image("drawn", number, None)
        self.prepare()
        return self

    def load_image(self, image_id):
        if image_id == self.broken:
            raise OSError("the disk is gone")
        image = np.full((40 + image_id, 80, 3), 10 * image_id, np.uint8)
        return image

    def boxes_of(self, image_id):
        boxes = [[4 + 3 * i, 10 * i + 1, 30 + i, 10 * i + 31] for i in range(image_id % 3)]
        return np.array(boxes, np.float32).reshape(-1, 4)


class Boxed(Drawn):
    def load_boxes(self, image_id):
        boxes = self.boxes_of(image_id)
        return boxes, np.ones(len(boxes), np.int32)


class Masked(Drawn):
    def load_mask(self, image_id):
        boxes = self.boxes_of(image_id).astype(int)
        masks = np.zeros((40 + image_id, 80, len(boxes)), bool)
        for i, (y1, x1, y2, x2) in enumerate(boxes):
            masks[y1:y2, x1:x2, i] = True
        return masks, np.ones(len(boxes), np.int32)


def make_loader(dataset, **arguments):
    settings = {
        "canvas": CANVAS,
        "batch_size": 3,
        "placement_rule": lambda shape: place(shape[:2], 64, 64),
        "max_instances": 4,
        "mini_mask_shape": (14, 14),
    }
    return Loader(dataset, **(settings | arguments))


def take(loader, count, start=0):
    batches = loader.iterate(start)
    taken = [next(batches) for _ in range(count)]
    batches.close()
    return taken


def test_without_augmentation_a_batch_is_exactly_the_placed_images():
    dataset = Masked().fill()
    loader = make_loader(dataset, shuffle=False)
    assert len(loader) == 3
    batch = loader.batch(0)
    for row in range(3):
        image = dataset.load_image(row)
        placement = place(image.shape[:2], 64, 64)
        assert (batch["images"][row] == resize_image(image, placement)).all()
        boxes, class_ids, masks = dataset.load_instances(row)
        assert np.allclose(batch["boxes"][row, : len(boxes)], placement.forward_boxes(boxes))
        assert not batch["boxes"][row, len(boxes) :].any()
        assert batch["class_ids"][row].tolist() == [1] * len(boxes) + [0] * (4 - len(boxes))
        for i, box in enumerate(boxes):
            assert (batch["masks"][row, i] == shrink_mask(masks[..., i], box, (14, 14))).all()
        assert batch["windows"][row].tolist() == list(placement.window)
        assert batch["image_shapes"][row].tolist() == list(image.shape)


@pytest.mark.parametrize("kind", [Boxed, Masked])
@pytest.mark.parametrize("preset", ["none", "strong"])
def test_the_same_seed_gives_the_same_batches_whatever_the_workers(kind, preset):
    streams = [
        take(
            make_loader(
                kind().fill(), augment=Augmentation.preset(preset), seed=3, workers=n, cache=cached
            ),
            6,
        )
        for n, cached in ((1, True), (4, False))
    ]
    for first, second in zip(*streams, strict=True):
        for name in first:
            assert (first[name] == second[name]).all(), name
    other = take(make_loader(kind().fill(), augment=Augmentation.preset(preset), seed=4), 6)
    assert any(
        (a["image_ids"] != b["image_ids"]).any() for a, b in zip(streams[0], other, strict=True)
    )


def test_a_pass_shows_every_image_once_and_each_pass_in_another_order():
    loader = make_loader(Boxed().fill(6))
    ids = [batch["image_ids"].tolist() for batch in take(loader, 4)]
    first, second = ids[0] + ids[1], ids[2] + ids[3]
    assert sorted(first) == sorted(second) == list(range(6))
    assert first != second


def test_training_continues_in_the_middle_of_the_stream():
    loader = make_loader(Boxed().fill(), augment=Augmentation.preset("default"))
    assert (take(loader, 5)[3]["images"] == take(loader, 1, start=3)[0]["images"]).all()


def test_plain_sources_are_not_augmented():
    dataset = Masked().fill()
    pipeline = Augmentation.preset("strong").replace(mosaic=0.0)
    plain = make_loader(dataset, shuffle=False).batch(0)
    spared = make_loader(dataset, shuffle=False, augment=pipeline, plain_sources=["drawn"])
    for name, values in spared.batch(0).items():
        assert (values == plain[name]).all(), name
    changed = make_loader(dataset, shuffle=False, augment=pipeline).batch(0)
    assert (changed["images"] != plain["images"]).any()


def test_a_set_of_boxes_makes_no_masks():
    assert "masks" not in make_loader(Boxed().fill()).batch(0)


def test_of_too_many_objects_a_seeded_choice_is_taken():
    loader = make_loader(Boxed().fill(3), max_instances=1, shuffle=False)
    batch = loader.batch(0)
    assert batch["class_ids"].tolist() == [[0], [1], [1]]
    assert (batch["boxes"] == loader.batch(0)["boxes"]).all()


def test_a_broken_image_stops_and_is_named():
    dataset = Boxed().fill()
    dataset.broken = 4
    with pytest.raises(DataError, match="Image 4 .*the disk is gone"):
        take(make_loader(dataset, shuffle=False), 3)


def test_a_broken_image_can_be_skipped_with_one_warning():
    dataset = Boxed().fill()
    dataset.broken = 4
    loader = make_loader(dataset, shuffle=False, on_error="skip", workers=1)
    with pytest.warns(MaskdetWarning, match="Image 4 .*left out") as caught:
        batches = [loader.batch(i) for i in range(6)]
    assert len(caught) == 1
    assert 4 not in np.concatenate([batch["image_ids"] for batch in batches])


def test_when_no_image_can_be_read_it_says_so():
    class Gone(Boxed):
        def load_image(self, image_id):
            raise OSError("gone")

    loader = make_loader(Gone().fill(2), on_error="skip")
    with pytest.warns(MaskdetWarning), pytest.raises(DataError, match="None of the data set"):
        loader.batch(0)


def test_closing_the_stream_ends_its_threads():
    before = threading.active_count()
    batches = make_loader(Boxed().fill(), workers=3).iterate()
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


class OtherSize(Masked):
    """Photos that load_image shrinks, masks as they were drawn."""

    def load_image(self, image_id):
        return super().load_image(image_id)[::2, ::2]


class OtherIds(Boxed):
    """Class ids of the source, not the data set's."""

    def load_boxes(self, image_id):
        boxes, class_ids = super().load_boxes(image_id)
        return boxes, class_ids + 17


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (OtherSize, r"41 x 80 pixels .* 21 x 40"),
        (OtherIds, r"class id 18, but the class ids are 1 \.\. 1"),
    ],
)
def test_objects_that_cannot_be_of_their_image_are_named_before_a_step(kind, message):
    loader = make_loader(kind().fill(), shuffle=False)
    with pytest.raises(DataError, match=message):
        loader.batch(0)


class Sorted(Drawn):
    """Every image is of one of three classes."""

    def load_label(self, image_id):
        return 1 + image_id % 3


def test_a_batch_says_what_each_image_shows_in_the_images_order():
    dataset = Sorted().fill()
    settings = CLASSIFICATION.loader_options(dataset, None, None)
    loader = make_loader(
        dataset, targets=lambda image_id: CLASSIFICATION.targets(dataset, image_id), **settings
    )
    batch = loader.batch(0)
    assert batch["labels"].tolist() == [1 + image_id % 3 for image_id in batch["image_ids"]]
    assert "labels" not in make_loader(Boxed().fill()).batch(0)
