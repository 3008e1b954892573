"""All scores of one evaluation together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.data.supervision import provides_outlines
from maskdet.detections import Detections
from maskdet.evaluation.coco import APResult, checked_instances, coco_ap, numbers_of
from maskdet.evaluation.errors import Errors, errors_of
from maskdet.evaluation.judging import Objects
from maskdet.evaluation.matterport import compute_ap


@dataclass(frozen=True)
class Evaluation:
    """Scores of detections on a data set.

    Attributes:
        box: COCO's AP of boxes.
        mask: COCO's AP of masks; None where data set or detections have none.
        matterport_ap: mean over images of matterport's ``compute_ap`` at IoU 0.5, by masks where
            there are any; images without objects are left out of it.
        images: how many were looked at.
        objects: how many were to be found.
        errors: which errors there are among the boxes, and what each kind costs.
    """

    box: APResult
    mask: APResult | None
    matterport_ap: float
    images: int
    objects: int
    errors: Errors | None = None

    def table(self, errors: bool = False) -> str:
        """A short table: a line for all classes and one for each; on request one of errors too."""
        kinds = {"box": self.box} | ({"mask": self.mask} if self.mask is not None else {})
        names = list(self.box.per_class_ap50)
        width = max([len("all classes"), *(len(name) for name in names)])
        head = "".join(f"{kind + ' AP50':>12}" for kind in kinds)
        head += "".join(f"{kind + ' AP':>12}" for kind in kinds)
        lines = [f"{'':{width}}{head}"]
        row = "".join(f"{result.ap50:12.3f}" for result in kinds.values())
        row += "".join(f"{result.ap:12.3f}" for result in kinds.values())
        lines.append(f"{'all classes':{width}}{row}")
        for name in names:
            scores = "".join(
                f"{result.per_class_ap50.get(name, float('nan')):12.3f}"
                for result in kinds.values()
            )
            lines.append(f"{name:{width}}{scores}")
        lines.append(
            f"mean over images (compute_ap): {self.matterport_ap:.3f}   "
            f"{self.objects} objects in {self.images} images"
        )
        if errors and self.errors is not None:
            lines += ["", self.errors.table()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; curves are left out."""
        return {
            "box": self.box.to_dict(),
            "mask": None if self.mask is None else self.mask.to_dict(),
            "matterport_ap": self.matterport_ap,
            "images": self.images,
            "objects": self.objects,
            "errors": None if self.errors is None else self.errors.to_dict(),
        }


def evaluate_detections(
    dataset: Dataset, detections: Sequence[Detections], image_ids: Sequence[int] | None = None
) -> Evaluation:
    """Score detections, one for each image in order, against a data set.

    Raises:
        UsageError: if the numbers of images and detections differ.
    """
    ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    detections = numbers_of(dataset, detections)
    box = coco_ap(dataset, detections, ids, "bbox")
    with_masks = provides_outlines(dataset) and all(results.has_masks for results in detections)
    mask = coco_ap(dataset, detections, ids, "segm") if with_masks else None
    means: list[float] = []
    objects: list[Objects] = []
    for image_id, results in zip(ids, detections, strict=True):
        boxes, class_ids, masks = checked_instances(dataset, image_id)
        objects.append(Objects.of(boxes, class_ids, dataset.load_difficult(image_id)))
        if len(boxes):
            area, *_ = compute_ap(
                boxes,
                class_ids,
                masks if with_masks else None,
                results.boxes,
                results.class_ids,
                results.scores,
                results.masks if with_masks else None,
            )
            means.append(area)
    mean = float(np.mean(means)) if means else float("nan")
    errors = errors_of(detections, objects, [str(name) for name in dataset.class_names])
    count = sum(len(there.class_ids) for there in objects)
    return Evaluation(box, mask, mean, len(ids), count, errors)
