"""Folders of small drawn photos and a classifier that was trained on them for a few seconds."""

import numpy as np
import pytest

from maskdet import Classifier, ClassifierConfig, Dataset
from maskdet.images import write_image

COLOURS = {"blue": (30, 30, 220), "green": (30, 200, 30), "red": (220, 30, 30)}


class SmallConfig(ClassifierConfig):
    NAME = "colours"
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = 72
    IMAGE_MAX_DIM = 64
    IMAGES_PER_GPU = 6
    EVALUATION_PICTURES = False


def write_folders(root, names=tuple(COLOURS), count=6, seed=4):
    """Plain coloured photos with noise, a folder a class."""
    draws = np.random.default_rng(seed)
    for name in names:
        for number in range(count):
            noise = draws.integers(-30, 30, (60, 90, 3))
            photo = np.clip(np.array(COLOURS.get(name, (128, 128, 128))) + noise, 0, 255)
            write_image(root / name / f"{number}.png", photo.astype(np.uint8))
    return root


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="session")
def colours(folders):
    return Dataset.load(folders)


@pytest.fixture(scope="session")
def trained(colours, tmp_path_factory):
    """(weights, history, the model in training mode)."""
    folder = tmp_path_factory.mktemp("trained")
    config = SmallConfig()
    config.STEPS_PER_EPOCH, config.LEARNING_RATE_SCHEDULE = 25, "constant"
    model = Classifier("training", config, folder)
    model.load_weights("imagenet")
    history = model.train(colours, colours, 0.005, 1, "heads")
    model.save_weights(folder / "colours.h5")
    return folder / "colours.h5", history, model
