"""A row of benchmarks/inference.py: our detect() and torchvision's, in turns."""

import tempfile

import numpy as np
from peers import in_turns, torchvision

import maskdet


def resnet50_config(side, detections=100, batch=1):
    """matterport's network with ResNet50, 81 classes, every score kept."""
    config = maskdet.Config()
    config.NAME, config.NUM_CLASSES, config.BACKBONE = "benchmark", 81, "resnet50"
    config.IMAGES_PER_GPU = batch
    config.IMAGE_MIN_DIM = config.IMAGE_MAX_DIM = side
    config.DETECTION_MIN_CONFIDENCE = 0.0
    config.DETECTION_MAX_INSTANCES = detections
    return config


def row_of(side, detections, dtype, rounds):
    """Milliseconds of a photo of ``side`` x ``side`` pixels, and those of torchvision."""
    config = resnet50_config(side, detections)
    if dtype != "float32":
        config.COMPUTE_DTYPE = dtype
    model = maskdet.MaskRCNN("inference", config, tempfile.gettempdir())
    photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    count = len(model.detect([photo])[0]["class_ids"])
    with torchvision({"side": side, "detections": detections}) as peer:
        ours, theirs = in_turns(lambda: model.detect([photo]), peer, rounds)
    return {
        "side": side,
        "detections": count,
        "dtype": dtype,
        "ms": 1e3 * ours,
        "torchvision_ms": 1e3 * theirs,
        "ratio": ours / theirs,
        "torchvision_detections": peer.facts["detections"],
        "torch": peer.facts["torch"],
    }
