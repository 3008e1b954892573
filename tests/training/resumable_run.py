"""A training of two stages in a process of its own, on one thread: begun, or gone on with.

    python -m tests.training.resumable_run FAMILY FOLDER

Goes on from the last checkpoint below FOLDER, if there is one, and prints a sum of the weights.
"""

import hashlib
import sys
from functools import partial
from pathlib import Path

import numpy as np

import maskdet  # isort: skip  (sets what TensorFlow reads when it loads)
import tensorflow as tf

#: (layers, rate, epochs in total) of each stage.
PLAN = (("heads", 0.002, 2), ("all", 0.001, 4))
STEPS = 2


def mask_rcnn(folder: Path) -> tuple[maskdet.MaskRCNN, maskdet.Dataset]:
    """A light Mask R-CNN with warm-up, cosine, AdamW, augmentation and validation."""
    from tests.models.conftest import MaskedRectangles, SmallConfig

    class Resumed(SmallConfig):
        BACKBONE = "mobilenet_v2_0.5"
        IMAGES_PER_GPU = 2
        STEPS_PER_EPOCH = STEPS
        WARMUP_STEPS = 1
        AUGMENTATION = "default"
        TRAIN_BN = None

    model = maskdet.MaskRCNN("training", Resumed(), folder)
    return model, MaskedRectangles().fill(7)


def toy_detector(folder: Path) -> tuple[maskdet.MaskRCNN, maskdet.Dataset]:
    """The toy family with momentum, a constant rate, the L2 term and evaluations."""
    from tests.families.toy_detector import ToyDetector, ToyDetectorConfig
    from tests.models.conftest import BoxedRectangles

    class Resumed(ToyDetectorConfig):
        BACKBONE = "mobilenet_v2_0.5"
        IMAGES_PER_GPU = 2
        STEPS_PER_EPOCH = STEPS
        AUGMENTATION = "light"
        EVALUATE_EVERY = 1
        EVALUATION_PICTURES = False

    return ToyDetector("training", Resumed(), folder), BoxedRectangles().fill(7)


def averaging_detector(folder: Path, optimizer: str) -> tuple[maskdet.MaskRCNN, maskdet.Dataset]:
    """The toy family with averaged weights."""
    from tests.families.toy_detector import ToyDetector, ToyDetectorConfig
    from tests.models.conftest import BoxedRectangles

    class Resumed(ToyDetectorConfig):
        BACKBONE = "mobilenet_v2_0.5"
        IMAGES_PER_GPU = 2
        STEPS_PER_EPOCH = STEPS
        OPTIMIZER = optimizer
        EMA_DECAY = 0.9

    return ToyDetector("training", Resumed(), folder), BoxedRectangles().fill(7)


def accumulating_detector(folder: Path) -> tuple[maskdet.MaskRCNN, maskdet.Dataset]:
    """The toy family with a step for three batches, so that epochs of two end between steps."""
    model, dataset = averaging_detector(folder, "adamw")
    model.config.GRADIENT_ACCUMULATION = 3
    return model, dataset


#: Makers of a model and its photos by the words of the command line.
MAKERS = {
    "mask_rcnn": mask_rcnn,
    "toy_detector": toy_detector,
    "averaging_sgd": partial(averaging_detector, optimizer="sgd"),
    "averaging_adamw": partial(averaging_detector, optimizer="adamw"),
    "accumulating": accumulating_detector,
}


def main(family: str, folder: Path) -> None:
    """Train what the plan still holds, and print the sum."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model, dataset = MAKERS[family](folder)
    if any(folder.rglob("*.h5")):
        model.load_weights(model.find_last())
    for layers, rate, epochs in PLAN:
        if epochs > model.epoch:
            model.train(dataset, dataset, rate, epochs, layers)
    total = hashlib.sha256()
    for weights in model.network.get_weights():
        total.update(np.ascontiguousarray(weights).tobytes())
    print("WEIGHTS", total.hexdigest())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
