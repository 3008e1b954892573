"""Tasks by the name that stands in files."""

from maskdet.errors import UsageError
from maskdet.tasks.classification.task import CLASSIFICATION
from maskdet.tasks.detection.task import DETECTION
from maskdet.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (DETECTION, CLASSIFICATION)}


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        UsageError: for an unknown one; lists the known.
    """
    if name not in TASKS:
        raise UsageError(
            f"There is no task {name!r} in this maskdet; it has {', '.join(sorted(TASKS))}. "
            "A newer version may."
        )
    return TASKS[name]
