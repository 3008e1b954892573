"""Small exported files with drawn weights, of each kind that a page can show."""

import keras
import numpy as np
from PIL import Image

from maskdet import SSD, Classifier
from tests.exporters.conftest import NAMES, TinySsd, photos, seeded_model
from tests.models.classifier.conftest import SmallConfig
from tests.models.ssd.conftest import spread

KINDS = ("classifier", "masks", "ssd")
PRECISIONS = ("float32", "int8")


def drawn_classifier():
    """A classifier whose classes are far enough apart to tell."""
    keras.utils.set_random_seed(11)
    model = Classifier("inference", SmallConfig(), model_dir="unused")
    # Without trained features below it, a head sees next to nothing.
    model.load_weights("imagenet")
    head = [layer for layer in model.network.layers if isinstance(layer, keras.layers.Dense)][-1]
    kernel, bias = head.get_weights()
    head.set_weights([kernel * 3, bias])
    model.class_names = NAMES
    return model


def drawn_ssd():
    """A single-shot detector that is sure of a few anchors."""
    keras.utils.set_random_seed(12)
    model = SSD("inference", TinySsd(), model_dir="unused")
    spread(model, np.asarray(Image.fromarray(photos(1, 9)[0]).resize((128, 120))))
    model.class_names = NAMES
    return model


def export_all(folder):
    """Paths by file name, such as "ssd_int8"."""
    makers = {"classifier": drawn_classifier, "masks": seeded_model, "ssd": drawn_ssd}
    paths = {}
    for kind in KINDS:
        model = makers[kind]()
        for precision in PRECISIONS:
            path = folder / f"{kind}_{precision}.tflite"
            model.export(
                path, precision=precision, calibration=photos(), verify=False, progress=False
            )
            paths[path.stem] = path
    return paths
