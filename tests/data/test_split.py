"""Promise: a split shares out every class, the same way for the same seed, no image twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.data import Dataset
from maskdet.data.groups import name_prefix
from maskdet.data.split import split
from maskdet.errors import MaskdetWarning, UsageError

BCCD = Path(__file__).resolve().parents[2] / "../shared/data/bccd"


class Listed(Dataset):
    def load_boxes(self, image_id: int) -> Any:
        ids = self.image_info[image_id]["ids"]
        return np.tile([0, 0, 2, 2], (len(ids), 1)), ids


def make(rows: list[list[int]]) -> Listed:
    dataset = Listed()
    for k in (1, 2, 3):
        dataset.add_class("x", k, f"c{k}")
    for number, ids in enumerate(rows):
        dataset.add_image("x", number, None, ids=ids)
    dataset.prepare()
    return dataset


def owners(parts: dict[str, Listed]) -> dict[str, list[int]]:
    return {name: [info["id"] for info in part.image_info] for name, part in parts.items()}


def test_the_rare_class_is_in_every_part() -> None:
    rows = [[1] * 5 for _ in range(90)] + [[1, 2] for _ in range(10)]
    parts = split(make(rows), {"train": 0.8, "val": 0.1, "test": 0.1}, seed=3)
    assert [len(part.image_ids) for part in parts.values()] == [80, 10, 10]
    assert [part.class_counts()["c2"] for part in parts.values()] == [8, 1, 1]


def test_images_without_objects_are_shared_out_too() -> None:
    parts = split(make([[1]] * 30 + [[]] * 10), {"a": 0.5, "b": 0.5})
    empty = [sum(not i["ids"] for i in p.image_info) for p in parts.values()]
    assert empty == [5, 5]


def test_what_is_left_over_is_in_no_part() -> None:
    parts = split(make([[1], [2]] * 10), {"a": 0.25, "b": 0.25})
    assert [len(p.image_ids) for p in parts.values()] == [5, 5]
    assert sorted(parts["a"].class_counts().values()) == [0, 2, 3]


def test_thirds_and_sixths_add_up() -> None:
    parts = split(make([[1]] * 300), {"train": 5 / 6, "test": 1 / 6})
    assert [len(p.image_ids) for p in parts.values()] == [250, 50]


@given(
    st.lists(st.lists(st.sampled_from([1, 2, 3, -1]), max_size=4), min_size=10, max_size=40),
    st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_no_image_twice_and_the_seed_decides(rows: list[list[int]], seed: int) -> None:
    dataset = make(rows)
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    first, second = owners(split(dataset, shares, seed)), owners(split(dataset, shares, seed))
    assert first == second
    assert sorted(sum(first.values(), [])) == list(range(len(rows)))
    for name, share in shares.items():
        assert abs(len(first[name]) - share * len(rows)) < 1
        assert first[name] == sorted(first[name])


def test_another_seed_gives_another_split() -> None:
    dataset = make([[1 + k % 3] for k in range(60)])
    assert owners(split(dataset, {"a": 0.5}, 0)) != owners(split(dataset, {"a": 0.5}, 1))


@pytest.mark.parametrize(
    ("fractions", "words"),
    [
        ({"a": 0.8, "b": 0.3}, "together at most 1.*sum 1.1"),
        ({"a": -0.1}, "above 0"),
        ({"a": 0.5, "b": 0.0}, "above 0"),
        ({"a": float("nan")}, "above 0"),
        ({}, "above 0"),
        ({"a": 0.9, "b": 0.01}, "'b' would get none of the 10 images"),
    ],
)
def test_bad_fractions(fractions: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        split(make([[1]] * 10), fractions)


@pytest.mark.skipif(not BCCD.is_dir(), reason="no ../shared/data/bccd")
def test_blood_cells_within_two_percent() -> None:
    with pytest.warns(MaskdetWarning):
        dataset = Dataset.load(BCCD, on_error="skip")
    whole = dataset.class_counts()
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    for name, part in split(dataset, shares, seed=0).items():
        for label, count in part.class_counts().items():
            assert abs(count / whole[label] - shares[name]) < 0.02, (name, label)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=4, max_size=30),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_a_group_is_never_torn_apart(sizes: list[int], seed: int) -> None:
    dataset = make([[1 + group % 3] for group, size in enumerate(sizes) for _ in range(size)])
    owner = [group for group, size in enumerate(sizes) for _ in range(size)]
    parts = split(dataset, {"a": 0.5, "b": 0.5}, seed, group=lambda info: owner[info["id"]])
    seen = {name: {owner[i] for i in ids} for name, ids in owners(parts).items()}
    assert not seen["a"] & seen["b"]
    assert sum(len(part.image_ids) for part in parts.values()) == sum(sizes)
    # The parts' sizes miss half by no more than the largest group.
    assert abs(len(parts["a"].image_ids) - sum(sizes) / 2) <= max(sizes)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("image112_39_png.rf.5b029c1dfdab39352b2262b9be6ac80b.jpg", "image112"),
        ("hall-13.jpg", "hall"),
        ("C:\\photos\\garden 007.JPG", "garden"),
        ("00033.jpg", ""),
        ("frame12b.png", "frame"),
        ("sunset.jpg", "sunset"),
    ],
)
def test_series_are_told_by_their_names(name: str, prefix: str) -> None:
    assert name_prefix(name) == prefix


def test_photos_of_one_series_stay_together() -> None:
    dataset = Listed()
    dataset.add_class("x", 1, "c1")
    for series in range(6):
        for number in range(5):
            path = f"series{chr(97 + series)}_{number}.jpg"
            dataset.add_image("x", f"{series}-{number}", path, ids=[1])
    dataset.prepare()
    parts = split(dataset, {"train": 2 / 3, "test": 1 / 3}, group="prefix")
    train, test = ({info["path"][6] for info in part.image_info} for part in parts.values())
    assert not train & test and (len(train), len(test)) == (4, 2)


def test_one_group_of_all_is_refused() -> None:
    with pytest.raises(UsageError, match="one group"):
        split(make([[1]] * 4), {"a": 0.5, "b": 0.5}, group=lambda info: "same")
    with pytest.raises(UsageError, match="'prefix', 'similar' or a function"):
        split(make([[1]] * 4), {"a": 0.5, "b": 0.5}, group="scene")
