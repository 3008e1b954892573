"""Detection as the engines see it."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from maskdet.base_config import BaseConfig
from maskdet.detections import Detections
from maskdet.geometry.placement import Placement
from maskdet.tasks.detection.comparison import compare_detections, matching_rows
from maskdet.tasks.detection.contract import DEFAULT_COUNTS, OUTPUTS, PROFILES
from maskdet.tasks.detection.decoding import decode_outputs
from maskdet.tasks.task import Agreement, FileFacts

Array = NDArray[Any]
#: AP and AP50 that a file may lose on a data set.
LOST_AP = {"float32": (0.001, 0.001), "float16": (0.01, 0.01), "int8": (0.02, 0.01)}
#: Score from which on a detection is drawn into pictures for people.
SHOWN_SCORE = 0.5
#: What a set may teach beside the task's outputs: masks by outlines, and masks by a box alone.
OUTLINES, BARE_BOXES = "outlines", "bare boxes"
#: Figures by their names in logs. Masks first: where they are trained they decide, since a good
#: mask needs a good box and not the other way round.
_LOGGED = {"mask_ap": "mask AP", "mask_ap50": "mask AP50", "ap": "box AP", "ap50": "box AP50"}
#: The outputs that any detector's file has.
_NEEDED = (
    ("boxes (1, N, 4)", lambda shape: len(shape) == 3 and shape[2] == 4),
    ("classes (1, N)", lambda shape: len(shape) == 2),
    ("scores (1, N)", lambda shape: len(shape) == 2),
    ("their number (1,)", lambda shape: len(shape) <= 1),
)


class DetectionTask:
    """See :class:`maskdet.tasks.task.Task`. Results are :class:`maskdet.detections.Detections`."""

    name = "detection"
    description = "Objects in a photo, found by maskdet"
    file_outputs = OUTPUTS
    needed_outputs = "boxes, classes, scores and their number"
    profiles = PROFILES

    def lessons(self, dataset: Any, config: Any) -> frozenset[str]:
        from maskdet.data.supervision import bare_boxes, masks_are_boxes

        rule = config.MASK_SUPERVISION
        outlines = bool(dataset.provides_masks) and rule != "boxes"
        if rule == "auto" and outlines and masks_are_boxes(dataset):
            outlines = False
        if rule == "none" or (rule == "masks" and not outlines):
            return frozenset({"boxes"})
        lessons = {"boxes", "masks"} | ({OUTLINES} if outlines else set())
        if rule != "masks" and (not outlines or bare_boxes(dataset)):
            lessons.add(BARE_BOXES)
        return frozenset(lessons)

    def check_dataset(self, dataset: Any, config: BaseConfig) -> None:
        from maskdet.data.requirements import check_classes, check_sources

        check_classes(dataset, config.NUM_CLASSES)
        check_sources(dataset)

    def targets(self, dataset: Any, image_id: int) -> Any:
        from maskdet.data.targets import Targets

        boxes, class_ids, masks = dataset.load_instances(image_id)
        outlined = None if masks is None else dataset.load_outlined(image_id)
        return Targets(boxes, class_ids, masks, outlined=outlined)

    def loader_options(self, dataset: Any, config: Any, augment: Any) -> dict[str, Any]:
        from maskdet.data.requirements import largest_count

        most = largest_count(dataset, config.MAX_GT_INSTANCES, config.ON_ERROR)
        if augment.mosaic:
            most = min(4 * most, config.MAX_GT_INSTANCES)
        shape = (config.MINI_MASK_SHAPE[0], config.MINI_MASK_SHAPE[1])
        return {
            "max_instances": most,
            "mini_mask_shape": shape if OUTLINES in self.lessons(dataset, config) else None,
            "whole_masks": not config.USE_MINI_MASK,
        }

    # ---- results ---------------------------------------------------------------------------
    def score(self, dataset: Any, results: Sequence[Detections]) -> Any:
        from maskdet.evaluation.report import evaluate_detections

        return evaluate_detections(dataset, results)

    def figures(self, evaluation: Any) -> dict[str, float]:
        figures = {"box AP50": evaluation.box.ap50, "box AP": evaluation.box.ap}
        if evaluation.mask is not None:
            figures |= {"mask AP50": evaluation.mask.ap50, "mask AP": evaluation.mask.ap}
        return figures

    def logged(self, evaluation: Any) -> dict[str, float]:
        figures = self.figures(evaluation)
        return {log: figures[name] for log, name in _LOGGED.items() if name in figures}

    def report(self, dataset: Any, results: Sequence[Detections], evaluation: Any) -> Any:
        from maskdet.tasks.detection.reporting import contents_of

        return contents_of(dataset, results, evaluation)

    def worth_showing(self, result: Detections) -> Detections:
        return result.filter(min_score=SHOWN_SCORE)

    def allowed_loss(self, figure: str, precision: str) -> float:
        return LOST_AP[precision][figure.endswith("50")]

    def compare(
        self, expected: Sequence[Detections], results: Sequence[Detections], precision: str
    ) -> Agreement:
        return compare_detections(expected, results, precision)

    # ---- files -----------------------------------------------------------------------------
    def reporting_config(self, config: Any, count: int, min_score: float) -> Any:
        reporting = copy.deepcopy(config)
        reporting.DETECTION_MAX_INSTANCES = count
        reporting.DETECTION_MIN_CONFIDENCE = min_score
        return reporting

    def set_min_score(self, config: Any, min_score: float) -> None:
        config.DETECTION_MIN_CONFIDENCE = min_score

    def default_count(self, profile: str) -> int:
        return DEFAULT_COUNTS[profile]

    def file_facts(self, config: Any, outputs: frozenset[str], min_score: float) -> dict[str, Any]:
        return {
            "has_masks": "masks" in outputs,
            "min_confidence": float(config.DETECTION_MIN_CONFIDENCE or 0.0),
            "nms_threshold": float(config.DETECTION_NMS_THRESHOLD),
            "min_score": min_score,
            "plain_boxes": bool(config.plain_boxes),
        }

    def aligned(
        self, expected: Mapping[str, Array], arrays: Mapping[str, Array]
    ) -> dict[str, Array]:
        order = matching_rows(expected, arrays)
        return {
            name: array[:, order] if array.ndim > 1 else array for name, array in arrays.items()
        }

    def missing_outputs(self, shapes: Sequence[tuple[int, ...] | None]) -> list[str]:
        missing = []
        for number, (what, fits) in enumerate(_NEEDED):
            shape = shapes[number] if number < len(shapes) else ()
            if number >= len(shapes) or not (shape is None or fits(shape)):
                missing.append(what)
        return missing

    def given_outputs(self, facts: FileFacts, count: int) -> frozenset[str]:
        return facts.outputs if count > len(_NEEDED) else facts.outputs - {"masks"}

    def decode(self, arrays: Sequence[Array], placement: Placement, facts: FileFacts) -> Detections:
        return decode_outputs(arrays, placement, facts)


DETECTION = DetectionTask()
