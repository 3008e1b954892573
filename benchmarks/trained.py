"""Trained weights and data sets, for the benchmarks that ask for them."""

import tempfile
import warnings

from maskdet import Config, Dataset, MaskRCNN
from maskdet.training.checkpoints import read_sidecar


def loaded(path):
    """A trained model with the settings that its sidecar holds, reporting from a score of 0.05."""
    config = Config.from_dict(read_sidecar(path)["config"])
    config.DETECTION_MIN_CONFIDENCE = 0.05
    model = MaskRCNN("inference", config, tempfile.mkdtemp())
    model.load_weights(path)
    return model


def opened(path):
    """A data set in any format; photos that cannot be read are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Dataset.load(path, on_error="skip")
