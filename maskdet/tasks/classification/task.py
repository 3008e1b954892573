"""Classification as the engines see it."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.base_config import BaseConfig
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement
from maskdet.tasks.classification.accuracy import Accuracy, evaluate_labels
from maskdet.tasks.classification.labels import Labels
from maskdet.tasks.task import Agreement, FileFacts, FileOutput, largest_difference, numbered_names

Array = NDArray[Any]
#: A score from which on a file must name the class that its network names.
CONFIDENT = 0.5
#: Largest difference of a score, and share of confident images whose class must be the same.
LIMITS = {"float32": (2e-3, 1.0), "float16": (0.02, 0.98), "int8": (0.2, 0.8)}
#: Accuracy that a file may lose on a data set.
LOST_ACCURACY = {"float32": 0.001, "float16": 0.01, "int8": 0.01}


class ClassificationTask:
    """See :class:`maskdet.tasks.task.Task`. Results are
    :class:`maskdet.tasks.classification.labels.Labels`."""

    name = "classification"
    description = "What a photo shows, said by maskdet"
    file_outputs: Mapping[str, FileOutput] = {
        "scores": FileOutput("probability", "class scores", "Score of each class"),
    }
    needed_outputs = "the scores of classes"
    profiles: Mapping[str, frozenset[str]] = {"labels": frozenset({"labels"})}

    def lessons(self, dataset: Any, config: Any) -> frozenset[str]:
        return frozenset({"labels"})

    def check_dataset(self, dataset: Any, config: BaseConfig) -> None:
        from maskdet.data.requirements import check_classes

        # First: of such a set no number of classes would do.
        if not dataset.gives_labels:
            raise UsageError(
                f"{type(dataset).__name__} says what objects its images have, but a classifier "
                "learns one class an image; give a set of folders, one a class, or override "
                "load_label()."
            )
        check_classes(dataset, config.NUM_CLASSES)

    def targets(self, dataset: Any, image_id: int) -> Any:
        from maskdet.data.targets import Targets

        return Targets.of_label(dataset.load_label(image_id))

    def loader_options(self, dataset: Any, config: Any, augment: Any) -> dict[str, Any]:
        return {"max_instances": 1, "mini_mask_shape": None, "with_labels": True}

    # ---- results ---------------------------------------------------------------------------
    def score(self, dataset: Any, results: Sequence[Labels]) -> Accuracy:
        return evaluate_labels(dataset, results)

    def figures(self, evaluation: Accuracy) -> dict[str, float]:
        return {"accuracy": evaluation.accuracy}

    def logged(self, evaluation: Accuracy) -> dict[str, float]:
        return {"accuracy": evaluation.accuracy}

    def report(self, dataset: Any, results: Sequence[Labels], evaluation: Accuracy) -> Any:
        from maskdet.tasks.classification.reporting import contents_of

        return contents_of(dataset, results, evaluation)

    def worth_showing(self, result: Labels) -> Labels:
        return result

    def allowed_loss(self, figure: str, precision: str) -> float:
        return LOST_ACCURACY[precision]

    def compare(
        self, expected: Sequence[Labels], results: Sequence[Labels], precision: str
    ) -> Agreement:
        limit, share = LIMITS[precision]
        confident = matched = 0
        errors = [
            largest_difference(labels.scores, others.scores)
            for labels, others in zip(expected, results, strict=True)
        ]
        other_photo, other = 0, ""
        for photo, (labels, others) in enumerate(zip(expected, results, strict=True)):
            if labels.score >= CONFIDENT:
                confident += 1
                matched += labels.name == others.name
                if labels.name != others.name:
                    other_photo = photo
                    other = f"the network says {labels.summary()}, the file {others.summary()}"
        fault, photo = None, 0
        if matched < share * confident:
            fault, photo = f"{other} ({matched} of {confident} classes agree)", other_photo
        elif errors and max(errors) > limit:
            photo = int(np.argmax(errors))
            fault = f"a score differs by {errors[photo]:.2g} (allowed {limit:g})"
        worst = {"score": max(errors, default=0.0)}
        return Agreement(len(expected), confident, matched, 0, worst, fault, photo)

    # ---- files -----------------------------------------------------------------------------
    def reporting_config(self, config: Any, count: int, min_score: float) -> Any:
        return copy.deepcopy(config)

    def set_min_score(self, config: Any, min_score: float) -> None:
        """Nothing: every class is reported."""

    def default_count(self, profile: str) -> int:
        return 1

    def file_facts(self, config: Any, outputs: frozenset[str], min_score: float) -> dict[str, Any]:
        return {"has_masks": False, "min_confidence": 0.0}

    def aligned(
        self, expected: Mapping[str, Array], arrays: Mapping[str, Array]
    ) -> dict[str, Array]:
        return dict(arrays)

    def missing_outputs(self, shapes: Sequence[tuple[int, ...] | None]) -> list[str]:
        fits = bool(shapes) and (shapes[0] is None or len(shapes[0]) == 2)
        return [] if fits else ["class scores (1, classes)"]

    def given_outputs(self, facts: FileFacts, count: int) -> frozenset[str]:
        return facts.outputs

    def decode(self, arrays: Sequence[Array], placement: Placement, facts: FileFacts) -> Labels:
        scores = np.asarray(arrays[0], dtype=np.float32).reshape(-1)
        names = numbered_names(facts.class_names, len(scores))[1:]
        return Labels(scores, names[: len(scores)], placement.image_shape)


CLASSIFICATION = ClassificationTask()
