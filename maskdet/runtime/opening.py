"""Opening an exported file whatever its task."""

import os
from collections.abc import Sequence

from maskdet.runtime.classifier import Classifier
from maskdet.runtime.detector import Detector
from maskdet.runtime.model_file import read_content, read_facts
from maskdet.runtime.predictor import Predictor

_KINDS: dict[str, type[Predictor]] = {kind.task_name: kind for kind in (Detector, Classifier)}


def open_file(
    path: str | os.PathLike[str],
    threads: int | None = None,
    min_confidence: float | None = None,
    class_names: Sequence[str] | None = None,
) -> Predictor:
    """A Detector or a Classifier, as the file says; arguments and errors are theirs."""
    task = read_facts(path, read_content(path)).task
    return _KINDS.get(task, Predictor)(path, threads, min_confidence, class_names)
