"""A data set written down in the test, and detections of it."""

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.detections import Detections

NAMES = ("BG", "cat", "dog")
SHAPE = (100, 100)
CAT, DOG = 1, 2


class Listed(Dataset):
    """Images of objects (box, class id), a third entry of any kind making one difficult."""

    def fill(self, images):
        self.add_class("x", CAT, "cat")
        self.add_class("x", DOG, "dog")
        for number, objects in enumerate(images):
            self.add_image("x", number, None, objects=objects)
        self.prepare()
        return self

    def load_boxes(self, image_id):
        objects = self.image_info[image_id]["objects"]
        boxes = np.array([box for box, *_ in objects], np.float32).reshape(-1, 4)
        return boxes, np.array([kind for _, kind, *_ in objects], np.int32)

    def load_difficult(self, image_id):
        return np.array([len(o) > 2 for o in self.image_info[image_id]["objects"]], bool)

    def load_image(self, image_id):
        return np.zeros((*SHAPE, 3), np.uint8)


class UpperHalves(Listed):
    """The same with masks: the upper half of each box."""

    def load_mask(self, image_id):
        boxes, class_ids = Listed.load_boxes(self, image_id)
        masks = np.zeros((*SHAPE, len(boxes)), bool)
        for i, (y1, x1, y2, x2) in enumerate(boxes.astype(int)):
            masks[y1 : (y1 + y2) // 2, x1:x2, i] = True
        return masks, class_ids


def detections_of(*rows):
    """One image's detections from (box, class id, score)."""
    boxes = np.array([box for box, *_ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, [r[1] for r in rows], [r[2] for r in rows], NAMES, SHAPE)
