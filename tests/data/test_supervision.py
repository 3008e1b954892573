"""Guards: each object teaches by what its files say of it, and boxes that were filled in are
recognised."""

import json
import logging

import numpy as np
import pytest

from maskdet import Dataset
from maskdet.data.augment import Augmentation
from maskdet.data.augment.geometric import Affine, compose
from maskdet.data.augment.mixing import paste_objects
from maskdet.data.augment.sample import Sample, joined
from maskdet.data.loader import Loader
from maskdet.data.selection import select_classes
from maskdet.data.supervision import bare_boxes, masks_are_boxes, provides_outlines
from maskdet.evaluation.report import evaluate_detections
from maskdet.geometry.masks import fill_boxes
from maskdet.geometry.placement import place
from maskdet.images import write_image
from maskdet.models.mask_rcnn.config import Config
from maskdet.tasks.detection.task import BARE_BOXES, DETECTION, OUTLINES

TRIANGLE = [[10, 10], [50, 10], [10, 40]]


def labelme_set(folder, *photos):
    """Photos of 64 x 80 with LabelMe files; each a list of "outline" and "box"."""
    for number, kinds in enumerate(photos):
        write_image(folder / f"{number}.jpg", np.full((64, 80, 3), 20 * number, np.uint8))
        shapes = [
            {
                "label": f"{kind} thing",
                "points": TRIANGLE if kind == "outline" else [[20, 5], [60, 45]],
                "shape_type": "polygon" if kind == "outline" else "rectangle",
            }
            for kind in kinds
        ]
        facts = {"imagePath": f"{number}.jpg", "imageHeight": 64, "imageWidth": 80}
        (folder / f"{number}.json").write_text(json.dumps({**facts, "shapes": shapes}))
    return Dataset.load(folder)


class Drawn(Dataset):
    """Photos with masks that a script makes: rectangles, but for those of ``odd``."""

    def __init__(self, count, odd=(), objects=2):
        super().__init__()
        self.odd, self.objects, self.looks = odd, objects, 0
        self.add_class("drawn", 1, "thing")
        for number in range(count):
            self.add_image("drawn", number, None)
        self.prepare()

    def load_image(self, image_id):
        return np.zeros((40, 50, 3), np.uint8)

    def load_mask(self, image_id):
        self.looks += 1
        boxes = [[5, 5 + 10 * i, 30, 14 + 10 * i] for i in range(self.objects)]
        masks = fill_boxes(np.float32(boxes).reshape(-1, 4), (40, 50))
        if image_id in self.odd:
            masks[5, 5, 0] = False
        return masks, np.ones(self.objects, np.int32)


# ---- what is known of objects ----------------------------------------------------------------
def test_each_object_is_asked_for_itself(tmp_path):
    dataset = labelme_set(tmp_path, ["outline", "box", "outline"], ["box"])
    assert dataset.load_outlined(0).tolist() == [True, False, True]
    assert dataset.load_outlined(1).tolist() == [False]
    assert bare_boxes(dataset) and provides_outlines(dataset)
    outlines = select_classes(dataset, ["outline thing"])
    assert outlines.load_outlined(0).tolist() == [True, True]
    assert not bare_boxes(outlines)
    assert DETECTION.targets(dataset, 0).outlined.tolist() == [True, False, True]


def test_masks_that_a_script_makes_are_all_outlines_and_boxes_none():
    class Boxed(Drawn):
        load_mask = Dataset.load_mask

        def load_boxes(self, image_id):
            return np.float32([[5, 5, 30, 14]]), np.ones(1, np.int32)

    assert Drawn(2).load_outlined(0) is None and provides_outlines(Drawn(2, odd=(0,)))
    assert DETECTION.targets(Drawn(2), 0).outlined is None
    assert not provides_outlines(Boxed(2)) and not masks_are_boxes(Boxed(2))
    assert not bare_boxes(Drawn(2))


