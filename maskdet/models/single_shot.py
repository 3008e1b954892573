"""What families of single-shot detectors share: a trunk, heads on its maps, boxes and no masks."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.scaling import pixels_of
from maskdet.detections import Detections
from maskdet.family import Pretrained
from maskdet.geometry.placement import Placement
from maskdet.models.whole_batches import WholeBatchFamily
from maskdet.pretrained.coco_names import COCO_NAMES
from maskdet.tasks.detection.task import DETECTION
from maskdet.tasks.task import Task


class SingleShotFamily(WholeBatchFamily):
    """Base of such families; see :class:`maskdet.family.Family` for the methods.

    A subclass names itself and its Config's class, and gives the networks, the losses and the twin
    for export. Training networks take input_image, input_class_ids and input_boxes; inference
    networks give rows (B, N, 6): y1, x1, y2, x2 as shares of the input's sides, class id, score.
    """

    task: Task = DETECTION
    outputs = frozenset({"boxes"})
    #: Begin the names of the layers that no trunk has.
    head_prefixes: ClassVar[tuple[str, ...]] = ("head",)

    def stages(self, config: Any) -> dict[str, str]:
        heads = rf"({'|'.join(self.head_prefixes)})\d_.*"
        return get_backbone(config.BACKBONE).stages(heads)

    def rate(self, layer_name: str, config: Any) -> float:
        return 1.0 if layer_name.startswith(self.head_prefixes) else float(config.BACKBONE_RATE)

    def load_pretrained(self, network: keras.Model, config: Any, name: str) -> Pretrained:
        layers = get_backbone(config.BACKBONE).load_pretrained(network, name)
        knows_classes = any(layer.endswith("_class_logits") for layer in layers)
        return Pretrained(layers, COCO_NAMES if knows_classes else ())

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    # ---- training --------------------------------------------------------------------------
    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Any
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_class_ids": batch["class_ids"],
            "input_boxes": batch["boxes"],
        }

    # ---- inference -------------------------------------------------------------------------
    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Placement],
        config: Any,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Detections]:
        return [
            _decoded(rows, placement, class_names)
            for rows, placement in zip(arrays[0], placements, strict=True)
        ]


def _decoded(rows: np.ndarray, placement: Placement, class_names: Sequence[str]) -> Detections:
    """One image's rows (N, 6) in the image's own pixels."""
    rows = rows[rows[:, 4] > 0]
    boxes = placement.inverse_boxes(rows[:, :4] * (placement.canvas_shape * 2))
    with_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return Detections(
        boxes=boxes[with_area],
        class_ids=rows[with_area, 4].astype(np.int32),
        scores=rows[with_area, 5].astype(np.float32),
        class_names=tuple(class_names),
        image_shape=placement.image_shape,
    )
