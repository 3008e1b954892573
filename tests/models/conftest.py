"""A small set of drawn rectangles and a small network, shared by the tests of models."""

import numpy as np
import pytest

from maskdet import Dataset, LiteConfig, MobileConfig


class Rectangles(Dataset):
    """Images drawn from their number: red (1) and blue (2) rectangles, some images with none."""

    with_masks = True

    def fill(self, count, classes=2, seed=0):
        for number, name in enumerate(["red", "blue"][:classes], start=1):
            self.add_class("drawn", number, name)
        rng = np.random.default_rng(seed)
        for image in range(count):
            boxes = []
            for _ in range(image % 4):  # every fourth image is empty
                y, x = rng.integers(0, 60, 2)
                height, width = rng.integers(24, 56, 2)
                boxes.append([y, x, y + height, x + width, rng.integers(1, classes + 1)])
            self.add_image("drawn", f"image {image}", None, rows=np.array(boxes).reshape(-1, 5))
        self.prepare()
        return self

    def load_image(self, image_id):
        picture = np.full((120, 128, 3), 90, np.uint8)
        for y1, x1, y2, x2, kind in self.image_info[image_id]["rows"]:
            picture[y1:y2, x1:x2] = [220, 30, 30] if kind == 1 else [30, 30, 220]
        return picture

    def image_reference(self, image_id):
        return self.image_info[image_id]["id"]


class MaskedRectangles(Rectangles):
    """The rectangles without a corner, or they would be taken for boxes that were filled in."""

    def load_mask(self, image_id):
        rows = self.image_info[image_id]["rows"]
        masks = np.zeros((120, 128, len(rows)), bool)
        for i, (y1, x1, y2, x2, _) in enumerate(rows):
            masks[y1:y2, x1:x2, i] = True
            masks[y1, x1, i] = False
        return masks, rows[:, 4].astype(np.int32)


class BoxedRectangles(Rectangles):
    def load_boxes(self, image_id):
        rows = self.image_info[image_id]["rows"]
        height, width = 120, 128
        boxes = np.minimum(rows[:, :4], [height, width, height, width])
        return boxes.astype(np.float32), rows[:, 4].astype(np.int32)


class SmallConfig(LiteConfig):
    NAME = "Small"
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 4
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (16, 32, 64, 96)
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    AUGMENTATION = "none"
    DETECTION_MIN_CONFIDENCE = 0.0


class SmallMobileConfig(MobileConfig):
    """Without anchors, on YOLOX-Nano's trunk."""

    NAME = "small"
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 4
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    AUGMENTATION = "none"
    POST_NMS_ROIS_INFERENCE = 24


def with_settings(config, settings):
    for name, value in settings.items():
        setattr(config, name, value)
    return config


@pytest.fixture(scope="session")
def masked():
    return MaskedRectangles().fill(8)


@pytest.fixture(scope="session")
def boxed():
    return BoxedRectangles().fill(8)


@pytest.fixture(scope="session")
def one_class():
    return MaskedRectangles().fill(6, classes=1)


@pytest.fixture(scope="session")
def make_config():
    """A maker of small configs; keywords override settings."""

    return lambda **settings: with_settings(SmallConfig(), settings)


@pytest.fixture(scope="session")
def make_mobile_config():
    """A maker of small configs without anchors; keywords override settings."""
    return lambda **settings: with_settings(SmallMobileConfig(), settings)
