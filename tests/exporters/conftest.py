"""Small exported files that the tests of this folder share."""

import numpy as np
import pytest
from PIL import Image

from maskdet import SSD, LiteConfig, MaskRCNN
from maskdet.images import write_image
from tests.models.ssd.conftest import SmallSsd, spread


class TinyConfig(LiteConfig):
    NAME = "tiny"
    NUM_CLASSES = 4
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    BACKBONE = "mobilenet_v2_0.5"
    TOP_DOWN_PYRAMID_SIZE = 16
    RPN_CHANNELS = 16
    FPN_CLASSIF_FC_LAYERS_SIZE = 16
    MASK_HEAD_CHANNELS = 16
    # Few candidates: seeded weights amplify rounding, and many would change places for nothing.
    PRE_NMS_LIMIT = 24
    POST_NMS_ROIS_INFERENCE = 10
    RPN_ANCHOR_SCALES = (16, 32, 64, 128)
    DETECTION_MIN_CONFIDENCE = 0.1


NAMES = ("BG", "cat", "Mädchen", "blue bolt")


def photos(count=6, seed=0):
    draws = np.random.default_rng(seed)
    return [draws.integers(0, 256, (90 + 10 * i, 120, 3), dtype=np.uint8) for i in range(count)]


def seeded_model():
    """A network with seeded weights that make some anchors and classes stand out."""
    model = MaskRCNN("inference", TinyConfig(), model_dir="unused")
    draws = np.random.default_rng(3)
    for name in ("rpn_model", "mrcnn_class_logits", "mrcnn_bbox_fc"):
        layer = model.keras_model.get_layer(name)
        layer.set_weights(
            [w + draws.normal(0, 0.08, w.shape).astype(np.float32) for w in layer.get_weights()]
        )
    model.class_names = NAMES
    return model


@pytest.fixture(scope="session")
def tiny_model():
    return seeded_model()


class TinySsd(SmallSsd):
    NUM_CLASSES = 4
    DETECTION_CANDIDATES = 16


@pytest.fixture(scope="session")
def ssd_model():
    """A single-shot detector with seeded weights that make a few anchors stand out."""
    model = SSD("inference", TinySsd(), model_dir="unused")
    spread(model, stretched()[:120])
    model.class_names = NAMES
    return model


def stretched(side=128):
    """A photo as most clients give it: stretched to the input."""
    return np.asarray(Image.fromarray(photos(1, 9)[0]).resize((side, side)))


@pytest.fixture(scope="session")
def exported(tiny_model, tmp_path_factory):
    """Paths by (precision, profile)."""
    keys = (
        ("float32", "instances"),
        ("float16", "instances"),
        ("int8", "instances"),
        ("int8", "detect"),
        ("float32", "detect"),
    )
    return written(tiny_model, keys, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def exported_ssd(ssd_model, tmp_path_factory):
    """Paths by (precision, profile)."""
    keys = (("int8", "detect"), ("float32", "detect"))
    return written(ssd_model, keys, tmp_path_factory.mktemp("exported_ssd"))


def written(model, keys, folder):
    """Export a model once for each (precision, profile); paths by these."""
    paths = {}
    for precision, profile in keys:
        path = folder / f"{precision}_{profile}.tflite"
        # Seeded weights amplify rounding; tests of verify give it limits of their own.
        model.export(
            path,
            precision=precision,
            profile=profile,
            calibration=photos(),
            verify=False,
            progress=False,
        )
        paths[precision, profile] = path
    return paths


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "photo.jpg"
    write_image(path, photos(1)[0])
    return path
