"""What a Mask R-CNN without anchors finds in one image: loops over the numbers of its heads.

Inside the network a corner's number is its pixel over (side - 1), and the far corner's pixel is the
last one inside; in the end it is the one behind again.
"""

import numpy as np


def iou(first, second):
    height = min(first[2], second[2]) - max(first[0], second[0])
    width = min(first[3], second[3]) - max(first[1], second[1])
    inter = max(height, 0) * max(width, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return inter / (sum(areas) - inter)


def kept(boxes, scores, threshold):
    """Indices of the boxes that stay, the best first."""
    stay = []
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in stay):
            stay.append(i)
    return stay


def cell_boxes(deltas, sides):
    """Boxes (A, 4): cell corners and deltas (A, 4) times the stride, finest level first."""
    boxes, start = [], 0
    for stride in (8, 16, 32):
        rows, columns = sides[0] // stride, sides[1] // stride
        for cell in range(rows * columns):
            dy, dx, log_height, log_width = deltas[start + cell]
            y, x = (cell // columns + dy) * stride, (cell % columns + dx) * stride
            height, width = np.exp(log_height) * stride, np.exp(log_width) * stride
            boxes.append([y - height / 2, x - width / 2, y + height / 2, x + width / 2])
        start += rows * columns
    return np.array(boxes)


def proposals(scores, deltas, sides, config):
    """Boxes (N, 4) and how much object each is (N,), the best first."""
    last = np.array([*sides, *sides]) - 1
    boxes = cell_boxes(deltas, sides)
    boxes[:, 2:] = np.maximum(boxes[:, 2:] - 1, boxes[:, :2])
    boxes = boxes.clip(0, last)
    stay = kept(boxes, scores, config.RPN_NMS_THRESHOLD)[: config.POST_NMS_ROIS_INFERENCE]
    return boxes[stay], scores[stay]


def moved(box, delta):
    """R-CNN's formula for one box and deltas that are not divided any more."""
    height, width = box[2] - box[0], box[3] - box[1]
    y, x = box[0] + height * (0.5 + delta[0]), box[1] + width * (0.5 + delta[1])
    height, width = height * np.exp(delta[2]), width * np.exp(delta[3])
    return [y - height / 2, x - width / 2, y + height / 2, x + width / 2]


def detections(rois, objectness, scores, deltas, window, config):
    """Rows y1, x1, y2, x2 (pixels), class id, score, the best first.

    Args:
        rois, objectness: of :func:`proposals`.
        scores: (N, classes).
        deltas: (N, classes, 4).
        window: y1, x1, y2, x2 of the image on the canvas, pixels.
    """
    share, every = config.DETECTION_OBJECTNESS, config.DETECTION_EVERY_CLASS
    low, high = np.array([*window[:2]] * 2), np.array([*window[2:]] * 2) - 1
    rows = []
    for number in range(1, scores.shape[1]):
        boxes, own = [], []
        for i in range(len(rois)):
            joint = scores[i, number] ** (1 - share) * objectness[i] ** share
            box = np.clip(moved(rois[i], deltas[i, number] * config.BBOX_STD_DEV), low, high)
            wanted = every or number == np.argmax(scores[i])
            if wanted and joint >= config.DETECTION_MIN_CONFIDENCE and (box[2:] > box[:2]).all():
                boxes.append(box)
                own.append(joint)
        for i in kept(boxes, own, config.DETECTION_NMS_THRESHOLD):
            rows.append([*(boxes[i] + [0, 0, 1, 1]), number, own[i]])
    return np.array(sorted(rows, key=lambda row: -row[5])).reshape(-1, 6)
