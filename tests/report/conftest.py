"""Made scenes, a network that has learnt nothing, and results made up from what is to be found."""

import numpy as np
import pytest

from maskdet import Dataset, Detections, LiteConfig, MaskRCNN
from maskdet.data.scenes import write_scenes
from maskdet.evaluation.report import evaluate_detections

HISTORY = """epoch,stage,loss,rpn_loss,head_loss,val_loss,val_ap,val_ap50
1,heads,2.5,1.5,1.0,2.6,,
2,heads,1.5,0.9,0.6,1.7,0.31,0.62
3,all,0.9,0.5,0.4,1.4,,
4,all,0.7,0.4,0.3,1.5,0.42,0.81
"""


class ScenesConfig(LiteConfig):
    NAME = "scenes"
    NUM_CLASSES = 6
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    BACKBONE = "mobilenet_v2_0.5"
    TOP_DOWN_PYRAMID_SIZE = 16
    RPN_CHANNELS = 16
    FPN_CLASSIF_FC_LAYERS_SIZE = 16
    MASK_HEAD_CHANNELS = 16
    POST_NMS_ROIS_INFERENCE = 10
    RPN_ANCHOR_SCALES = (16, 32, 64, 128)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 8, size=(240, 320), progress=False)
    return Dataset.load(folder)


@pytest.fixture(scope="session")
def model(scenes):
    """A network of first weights, in inference mode."""
    model = MaskRCNN("inference", ScenesConfig(), "unused")
    model.class_names = tuple(scenes.class_names)
    return model


def made_up(dataset, seed=1):
    """Detections from the truth of each photo: some missing, some displaced, some of another class,
    and one in every second photo where nothing is."""
    draws = np.random.default_rng(seed)
    classes = len(dataset.class_names)
    results = []
    for image_id in dataset.image_ids:
        boxes, class_ids, _ = dataset.load_instances(image_id)
        class_ids = np.abs(class_ids)  # negative for crowds
        height, width = dataset.image_shape(image_id)
        rows = []
        for box, class_id in zip(boxes, class_ids, strict=True):
            fate = draws.integers(0, 6)
            if fate == 0:
                continue
            moved = box + (box[2] - box[0]) * 0.6 if fate == 1 else box + draws.normal(0, 2, 4)
            said = class_id % (classes - 1) + 1 if fate == 2 else class_id
            rows.append((np.sort(moved.reshape(2, 2), axis=0).reshape(4), said))
        if image_id % 2:
            rows.append((np.array([2, 2, 30, 40]), 1))
        found = np.array([box for box, _ in rows]).reshape(-1, 4)
        scores = np.sort(draws.uniform(0.5, 1, len(rows)))[::-1]
        masks = np.ones((len(rows), 28, 28)) if dataset.provides_masks else None
        names, shape = tuple(dataset.class_names), (height, width)
        results.append(Detections(found, [c for _, c in rows], scores, names, shape, masks))
    return results


@pytest.fixture(scope="session")
def results(scenes):
    return made_up(scenes)


@pytest.fixture(scope="session")
def evaluation(scenes, results):
    return evaluate_detections(scenes, results)


@pytest.fixture
def log_dir(tmp_path):
    """The log folder of a training of two stages."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "history.csv").write_text(HISTORY, encoding="utf-8")
    return folder
