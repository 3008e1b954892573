"""Promise: the parts that a data set comes with are found, whatever its format calls them, and all
have the classes of the part to train on."""

import shutil

import pytest

from maskdet import Dataset
from maskdet.data.formats import coco, voc, yolo
from maskdet.data.own_parts import load_parts
from maskdet.data.scenes import write_scenes
from maskdet.errors import DataError
from tests.models.classifier.conftest import write_folders


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 6, size=(64, 64), progress=False)
    return folder


@pytest.fixture
def root(scenes, tmp_path):
    """A VOC set without lists."""
    folder = tmp_path / "set"
    shutil.copytree(scenes, folder)
    shutil.rmtree(folder / "ImageSets", ignore_errors=True)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    return folder


def ids(dataset):
    return [str(info["id"]) for info in dataset.image_info]


def counts(parts):
    return {name: len(part.image_ids) for name, part in parts.items()}


def write_list(root, name, names):
    (root / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(names))


# ---- VOC ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("Training", "valid", "eval"), ("train", "val", "test")),
        (("trainval", "test"), ("train", "test")),
    ],
)
def test_vocs_lists(root, words, parts):
    names = ids(Dataset.load(root))
    for number, word in enumerate(words):
        write_list(root, word, names[number :: len(words)])
    loaded = load_parts(root)
    assert tuple(loaded) == parts
    assert [ids(part) for part in loaded.values()] == [
        names[number :: len(words)] for number in range(len(words))
    ]


def test_other_lists_do_not_matter(root):
    names = ids(Dataset.load(root))
    write_list(root, "train", names[:4])
    write_list(root, "val", names[4:])
    write_list(root, "notes", ["no photo of this name"])
    assert counts(load_parts(root)) == {"train": 4, "val": 2}


@pytest.mark.parametrize("lists", [{}, {"train": 4}, {"val": 4}, {"train": 4, "val": 0}])
def test_without_a_part_beside_that_to_train_on_there_are_none(root, lists):
    names = ids(Dataset.load(root))
    for name, count in lists.items():
        write_list(root, name, names[:count])
    assert load_parts(root) == {}


def test_a_listed_photo_that_is_not_there_is_named(root):
    write_list(root, "train", ids(Dataset.load(root))[:4])
    write_list(root, "val", ["scene_99999"])
    with pytest.raises(DataError, match=r"val\.txt, line 1 lists 'scene_99999'"):
        load_parts(root)


# ---- YOLO -----------------------------------------------------------------------------------
@pytest.mark.parametrize("of_folder", [True, False])
def test_yolos_splits(root, tmp_path, of_folder):
    whole = Dataset.load(root)
    folder = tmp_path / "yolo"
    lines = [f"names: {list(map(str, whole.class_names[1:]))}"]
    for part, numbers in {"train": [0, 1, 2, 3], "val": [4, 5]}.items():
        yolo.write(whole.subset(numbers), folder / part)
        for file in (folder / part).glob("*.yaml"):
            file.unlink()
        lines.append(f"{part}: {part}/images")
    (folder / "data.yaml").write_text("\n".join(lines))
    parts = load_parts(folder if of_folder else folder / "data.yaml")
    assert counts(parts) == {"train": 4, "val": 2}
    assert list(parts["val"].class_names) == list(whole.class_names)


def test_a_yolo_set_without_splits(root, tmp_path):
    yolo.write(Dataset.load(root), tmp_path / "yolo")
    assert load_parts(tmp_path / "yolo") == {}


# ---- folders --------------------------------------------------------------------------------
@pytest.mark.parametrize("form", [coco, voc])
def test_a_folder_a_part(root, tmp_path, form):
    whole = Dataset.load(root)
    for part, numbers in {"train": [0, 1, 2, 3], "valid": [4], "test": [5]}.items():
        form.write(whole.subset(numbers), tmp_path / "parts" / part)
    shutil.rmtree(root)
    parts = load_parts(tmp_path / "parts")
    assert counts(parts) == {"train": 4, "val": 1, "test": 1}
    for part in parts.values():
        assert list(part.class_names) == list(parts["train"].class_names)


def test_a_part_with_fewer_classes_has_the_numbers_of_the_part_to_train_on(tmp_path):
    write_folders(tmp_path / "train")
    write_folders(tmp_path / "val", ["red"], 2)
    parts = load_parts(tmp_path)
    assert counts(parts) == {"train": 18, "val": 2}
    assert [str(name) for name in parts["val"].class_names[1:]] == ["blue", "green", "red"]
    assert parts["val"].load_label(0) == 3


def test_a_part_with_another_class_is_refused(tmp_path):
    write_folders(tmp_path / "train", ["blue", "red"])
    write_folders(tmp_path / "val", ["blue", "pink"])
    with pytest.raises(DataError, match="'pink', which .*train has no folder for"):
        load_parts(tmp_path)


def test_classes_that_are_called_as_parts_are_no_parts(tmp_path):
    write_folders(tmp_path, ["train", "plane"])
    assert load_parts(tmp_path) == {}


def test_a_file_or_nothing_has_no_parts(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    assert load_parts(tmp_path / "a.json") == {}
    assert load_parts(tmp_path / "nothing") == {}
