"""Promise: a split written as lists is read back as it was, and a wrong line is named."""

import pytest

from maskdet import Dataset
from maskdet.data.image_sets import read_image_sets, write_image_sets
from maskdet.data.split import split
from maskdet.errors import DataError


def ids(part):
    return [info["id"] for info in part.image_info]


@pytest.fixture
def dataset():
    made = Dataset()
    for number in range(20):
        made.add_image("x", f"photo {number}", None)
    made.load_boxes = lambda image_id: ([], [])
    made.prepare()
    return made


def test_a_split_comes_back(dataset, tmp_path):
    parts = split(dataset, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=4)
    write_image_sets(tmp_path, parts)
    again = read_image_sets(dataset, tmp_path)
    assert {name: ids(part) for name, part in again.items()} == {
        name: ids(part) for name, part in parts.items()
    }


def test_lists_of_one_class(dataset, tmp_path):
    (tmp_path / "cat_train.txt").write_text("photo 1  1\nphoto 2 -1\n\nphoto 3  0\n")
    assert ids(read_image_sets(dataset, tmp_path)["cat_train"]) == ["photo 1", "photo 3"]


def test_what_is_wrong_is_named(dataset, tmp_path):
    with pytest.raises(DataError, match="no lists"):
        read_image_sets(dataset, tmp_path)
    (tmp_path / "val.txt").write_text("photo 1\nphoto 99\n")
    with pytest.raises(DataError, match="val.txt, line 2 lists 'photo 99'"):
        read_image_sets(dataset, tmp_path)
    dataset.add_image("x", "two\nlines", None)
    dataset.prepare()
    with pytest.raises(DataError, match="does not fit a line"):
        write_image_sets(tmp_path, {"all": dataset})
