"""What makes a whole training small: its photos, and the settings around it."""

from maskdet import Classifier, ClassifierConfig, LiteConfig, MaskRCNN, MobileConfig, PiConfig
from tests.docs.small import SETTINGS
from tests.eagerly import eagerly

# A batch for each stage's single epoch, so that eager steps are few.
_BATCH = 10


def make_small(monkeypatch):
    """Small settings for all trainings of a test: two epochs, the heads' and that of all layers."""
    for config in (LiteConfig, MobileConfig, PiConfig):
        for name, value in (SETTINGS | {"IMAGES_PER_GPU": _BATCH}).items():
            monkeypatch.setattr(config, name, value)
        monkeypatch.setattr(config, "FALLBACK", {})
        monkeypatch.setattr(config, "BACKBONE", "efficientnet_lite0")
    for name, value in {
        "IMAGE_MIN_DIM": 72,
        "IMAGE_MAX_DIM": 64,
        "IMAGES_PER_GPU": _BATCH,
        "EVALUATION_PICTURES": False,
        "RECIPES": SETTINGS["RECIPES"],
    }.items():
        monkeypatch.setattr(ClassifierConfig, name, value)
    for kind in (MaskRCNN, Classifier):
        monkeypatch.setattr(kind, "train", eagerly(kind.train))


def stopping(monkeypatch, kind, epoch, error):
    """Let the next training of a kind of model end with an error when an epoch begins.

    Later ones run to their end.
    """
    import keras

    usual = kind.train

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, number, logs=None):
            if number + 1 == epoch:
                raise error

    def train(*args, **kwargs):
        monkeypatch.setattr(kind, "train", usual)
        return usual(*args, custom_callbacks=[Stop()], **kwargs)

    monkeypatch.setattr(kind, "train", train)
