"""COCO's average precision, by pycocotools."""

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as mask_tools
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskdet.data.dataset import Dataset
from maskdet.data.requirements import fitting_objects
from maskdet.detections import Detections
from maskdet.errors import UsageError


@dataclass(frozen=True)
class APResult:
    """COCO's scores; each is 0..1, or nan where nothing was there to find.

    Attributes:
        ap: mean over IoU 0.5 to 0.95 and classes.
        ap50, ap75: at IoU 0.5 and 0.75.
        per_class_ap50: by class name, classes with objects only.
        curves: (recall, precision) at IoU 0.5 by class name.
        by_size: ``ap`` of small, medium and large objects alone, which end at 32 x 32 and 96 x 96
            pixels of the photo, as COCO counts them.
    """

    ap: float
    ap50: float
    ap75: float
    per_class_ap50: dict[str, float] = field(default_factory=dict)
    curves: dict[str, tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict)
    by_size: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything but curves and sizes, for JSON."""
        return {
            "ap": self.ap,
            "ap50": self.ap50,
            "ap75": self.ap75,
            "per_class_ap50": dict(self.per_class_ap50),
        }


def coco_ap(
    dataset: Dataset,
    detections: Sequence[Detections],
    image_ids: Sequence[int] | None = None,
    iou_type: str = "bbox",
) -> APResult:
    """Average precision of detections on a data set.

    Args:
        dataset: prepared. Crowds and objects marked difficult are neither right nor wrong.
        detections: one for each image, in their order.
        image_ids: the images; None for all.
        iou_type: "bbox" or "segm".

    Raises:
        UsageError: if the numbers of images and detections differ.
    """
    ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    if len(ids) != len(detections):
        raise UsageError(
            f"There are {len(ids)} images but {len(detections)} detections; give one for each."
        )
    detections = numbers_of(dataset, detections)
    truth = COCO()
    truth.dataset = _ground_truth(dataset, ids, iou_type == "segm")
    results = [
        entry
        for number, results in enumerate(detections, start=1)
        for entry in _results(results, number, iou_type == "segm")
    ]
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # pycocotools' compiled part still uses an old signature of numpy's protocol.
        warnings.simplefilter("ignore", DeprecationWarning)
        truth.createIndex()
        found_all = truth.loadRes(results) if results else _nothing(truth)
        evaluator = COCOeval(truth, found_all, iou_type)
        # As many detections per image as the detector gave, but COCO's 100 at least.
        most = max([100, *(len(results) for results in detections)])
        evaluator.params.maxDets = [1, 10, most]
        evaluator.evaluate()
        evaluator.accumulate()
    return _scores(evaluator, list(dataset.class_names))


def checked_instances(dataset: Dataset, image_id: int) -> tuple[Any, Any, Any]:
    """Boxes, class ids and masks of an image. Raises DataError where they cannot be of it."""
    boxes, class_ids, masks = dataset.load_instances(image_id)
    shape, label = dataset.image_shape(image_id), dataset.image_label(image_id)
    fitting_objects(class_ids, masks, shape, len(dataset.class_info), label)
    return boxes, class_ids, masks


def numbers_of(dataset: Dataset, detections: Sequence[Detections]) -> list[Detections]:
    """Detections with the data set's class ids: classes are the same where their names are.

    Raises:
        UsageError: for a detection of a class that the data set does not have; names both lists.
    """
    own = tuple(str(name) for name in dataset.class_names)
    return [
        results if results.class_names == own else _renumbered(results, own)
        for results in detections
    ]


def _renumbered(results: Detections, names: tuple[str, ...]) -> Detections:
    numbers = {name: number for number, name in enumerate(names)}
    used = set(results.names)
    # Networks that know no names call their classes by number.
    nameless = all(name == f"class {i}" for i, name in enumerate(results.class_names) if i)
    if nameless and len(results.class_names) == len(names):
        return replace(results, class_names=names)
    unknown = sorted(used - set(names))
    if unknown:
        raise UsageError(
            f"The detections are of {', '.join(results.class_names[1:])}, but the data set has "
            f"{', '.join(names[1:])}; {unknown[0]!r} is not among them, so there is nothing to "
            "score it by."
        )
    class_ids = np.array([numbers[name] for name in results.names], np.int32)
    return replace(results, class_ids=class_ids, class_names=names)


def _nothing(truth: Any) -> Any:
    empty = COCO()
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _ground_truth(dataset: Dataset, ids: list[int], with_masks: bool) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image_id in enumerate(ids, start=1):
        height, width = dataset.image_shape(image_id)
        images.append({"id": number, "height": int(height), "width": int(width)})
        boxes, class_ids, masks = checked_instances(dataset, image_id)
        difficult = dataset.load_difficult(image_id)
        for i, (box, kind) in enumerate(zip(boxes, class_ids, strict=True)):
            y1, x1, y2, x2 = (float(value) for value in box)
            entry: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": abs(int(kind)),
                "iscrowd": int(kind < 0 or bool(difficult[i])),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (y2 - y1) * (x2 - x1),
            }
            if with_masks and masks is not None:
                entry["segmentation"] = _rle(masks[..., i])
                entry["area"] = int(masks[..., i].sum())
            annotations.append(entry)
    categories = [{"id": i, "name": n} for i, n in enumerate(dataset.class_names) if i > 0]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def _rle(mask: NDArray[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return mask_tools.encode(np.asfortranarray(mask, dtype=np.uint8))


def _results(results: Detections, number: int, with_masks: bool) -> list[dict[str, Any]]:
    height, width = results.image_shape
    runs = results.rle() if with_masks else None
    # pycocotools fails on a list of none.
    masks = mask_tools.frPyObjects(runs, height, width) if runs else runs
    entries = []
    for i in range(len(results)):
        y1, x1, y2, x2 = (float(value) for value in results.boxes[i])
        entry: dict[str, Any] = {
            "image_id": number,
            "category_id": int(results.class_ids[i]),
            "score": float(results.scores[i]),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
        if masks is not None:
            entry["segmentation"] = masks[i]
            del entry["bbox"]
        entries.append(entry)
    return entries


def _scores(evaluator: Any, names: list[str]) -> APResult:
    by_area = evaluator.eval["precision"][..., -1]  # IoU, recall, class, area
    precision = by_area[..., 0]  # IoU, recall, class
    grid = np.asarray(evaluator.params.recThrs)

    def mean(values: NDArray[Any]) -> float:
        known = values[values > -1]
        return float(known.mean()) if known.size else float("nan")

    per_class, curves = {}, {}
    for column, category in enumerate(evaluator.params.catIds):
        curve = precision[0, :, column]
        if (curve > -1).any():
            per_class[names[category]] = mean(curve)
            curves[names[category]] = (grid, curve)
    sizes = {
        size: mean(by_area[..., area])
        for area, size in enumerate(evaluator.params.areaRngLbl)
        if size != "all"
    }
    return APResult(
        mean(precision), mean(precision[0]), mean(precision[5]), per_class, curves, sizes
    )
