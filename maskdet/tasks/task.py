"""What a network is for: the contract between a task and the engines.

A family says how a network is made, its task what comes out: the type of its results, what a data
set teaches it, how results are scored and compared, and what an exported file gives. A task's
modules need numpy alone when they are loaded, since the runtime reads files with them on a Pi.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from maskdet.base_config import BaseConfig
from maskdet.geometry.placement import Placement, PlacementRule

Array = NDArray[Any]


@dataclass(frozen=True)
class FileOutput:
    """One output of an exported file.

    Attributes:
        name: in the file.
        meaning: "boxes", "class numbers", "class scores" or "values".
        description: for people.
        grouped: whether it is one of those that clients read together.
        limit: largest difference between network and file in float32.
    """

    name: str
    meaning: str
    description: str
    grouped: bool = False
    limit: float = 1e-5


@dataclass(frozen=True)
class FileFacts:
    """What an exported file says of itself, as far as results need it.

    Attributes:
        class_names: index 0 is the background; empty where the file names none.
        ours: whether maskdet wrote the file; else only what the tensors show is known.
        task: name of the task.
        outputs: which of the task's outputs the file gives.
        min_confidence: score from which a result is reported.
        placement: where an image goes in the input; None draws it out to the input, as other
            people's files want it.
        all: everything as it stands in the file.
    """

    class_names: tuple[str, ...] = ()
    ours: bool = False
    task: str = "detection"
    outputs: frozenset[str] = frozenset({"boxes"})
    min_confidence: float = 0.5
    placement: PlacementRule | None = None
    all: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreement:
    """How far a file's results are from its network's.

    Attributes:
        photos: how many were looked at.
        expected: confident things in the network's results; 0 where nothing could be compared.
        matched: those of them that are in the file's results too.
        surplus: confident things in the file's results that the network does not have.
        errors: largest differences of matched things by name, such as "box" (pixels of the photo).
        fault: what is beyond the limits of the file's precision, and None where nothing is.
        photo: number of the photo that shows the fault best.
    """

    photos: int
    expected: int
    matched: int
    surplus: int
    errors: Mapping[str, float]
    fault: str | None = None
    photo: int = 0


class Task(Protocol):
    """What the engines ask of a task."""

    #: As it stands in files.
    name: str
    #: What a file of it is called in metadata.
    description: str
    #: The outputs that any file of the task has, in words.
    needed_outputs: str

    @property
    def file_outputs(self) -> Mapping[str, FileOutput]:
        """Every output of an exported file by its key in the family's network for export."""
        ...

    @property
    def profiles(self) -> Mapping[str, frozenset[str]]:
        """The outputs that each export profile may give; the first profile is the default."""
        ...

    # ---- data and training -----------------------------------------------------------------
    def lessons(self, dataset: Any, config: Any) -> frozenset[str]:
        """What a data set teaches: outputs of the task, such as {"boxes", "masks"}, and what else a
        family's losses have to know of it."""
        ...

    def check_dataset(self, dataset: Any, config: BaseConfig) -> None:
        """Raises UsageError or ConfigError where a data set cannot serve a network of a Config."""
        ...

    def targets(self, dataset: Any, image_id: int) -> Any:
        """What an image teaches: :class:`maskdet.data.targets.Targets`."""
        ...

    def loader_options(self, dataset: Any, config: Any, augment: Any) -> dict[str, Any]:
        """Keywords for :class:`maskdet.data.loader.Loader` that depend on the task."""
        ...

    # ---- results ---------------------------------------------------------------------------
    def score(self, dataset: Any, results: Sequence[Any]) -> Any:
        """An evaluation of results, one for each image in order; it has a ``table()``."""
        ...

    def figures(self, evaluation: Any) -> dict[str, float]:
        """The evaluation's main figures by name, higher is better, 0..1."""
        ...

    def logged(self, evaluation: Any) -> dict[str, float]:
        """The same figures as a training's logs call them, such as {"ap": 0.4, "ap50": 0.7}.

        The first one decides which weights are the best; NaN where a set has nothing to find.
        """
        ...

    def report(self, dataset: Any, results: Sequence[Any], evaluation: Any) -> Any:
        """What people are told of an evaluation: :class:`maskdet.report.chapters.Contents`.

        Args:
            dataset: that was scored.
            results: one for each of its images, in order.
            evaluation: their scores.
        """
        ...

    def worth_showing(self, result: Any) -> Any:
        """The part of a result that is drawn into a picture for people."""
        ...

    def allowed_loss(self, figure: str, precision: str) -> float:
        """How much of a figure a file of this precision may lose."""
        ...

    def compare(self, expected: Sequence[Any], results: Sequence[Any], precision: str) -> Agreement:
        """A file's results beside its network's, photo by photo."""
        ...

    # ---- files -----------------------------------------------------------------------------
    def reporting_config(self, config: Any, count: int, min_score: float) -> Any:
        """A copy of a Config under which a network reports all that a file reports."""
        ...

    def set_min_score(self, config: Any, min_score: float) -> None:
        """Set in a Config the lowest score of a result that is reported, where there is one."""
        ...

    def default_count(self, profile: str) -> int:
        """Results that a file of a profile reports at most unless somebody says otherwise."""
        ...

    def file_facts(self, config: Any, outputs: frozenset[str], min_score: float) -> dict[str, Any]:
        """What a file says beside what every file does, for :class:`FileFacts`."""
        ...

    def aligned(
        self, expected: Mapping[str, Array], arrays: Mapping[str, Array]
    ) -> dict[str, Array]:
        """A file's arrays (by name) with their rows in the order of the network's."""
        ...

    def missing_outputs(self, shapes: Sequence[tuple[int, ...] | None]) -> list[str]:
        """What a file lacks to be decoded; a shape is None where it is known after a run only."""
        ...

    def given_outputs(self, facts: FileFacts, count: int) -> frozenset[str]:
        """What a file with so many output tensors gives."""
        ...

    def decode(
        self,
        arrays: Sequence[Array],
        placement: Placement,
        facts: FileFacts,
    ) -> Any:
        """A file's output arrays as a result in the image's own pixels."""
        ...


def numbered_names(names: Sequence[str], largest: int) -> tuple[str, ...]:
    """Class names, with numbers for those that a file does not name."""
    known = tuple(names) or ("BG",)
    return (*known, *(f"class {i}" for i in range(len(known), largest + 1)))


def largest_difference(expected: Array, values: Array) -> float:
    """Of two arrays of one shape; 0 for empty ones."""
    return float(np.abs(np.asarray(expected) - np.asarray(values)).max(initial=0.0))
