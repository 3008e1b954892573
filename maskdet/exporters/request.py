"""What a user asks of an export."""

from dataclasses import dataclass

from maskdet.errors import UsageError
from maskdet.tasks.task import Task

PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True)
class ExportRequest:
    """What the file is to be.

    Attributes:
        precision: "float32", "float16" (weights) or "int8".
        profile: one of the task's.
        count: results that a file reports at most.
        min_score: lowest score that it reports.

    Raises:
        UsageError: for an unknown precision, or numbers that cannot be.
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
        if self.count < 1:
            raise UsageError(f"count is {self.count}; a file must report at least one object.")
        if not 0 < self.min_score < 1:
            raise UsageError(f"min_score is {self.min_score}; give a score between 0 and 1.")

    @classmethod
    def of(
        cls,
        task: Task,
        precision: str | None,
        profile: str | None,
        calibrated: bool,
        count: int | None,
        min_score: float,
    ) -> "ExportRequest":
        """A request with the task's defaults for what was not said.

        Args:
            calibrated: whether photos to calibrate with are given, which makes int8 the default.

        Raises:
            UsageError: for an unknown profile too.
        """
        wanted = next(iter(task.profiles)) if profile is None else profile
        if wanted not in task.profiles:
            raise UsageError(f"profile is {wanted!r}; use one of {', '.join(task.profiles)}.")
        default = "int8" if calibrated else "float32"
        most = task.default_count(wanted) if count is None else count
        return cls(precision or default, wanted, most, min_score)
