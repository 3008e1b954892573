"""Guards: the embedded data set is a sound VOC folder, the same for a seed, and varied."""

import filecmp

import numpy as np
import pytest

from maskdet.data.dataset import Dataset
from maskdet.data.scene_objects import DRAWERS, SIDE
from maskdet.data.scenes import GROUNDS, LEAST_VISIBLE, make_scene, write_scenes
from maskdet.geometry.masks import boxes_from_masks

SIZE = (128, 160)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes")
    write_scenes(path, 12, size=SIZE, seed=5, progress=False)
    return path


def test_it_reads_back_as_any_voc_folder_does(folder):
    dataset = Dataset.load(folder)
    assert set(dataset.class_names) <= {"BG", *DRAWERS}
    assert len(dataset.image_ids) == 12
    assert dataset.provides_masks
    for image_id in dataset.image_ids:
        scene = make_scene(SIZE, np.random.default_rng((5, int(image_id))))
        boxes, class_ids, masks = dataset.load_instances(image_id)
        assert [dataset.class_names[i] for i in class_ids] == scene.names
        assert (masks == np.moveaxis(scene.masks, 0, 2)).all()
        assert (boxes == boxes_from_masks(masks)).all()
        assert dataset.load_image(image_id).shape == (*SIZE, 3)


def test_a_picture_does_not_depend_on_how_many_there_are(folder, tmp_path):
    write_scenes(tmp_path, 3, size=SIZE, seed=5, progress=False)
    for path in sorted(tmp_path.rglob("*.*")):
        assert filecmp.cmp(path, folder / path.relative_to(tmp_path), shallow=False), path.name


def test_things_stay_in_sight_and_do_not_share_pixels():
    rng = np.random.default_rng(1)
    for _ in range(20):
        scene = make_scene(SIZE, rng)
        assert 1 <= len(scene.names) <= 5
        assert scene.masks.sum(axis=0).max() <= 1
        assert (scene.masks.sum(axis=(1, 2)) > 12**2 * 0.2 * LEAST_VISIBLE).all()


@pytest.mark.parametrize("name", list(DRAWERS))
def test_every_thing_has_a_shape_and_shades(name):
    picture = DRAWERS[name](np.random.default_rng(0))
    assert picture.shape == (SIDE, SIDE, 4)
    inside = picture[..., 3] > 127
    assert 0.1 < inside.mean() < 0.9
    assert picture[inside][:, :3].std() > 15


@pytest.mark.parametrize("name", list(GROUNDS))
def test_every_ground_fills_the_picture_with_texture(name):
    ground = GROUNDS[name](SIZE, np.random.default_rng(0))
    assert ground.shape == (*SIZE, 3)
    assert ground.std(axis=(0, 1)).max() > 3