def test_boxes_filled_in_are_recognised_and_said_once(caplog):
    dataset = Drawn(100)
    with caplog.at_level(logging.WARNING, "maskdet"):
        assert masks_are_boxes(dataset) and masks_are_boxes(dataset)
        assert not provides_outlines(dataset)
    (record,) = caplog.records
    assert "rectangles" in record.message and 'MASK_SUPERVISION = "masks"' in record.message
    assert dataset.looks <= 24


@pytest.mark.parametrize(
    ("count", "odd", "objects"),
    [(20, (19,), 2), (1, (), 2), (30, (), 0)],
    ids=["one is no rectangle", "too few to tell", "no objects"],
)
def test_what_may_be_outlines_is_taken_for_outlines(count, odd, objects):
    dataset = Drawn(count, odd, objects)
    assert not masks_are_boxes(dataset) and provides_outlines(dataset)


@pytest.mark.parametrize("whole", [Drawn(12), Drawn(12, odd=(11,))], ids=["boxes", "outlines"])
@pytest.mark.parametrize("broken", [0, 5])
def test_a_photo_without_its_mask_is_left_to_the_loader_which_names_it(whole, broken):
    """ON_ERROR = "skip" trains without it: it may not stop what looks at the set beforehand."""

    class Broken(Drawn):
        def load_mask(self, image_id):
            if image_id == broken:
                raise FileNotFoundError("masks/5.png")
            if image_id == broken + 1:
                return [np.ones((40, 50), bool), np.ones((30, 50), bool)], [1, 1]
            return super().load_mask(image_id)

    dataset = Broken(12, whole.odd)
    assert masks_are_boxes(dataset) == masks_are_boxes(whole)
    assert DETECTION.lessons(dataset, Config()) == DETECTION.lessons(whole, Config())


@pytest.mark.parametrize(
    ("rule", "lessons"),
    [
        (
            "auto",
            {
                "outlines": {"masks", OUTLINES},
                "mixed": {"masks", OUTLINES, BARE_BOXES},
                "boxes": {"masks", BARE_BOXES},
                "filled": {"masks", BARE_BOXES},
            },
        ),
        (
            "masks",
            {
                "outlines": {"masks", OUTLINES},
                "mixed": {"masks", OUTLINES},
                "boxes": set(),
                "filled": {"masks", OUTLINES},
            },
        ),
        ("boxes", dict.fromkeys(("outlines", "mixed", "boxes", "filled"), {"masks", BARE_BOXES})),
        ("none", dict.fromkeys(("outlines", "mixed", "boxes", "filled"), set())),
    ],
)
def test_what_a_set_teaches(tmp_path, rule, lessons):
    for name in ("outlines", "mixed", "boxes"):
        (tmp_path / name).mkdir()
    sets = {
        "outlines": labelme_set(tmp_path / "outlines", ["outline"]),
        "mixed": labelme_set(tmp_path / "mixed", ["outline"], ["box"]),
        "boxes": labelme_set(tmp_path / "boxes", ["box"]),
        "filled": Drawn(5),
    }
    config = Config()
    config.MASK_SUPERVISION = rule
    for name, dataset in sets.items():
        assert DETECTION.lessons(dataset, config) == {"boxes"} | lessons[name], name
        with_masks = DETECTION.loader_options(dataset, config, Augmentation())["mini_mask_shape"]
        assert (with_masks is not None) == (OUTLINES in lessons[name]), name


def test_rectangles_are_no_truth_to_score_masks_by():
    from maskdet.detections import Detections

    results = [
        Detections(
            boxes=np.float32([[5, 5, 30, 14]]),
            class_ids=np.int32([1]),
            scores=np.float32([0.9]),
            class_names=("BG", "thing"),
            image_shape=(40, 50),
            small_masks=np.ones((1, 28, 28), np.float32),
        )
        for _ in range(4)
    ]
    assert evaluate_detections(Drawn(4), results).mask is None
    assert evaluate_detections(Drawn(4, odd=(2,)), results).mask is not None


