"""What an exported file promises: names, order and meaning of inputs and outputs, and its facts.

Outputs 0 to 3 are those that every client of TensorFlow's object detectors reads, all float32:

* ``location`` (1, N, 4): y1, x1, y2, x2 as shares of the input's height and width;
* ``category`` (1, N): class from 0, without the background: a line number of labels.txt;
* ``score`` (1, N): descending; 0 in rows behind the last object;
* ``number of detections`` (1,);

and the profile "instances" adds ``masks`` (1, N, h, w), each filling its box, 0..1.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import maskdet
from maskdet.config import Config
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement, place
from maskdet.runtime.model_file import FORMAT

PROFILES = ("instances", "detect")
PRECISIONS = ("float32", "float16", "int8")
#: Key of a lite network's output -> name in the file, in the file's order.
OUTPUT_NAMES = {
    "boxes": "location",
    "classes": "category",
    "scores": "score",
    "count": "number of detections",
    "masks": "masks",
}
#: In the zip behind a .tflite beside what the runtime reads there.
NUMBERED_LABELS = "labels_numbered.txt"
#: Rows of a file by default, by profile.
DEFAULT_COUNTS = {"instances": 20, "detect": 25}


@dataclass(frozen=True)
class ExportOptions:
    """What a user chose.

    Attributes:
        precision: "float32", "float16" (weights) or "int8".
        profile: "instances" (masks, window input; for maskdet.runtime) or "detect" (four outputs).
        count: objects that a file reports at most.
        min_score: lowest score that it reports.
    """

    precision: str
    profile: str
    count: int
    min_score: float

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"precision is {self.precision!r}; use one of {', '.join(PRECISIONS)}."
            )
        if self.profile not in PROFILES:
            raise UsageError(f"profile is {self.profile!r}; use one of {', '.join(PROFILES)}.")
        if self.count < 1:
            raise UsageError(f"count is {self.count}; a file must report at least one object.")
        if not 0 < self.min_score < 1:
            raise UsageError(f"min_score is {self.min_score}; give a score between 0 and 1.")


def facts_json(
    config: Config, class_names: Sequence[str], has_masks: bool, options: ExportOptions
) -> str:
    """What the runtime needs to know beside the network, as JSON."""
    square = config.IMAGE_RESIZE_MODE == "square"
    shortest = int(config.IMAGE_MIN_DIM) if square else max(input_side(config))
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "maskdet": maskdet.__version__,
        "profile": options.profile,
        "precision": options.precision,
        "has_masks": has_masks,
        "class_names": list(class_names),
        "min_dim": shortest,
        "max_dim": max(input_side(config)),
        "min_scale": float(config.IMAGE_MIN_SCALE or 0.0),
        "min_confidence": float(config.DETECTION_MIN_CONFIDENCE or 0.0),
        "nms_threshold": float(config.DETECTION_NMS_THRESHOLD),
        "min_score": options.min_score,
        "config": json.loads(config.to_json()),
    }
    return json.dumps(facts, indent=1) + "\n"


def input_side(config: Config) -> tuple[int, int]:
    """(height, width) of an exported file's input."""
    return int(config.IMAGE_SHAPE[0]), int(config.IMAGE_SHAPE[1])


def input_placement(config: Config, image_shape: Any) -> Placement:
    """Where an image lies in a file's input: as "square" places it, whatever the Config's mode.

    A file has one size, so images of the modes "pad64", "none" and "crop" are scaled to it.
    """
    side = max(input_side(config))
    shortest = config.IMAGE_MIN_DIM if config.IMAGE_RESIZE_MODE == "square" else side
    return place(tuple(image_shape[:2]), shortest, side, config.IMAGE_MIN_SCALE, "square")
