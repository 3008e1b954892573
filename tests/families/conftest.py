"""Two toy families, trained for real on drawn pictures, shared by the tests of this folder."""

import numpy as np
import pytest

from maskdet.data.dataset import Dataset
from maskdet.images import write_image
from maskdet.models.families import FAMILIES
from tests.families.toy_classifier import ToyClassifier, ToyClassifierConfig
from tests.families.toy_detector import ToyDetector, ToyDetectorConfig
from tests.models.conftest import BoxedRectangles

COLOURS = {"blue": (30, 30, 220), "red": (220, 30, 30)}


@pytest.fixture(scope="session")
def families():
    """The toys in the table of families, as a family's own line there would have it."""
    known = dict(FAMILIES)
    FAMILIES["toy_detector"] = "tests.families.toy_detector:ToyDetector"
    FAMILIES["toy_classifier"] = "tests.families.toy_classifier:ToyClassifier"
    yield FAMILIES
    FAMILIES.clear()
    FAMILIES.update(known)


@pytest.fixture(scope="session")
def rectangles():
    return BoxedRectangles().fill(16)


@pytest.fixture(scope="session")
def coloured(tmp_path_factory):
    """Folders of plain red and blue photos."""
    folder = tmp_path_factory.mktemp("coloured")
    draws = np.random.default_rng(4)
    for name, colour in COLOURS.items():
        for number in range(6):
            noise = draws.integers(-30, 30, (60, 90, 3))
            photo = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            write_image(folder / name / f"{number}.png", photo)
    return Dataset.load(folder)


@pytest.fixture(scope="session")
def trained_detector(families, rectangles, tmp_path_factory):
    """Weights of a training of a few seconds that finds most of the rectangles."""
    folder = tmp_path_factory.mktemp("detector")
    config = ToyDetectorConfig()
    config.STEPS_PER_EPOCH, config.OPTIMIZER = 70, "adamw"
    model = ToyDetector("training", config, folder)
    model.load_weights("imagenet")
    history = model.train(rectangles, rectangles, 0.005, 2, "heads")
    model.save_weights(folder / "toy.h5")
    return folder / "toy.h5", history, model


@pytest.fixture(scope="session")
def trained_classifier(families, coloured, tmp_path_factory):
    """Weights of a training of a few seconds that tells red from blue."""
    folder = tmp_path_factory.mktemp("classifier")
    config = ToyClassifierConfig()
    config.STEPS_PER_EPOCH, config.OPTIMIZER = 20, "adamw"
    model = ToyClassifier("training", config, folder)
    model.load_weights("imagenet")
    history = model.train(coloured, coloured, 0.02, 1, "heads")
    model.save_weights(folder / "folders.h5")
    return folder / "folders.h5", history, model