# ---- on the way into a batch -----------------------------------------------------------------
def batches(dataset, augment=None, count=6):
    loader = Loader(
        dataset,
        canvas=(64, 64),
        batch_size=2,
        placement_rule=lambda shape: place(shape[:2], 64, 64),
        max_instances=12,
        mini_mask_shape=(14, 14),
        targets=lambda image_id: DETECTION.targets(dataset, image_id),
        augment=augment,
    )
    return [loader.batch(number) for number in range(count)]


@pytest.mark.parametrize(
    "augment",
    [
        None,
        Augmentation(flip=0.5, zoom=(0.8, 1.2), degrees=20.0),
        Augmentation(mosaic=1.0, mixup=0.5, perspective=0.2),
        Augmentation(copy_paste=1.0),
    ],
    ids=["as it is", "moved", "put together", "pasted"],
)
def test_a_batch_says_which_masks_are_outlines(tmp_path, augment):
    # The classes tell which is which.
    dataset = labelme_set(tmp_path, ["outline", "box"], ["box", "box", "outline"], ["outline"], [])
    outline = list(dataset.class_names).index("outline thing")
    seen = set()
    for batch in batches(dataset, augment):
        objects = batch["class_ids"] != 0
        is_outline = np.abs(batch["class_ids"]) == outline
        np.testing.assert_array_equal(batch["outlined"][objects], is_outline[objects])
        assert not batch["outlined"][~objects].any()
        seen |= set(is_outline[objects].tolist())
    assert seen == {True, False}


def sample_of(box, outlined):
    masks = fill_boxes(np.float32([box]), (60, 60)).transpose(2, 0, 1)
    return Sample(
        np.zeros((60, 60, 3), np.uint8), np.float32([box]), np.int32([1]), masks,
        np.array([outlined]),
    )  # fmt: skip


def test_a_turned_box_without_an_outline_keeps_the_hull_of_what_it_may_hold():
    turn = compose((60, 60), (60, 60), (1.0, 1.0), (30, 30), degrees=45)
    outlined, bare = (turn.sample(sample_of([20, 20, 40, 40], o), (0, 0, 0)) for o in (True, False))
    assert isinstance(turn, Affine)
    # The square itself sticks out by its corners, a disc that fills it does not.
    np.testing.assert_allclose(outlined.boxes[0], [16, 16, 44, 44], atol=1.5)
    np.testing.assert_allclose(bare.boxes[0], [20, 20, 40, 40], atol=0.5)


def test_a_set_with_boxes_alone_is_turned_no_further_than_boxes_are():
    augment = Augmentation(degrees=90.0, degrees_boxes=0.0)
    rng = np.random.default_rng(0)
    angles = []
    for outlined in (True, False):
        sample = sample_of([20, 20, 40, 40], outlined)
        angles.append(
            max(
                abs(augment._affine(sample, (60, 60), (1.0, 1.0), rng).matrix[0, 1])
                for _ in range(9)
            )
        )
    assert angles[0] > 0.3 and angles[1] == 0


def test_what_has_only_a_box_is_not_pasted_with_its_ground():
    base = sample_of([5, 5, 20, 20], True)
    other = joined(base.image + 200, [sample_of([30, 30, 50, 50], False)] * 20)
    rng = np.random.default_rng(0)
    assert paste_objects(base, other, 1.0, rng) is base
    mixed = joined(other.image, [other, sample_of([0, 40, 10, 60], True)])
    pasted = paste_objects(base, mixed, 1.0, rng)
    assert len(pasted.boxes) == 2 and pasted.outlined.tolist() == [True, True]
    assert pasted.image[5, 50, 0] == 200 and pasted.image[40, 40, 0] == 0


def test_samples_join_only_with_masks_where_all_have_them():
    base = sample_of([5, 5, 20, 20], True)
    plain = Sample(base.image, base.boxes, base.class_ids)
    assert joined(base.image, [base, plain]).masks is None
    assert joined(base.image, [base, base]).masks.shape == (2, 60, 60)
    assert plain.has_outlines.tolist() == [False]
    assert base.subset(np.array([False])).outlined.tolist() == []
