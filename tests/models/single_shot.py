"""What the small single-shot detectors of tests share: settings, a way to see raw predictions, and
a file of weights that find a few boxes.
"""

import keras
import numpy as np

SIDE = 128


class SmallSettings:
    """Of a detector of two classes that trains in seconds; goes before a family's Config."""

    NAME = "small"
    NUM_CLASSES = 3
    IMAGE_MIN_DIM = SIDE
    IMAGE_MAX_DIM = SIDE
    IMAGES_PER_GPU = 2
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    MAX_GT_INSTANCES = 8
    AUGMENTATION = "none"
    WARMUP_STEPS = 0


def raw(model, predictions, picture, keys=slice(None)):
    """What a family's ``predictions`` gives of a picture (120, 128, 3) in the upper rows."""
    image = keras.Input((SIDE, SIDE, 3))
    probe = keras.Model(image, list(predictions(image, model.config)[keys]))
    for layer in probe.layers:
        if layer.weights:
            layer.set_weights(model.network.get_layer(layer.name).get_weights())
    canvas = np.zeros((1, SIDE, SIDE, 3), "f4")
    canvas[0, :120] = model.family.pixels(model.config).of_images(picture)
    return probe.predict_on_batch(canvas)


def write_drawn(model, spread, dataset, path):
    """Make a model sure of a few boxes by ``spread`` and write its weights; gives the path."""
    spread(model, dataset.load_image(3))
    model.class_names = ("BG", "red", "blue")
    model.save_weights(path)
    return path
