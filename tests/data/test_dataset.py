"""Promise: data sets written for matterport's Dataset work, and boxes alone are enough."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskdet.data import Dataset, write_image
from maskdet.errors import DataError, UsageError


def filled(dataset: Dataset, count: int = 3) -> Any:
    """Three made images, 10 x 12, without files; class ids 1 and 2."""
    dataset.add_class("toys", 1, "ball, sphere")
    dataset.add_class("toys", 2, "cube")
    for i in range(count):
        dataset.add_image("toys", f"img{i}", path=None, number=i)
    dataset.prepare()
    return dataset


class Made(Dataset):
    decoded = 0

    def load_image(self, image_id: int) -> Any:
        self.decoded += 1
        return np.full((10, 12, 3), self.image_info[image_id]["number"], dtype=np.uint8)


class MaskOnly(Made):
    """Image k holds k objects; masks as the tutorials make them: float 0 / 1."""

    def load_mask(self, image_id: int) -> Any:
        number = self.image_info[image_id]["number"]
        if number == 0:
            # the very call of old scripts
            return super(self.__class__, self).load_mask(image_id)
        masks = np.zeros([10, 12, number])
        for k in range(number):
            masks[k : k + 4, 2 : 5 + k, k] = 1
        return masks, np.asarray([1 + k for k in range(number)], dtype="int32")


class BoxOnly(Made):
    def load_boxes(self, image_id: int) -> Any:
        number = self.image_info[image_id]["number"]
        return [[k, 2, k + 4, 5 + k] for k in range(number)], [1 + k for k in range(number)]


def test_maps_after_prepare() -> None:
    dataset = filled(Dataset())
    dataset.add_class("toys", 2, "again, ignored")
    dataset.add_class("other", 2, "cat")
    dataset.add_image("other", 7, "x.jpg", width=5)
    dataset.prepare()
    assert dataset.class_info[0] == {"source": "", "id": 0, "name": "BG"}
    assert dataset.class_names == ["BG", "ball", "cube", "cat"]
    assert (dataset.num_classes, dataset.num_images) == (4, 4)
    assert dataset.image_ids.tolist() == [0, 1, 2, 3]
    assert dataset.class_ids.tolist() == [0, 1, 2, 3]
    assert dataset.class_from_source_map == {".0": 0, "toys.1": 1, "toys.2": 2, "other.2": 3}
    assert dataset.image_from_source_map["other.7"] == 3
    assert dataset.source_class_ids == {"": [0], "toys": [0, 1, 2], "other": [0, 3]}
    assert dataset.sources == ["", "toys", "other"]
    assert dataset.map_source_class_id("other.2") == 3
    assert dataset.get_source_class_id(3, "other") == 2
    assert dataset.source_image_link(3) == "x.jpg" and dataset.image_reference(3) == ""
    assert dataset.image_info[3] == {"id": 7, "source": "other", "path": "x.jpg", "width": 5}
    with pytest.raises(UsageError, match="comes from source 'other'"):
        dataset.get_source_class_id(3, "toys")
    with pytest.raises(UsageError, match="dot"):
        dataset.add_class("a.b", 1, "x")


def test_boxes_come_from_masks() -> None:
    dataset = filled(MaskOnly())
    boxes, class_ids = dataset.load_boxes(2)
    assert boxes.dtype == np.float32 and class_ids.dtype == np.int32
    assert boxes.tolist() == [[0, 2, 4, 5], [1, 2, 5, 6]] and class_ids.tolist() == [1, 2]
    assert dataset.provides_masks
    boxes2, class_ids2, masks = dataset.load_instances(2)
    assert masks is not None and masks.dtype == bool and masks.shape == (10, 12, 2)
    assert masks.sum(axis=(0, 1)).tolist() == [12, 16]
    np.testing.assert_array_equal(boxes2, boxes)
    np.testing.assert_array_equal(class_ids2, class_ids)


def test_masks_are_filled_boxes_when_there_are_only_boxes() -> None:
    dataset = filled(BoxOnly())
    masks, class_ids = dataset.load_mask(2)
    assert masks.dtype == bool and masks.shape == (10, 12, 2)
    expected = filled(MaskOnly()).load_instances(2)[2]
    np.testing.assert_array_equal(masks, expected)
    assert class_ids.tolist() == [1, 2]
    assert not dataset.provides_masks


def test_boxes_alone_never_build_a_bitmap_nor_read_a_photo() -> None:
    dataset = filled(BoxOnly())
    boxes, class_ids, masks = dataset.load_instances(2)
    assert masks is None and dataset.decoded == 0
    assert boxes.dtype == np.float32 and class_ids.dtype == np.int32 and boxes.shape == (2, 4)
    assert dataset.load_difficult(2).tolist() == [False, False] and dataset.decoded == 0


@pytest.mark.parametrize("kind", [MaskOnly, BoxOnly])
def test_an_image_without_objects(kind: type[Dataset]) -> None:
    dataset = filled(kind())
    boxes, class_ids, masks = dataset.load_instances(0)
    assert boxes.shape == (0, 4) and boxes.dtype == np.float32
    assert class_ids.shape == (0,) and class_ids.dtype == np.int32
    assert masks is None or (masks.shape == (10, 12, 0) and masks.dtype == bool)
    assert dataset.load_difficult(0).shape == (0,)


def test_nothing_overridden_warns_and_gives_nothing(caplog: pytest.LogCaptureFixture) -> None:
    dataset = filled(Dataset())
    with caplog.at_level(logging.WARNING, "maskdet"):
        masks, class_ids = dataset.load_mask(0)
        boxes, _ = dataset.load_boxes(0)
    assert masks.shape == (0, 0, 0) and class_ids.shape == (0,) and boxes.shape == (0, 4)
    assert [r.getMessage().split(" of ")[0] for r in caplog.records] == [
        "The default load_mask()",
        "The default load_boxes()",
    ]


def test_overrides_that_both_call_super_do_not_go_in_circles() -> None:
    class Both(MaskOnly):
        def load_mask(self, image_id: int) -> Any:
            return Dataset.load_mask(self, image_id)

        def load_boxes(self, image_id: int) -> Any:
            return Dataset.load_boxes(self, image_id)

    boxes, class_ids, masks = filled(Both()).load_instances(1)
    assert boxes.shape == (0, 4) and masks is not None and masks.shape == (10, 12, 0)


@pytest.mark.parametrize(
    "form",
    [
        lambda m: m,
        lambda m: m.astype(np.uint8) * 255,
        lambda m: m.astype(np.float32),
        lambda m: [m[:, :, k] for k in range(m.shape[2])],
        lambda m: tuple(m[:, :, k].astype(float) for k in range(m.shape[2])),
    ],
    ids=["bool", "uint8", "float", "list", "tuple"],
)
def test_any_form_of_masks_is_taken(form: Any) -> None:
    masks = np.zeros((10, 12, 2), dtype=bool)
    masks[1:3, 4:9, 0] = True
    masks[5:9, 0:2, 1] = True

    class Odd(Made):
        def load_mask(self, image_id: int) -> Any:
            return form(masks), [1.0, 2.0]

    boxes, class_ids, seen = filled(Odd()).load_instances(0)
    np.testing.assert_array_equal(seen, masks)
    assert boxes.tolist() == [[1, 4, 3, 9], [5, 0, 9, 2]] and class_ids.tolist() == [1, 2]


def test_masks_and_ids_that_drift_apart_are_named() -> None:
    class Drifted(MaskOnly):
        def load_mask(self, image_id: int) -> Any:
            return np.ones((10, 12, 2)), [1, 2, 1]

    class Swapped(MaskOnly):
        def load_boxes(self, image_id: int) -> Any:
            return [[0, 2, 4, 5], [1, 2, 5, 6]], [2, 1]

    class Ragged(Made):
        def load_boxes(self, image_id: int) -> Any:
            return [[0, 2, 4, 5], [1, 2, 5, 6]], [1]

    with pytest.raises(DataError, match=r"\(10, 12, 2\) and 3 ids for toys image img2"):
        filled(Drifted()).load_boxes(2)
    with pytest.raises(DataError, match=r"img2 load_boxes gives .*\[2, 1\].*\[1, 2\]"):
        filled(Swapped()).load_instances(2)
    with pytest.raises(DataError, match=r"\(2, 4\) and 1 ids"):
        filled(Ragged()).load_instances(2)


def test_image_shape_reads_headers_only_and_once(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((7, 5, 3), np.uint8))
    dataset = Dataset()
    dataset.add_image("x", 0, tmp_path / "a.png", height=1, width=1)
    dataset.prepare()
    assert dataset.image_shape(0) == (7, 5) and dataset.load_image(0).shape == (7, 5, 3)
    (tmp_path / "a.png").unlink()
    assert dataset.image_shape(np.int64(0)) == (7, 5)
    made = filled(BoxOnly())
    assert made.image_shape(1) == made.image_shape(1) == (10, 12) and made.decoded == 1


def test_an_image_without_path_says_so() -> None:
    with pytest.raises(DataError, match=r"toys image img0.*override load_image"):
        filled(Dataset()).load_image(0)


def test_subset_keeps_class_classes_and_whatever_was_added() -> None:
    dataset = filled(MaskOnly(), count=4)
    dataset.extra = "kept"
    dataset.image_info[3]["difficult"] = [True, False, True]
    part = dataset.subset(np.array([3, 1]))
    assert type(part) is MaskOnly and part.extra == "kept"
    assert [info["id"] for info in part.image_info] == ["img3", "img1"]
    assert part.class_names == dataset.class_names and part.image_ids.tolist() == [0, 1]
    assert part.load_boxes(0)[0].shape == (3, 4) and part.image_shape(0) == (10, 12)
    assert part.load_difficult(0).tolist() == [True, False, True]
    part.image_info[0]["number"] = 0
    part.add_class("toys", 3, "new")
    assert dataset.image_info[3]["number"] == 3 and len(dataset.class_info) == 3
    assert dataset.subset([]).image_ids.size == 0
    for bad in (-1, 4):
        with pytest.raises(UsageError, match=f"no image {bad}; the data set has 4"):
            dataset.subset([0, bad])


def test_class_counts() -> None:
    class WithCrowd(BoxOnly):
        def load_boxes(self, image_id: int) -> Any:
            return np.tile([0, 0, 2, 2], (3, 1)), [1, -2, 1]

    assert filled(BoxOnly()).class_counts() == {"ball": 2, "cube": 1}
    assert filled(WithCrowd()).class_counts() == {"ball": 6, "cube": 0}
    with pytest.raises(DataError, match="img3 has class id 3.*end at 2"):
        filled(BoxOnly(), count=4).class_counts()


def test_load_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="check the path"):
        Dataset.load(tmp_path / "no")
    with pytest.raises(DataError, match=r"known format; looked for .*VOC XML \(\*\.xml"):
        Dataset.load(tmp_path)


# ---- what a class gives ------------------------------------------------------------------------
def gives(dataset: Any) -> str:
    names = ("photos", "boxes", "masks", "labels")
    return " ".join(name for name in names if getattr(dataset, f"gives_{name}"))


def test_what_a_class_gives_follows_from_its_methods() -> None:
    class Labelled(Dataset):
        def load_label(self, image_id: int) -> int:
            return 1

    class Deeper(BoxOnly):
        pass

    class Both(Deeper):
        def load_mask(self, image_id: int) -> Any:
            return np.ones((10, 12, 1)), [1]

    assert gives(Dataset) == gives(Dataset()) == "photos"
    assert gives(Labelled) == "photos labels"
    assert gives(MaskOnly) == "masks" and gives(BoxOnly) == gives(Deeper) == "boxes"
    assert gives(Both) == "boxes masks"


def test_a_method_of_another_base_counts() -> None:
    class Mixin:
        def load_mask(self, image_id: int) -> Any:
            return np.ones((10, 12, 1)), [1]

    class Masks(Dataset):
        def load_mask(self, image_id: int) -> Any:
            return np.ones((10, 12, 1)), [1]

    class Plain(Dataset):
        pass

    class Mixed(Mixin, Plain):
        pass

    class Diamond(Plain, Masks):
        pass

    assert gives(Mixed) == gives(Diamond) == "photos masks"
    assert filled(Diamond()).provides_masks


def test_a_class_that_says_it_itself_is_believed(tmp_path: Path) -> None:
    class Untouched(Dataset):
        """Counts what it reads, but gives the file's own picture."""

        gives_photos = True

        def load_image(self, image_id: int) -> Any:
            return super().load_image(image_id)

    class Below(Untouched):
        pass

    class Darker(Untouched):
        def load_image(self, image_id: int) -> Any:
            return super().load_image(image_id) // 2

    path = tmp_path / "a.bmp"
    write_image(path, np.full((4, 6, 3), 200, np.uint8))
    endings = {}
    for kind in (Untouched, Below, Darker):
        dataset = kind()
        dataset.add_image("x", 1, str(path))
        dataset.prepare()
        content, endings[kind.__name__] = dataset.encoded_image(0)
        assert (content == path.read_bytes()) == kind.gives_photos
    assert endings == {"Untouched": ".bmp", "Below": ".bmp", "Darker": ".png"}


def test_a_method_put_into_a_class_later_counts_from_prepare_on() -> None:
    class Late(Made):
        pass

    assert gives(Late) == ""
    Late.load_mask = lambda self, image_id: (np.ones((10, 12, 1)), [1])  # type: ignore
    dataset = filled(Late())
    assert gives(Late) == "masks" and dataset.provides_masks
    assert dataset.load_boxes(0)[0].tolist() == [[0, 0, 10, 12]]


def test_a_set_of_objects_has_no_class_for_an_image() -> None:
    with pytest.raises(UsageError, match=r"^BoxOnly has objects and no class for toys image img0 "):
        filled(BoxOnly()).load_label(0)


def test_a_class_may_take_a_method_of_the_base_back() -> None:
    """A set of masks made one of boxes."""

    class Boxes(MaskOnly):
        load_mask = Dataset.load_mask

        def load_boxes(self, image_id: int) -> Any:
            return np.array([[1, 2, 3, 4]], np.float32), np.array([1], np.int32)

    assert not Boxes.gives_masks and Boxes.gives_boxes
    boxes, class_ids, masks = filled(Boxes()).load_instances(0)
    assert boxes.tolist() == [[1, 2, 3, 4]] and class_ids.tolist() == [1] and masks is None
