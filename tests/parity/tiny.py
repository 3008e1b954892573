"""A small network with seeded weights and what it gave; ``python -m tests.parity.tiny`` rewrites.

Unlike the original's golden numbers this set lies in the repository, so that a change of the
network's arithmetic is noticed everywhere. It was written by this project on the day when both
whole networks agreed with the original (tests/parity/table.py).
"""

import contextlib
import io
import tempfile
import zlib
from pathlib import Path

import numpy as np

from maskdet.mrcnn import model
from maskdet.mrcnn.config import Config
from maskdet.training.layers import weighted_layers

FILE = Path(__file__).with_name("tiny_golden.npz")
SAMPLES = 200
LAYERS = ("res2c_out", "res3d_out", "res4f_out", "res5c_out", "fpn_p2", "fpn_p5", "rpn_class")
LAYERS += ("rpn_bbox", "ROI", "mrcnn_class", "mrcnn_bbox", "mrcnn_detection")


class TinyConfig(Config):
    NAME = "tiny"
    BACKBONE = "resnet50"
    NUM_CLASSES = 4
    IMAGES_PER_GPU = 1
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64
    POST_NMS_ROIS_INFERENCE = 64
    DETECTION_MIN_CONFIDENCE = 0.0
    DETECTION_MAX_INSTANCES = 20


def picture() -> np.ndarray:
    """A drawn picture, uint8 (96, 120, 3)."""
    y, x = np.mgrid[:96, :120]
    waves = [np.sin(x / 7 + c) + np.cos(y / (5 + c)) + np.sin((x + y) / 11) for c in range(3)]
    pixels = 128 + 40 * np.stack(waves, axis=-1)
    pixels[20:60, 30:80] = (200, 60, 40)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def seed_weights(network: model.MaskRCNN) -> None:
    """Give every layer values that depend on its name alone."""
    for name, layer in weighted_layers(network.network):
        for variable in layer.weights:
            rng = np.random.default_rng(zlib.crc32(f"{name}/{variable.name}".encode()))
            shape = tuple(variable.shape)
            if variable.name in ("gamma", "moving_variance"):
                values = rng.uniform(0.8, 1.2, shape)
            elif variable.name == "kernel":
                # Residual branches are kept small, so that sums do not grow through the stages,
                # and boxes stay near their anchors.
                gain = 0.3 if name.endswith("branch2c") else 1.0
                gain = 0.05 if name in ("rpn_bbox_pred", "mrcnn_bbox_fc") else gain
                gain = 0.005 if name == "conv1" else gain  # pixels reach 150
                values = rng.normal(0, gain * np.sqrt(2 / np.prod(shape[:-1])), shape)
            else:
                values = rng.normal(0, 0.05, shape)
            variable.assign(values.astype(np.float32))


def outputs() -> dict[str, np.ndarray]:
    """Tensors of the network for the picture, by layer, and what ``detect`` gives."""
    with tempfile.TemporaryDirectory() as folder:
        network = model.MaskRCNN("inference", TinyConfig(), folder)
    seed_weights(network)
    wanted = [(name, network.keras_model.get_layer(name).output) for name in LAYERS]
    with contextlib.redirect_stdout(io.StringIO()):
        found = dict(network.run_graph([picture()], wanted))
    result = network.detect([picture()])[0]
    return found | {f"detect/{key}": result[key] for key in ("rois", "class_ids", "scores")}


def sample(tensor: np.ndarray) -> np.ndarray:
    """Values at evenly spread positions, as many as the golden file keeps of each tensor."""
    flat = np.asarray(tensor).reshape(-1)
    return flat[np.linspace(0, flat.size - 1, min(SAMPLES, flat.size)).astype(int)]


if __name__ == "__main__":
    np.savez_compressed(FILE, **{name: sample(values) for name, values in outputs().items()})
    print(f"{FILE}: {FILE.stat().st_size} bytes")
