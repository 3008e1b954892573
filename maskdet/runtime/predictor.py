"""From an image through an exported file to its task's result, whatever the task."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError, WeightsError
from maskdet.geometry.boxes import normalize_boxes
from maskdet.geometry.placement import Placement, stretched
from maskdet.images import checked_image, resize_image
from maskdet.runtime.interpreter import make_interpreter
from maskdet.runtime.model_file import read_content, read_facts
from maskdet.setting_checks import check_share_value
from maskdet.tasks.table import get_task
from maskdet.tasks.task import FileFacts, Task

Array = NDArray[Any]
#: What files of each task are, and what runs them.
_RUNNERS = {
    "classification": "it is a classifier: use maskdet.runtime.Classifier(path), or ",
    "detection": "it is a detector: use maskdet.runtime.Detector(path), or ",
}


class Predictor:
    """An exported file at work; base of :class:`maskdet.runtime.Detector` and
    :class:`maskdet.runtime.Classifier`.

    Args:
        path: a .tflite file of ``model.export()``.
        threads: by default one for each core.
        min_confidence: lowest score of a result; by default what the file says (0.5 for files of
            others). Below the file's own limit there is nothing to find.
        class_names: names by class id, the background first, for a file that holds none.

    Attributes:
        class_names, input_shape (height, width), outputs, task, facts.

    Raises:
        WeightsError: if the file is missing, damaged, or not of the class's task; says what is
            missing.
        UsageError: if no interpreter is installed, or for a number of threads below 1.
        ConfigError: for a lowest score that is no share.
    """

    #: The task whose files a subclass runs; empty for any.
    task_name = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        threads: int | None = None,
        min_confidence: float | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.path = os.fspath(path)
        if min_confidence is not None:
            check_share_value("The lowest score", min_confidence)
        content = read_content(path)
        self.facts: FileFacts = read_facts(path, content)
        if self.task_name and self.facts.task != self.task_name:
            runner = _RUNNERS.get(self.facts.task, "")
            raise WeightsError(
                f"{self.path} is a file for {self.facts.task}, not for {self.task_name}; {runner}"
                "open it with maskdet.runtime.open_file(path)."
            )
        self.task: Task = get_task(self.facts.task)
        self._threads = threads
        self._interpreter = make_interpreter(self.path, content, threads)
        self._image, self._window = self._find_inputs()
        self._outputs = self._find_outputs()
        shape = self._image["shape"]
        self.input_shape = (int(shape[1]), int(shape[2]))
        self.outputs = self.task.given_outputs(self.facts, len(self._outputs))
        self.min_confidence = float(
            self.facts.min_confidence if min_confidence is None else min_confidence
        )
        self.class_names = tuple(class_names or self.facts.class_names)
        self._placements: dict[tuple[int, int], tuple[Placement, Array]] = {}

    @property
    def has_masks(self) -> bool:
        """Whether masks are among the outputs."""
        return "masks" in self.outputs

    def _find_inputs(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        details = self._interpreter.get_input_details()
        images = [d for d in details if len(d["shape"]) == 4 and d["shape"][3] in (1, 3)]
        if not images or images[0]["shape"][0] != 1:
            raise WeightsError(
                f"{self.path} takes no single image (1, height, width, 3); it is no network for "
                "photos."
            )
        windows = [d for d in details if tuple(d["shape"]) == (1, 4)]
        if len(details) != 1 + len(windows):
            raise WeightsError(
                f"{self.path} has inputs of unknown meaning; export one with model.export()."
            )
        return images[0], windows[0] if windows else None

    def _find_outputs(self) -> list[int]:
        """Indices of the task's outputs, in its order."""
        details = self._interpreter.get_output_details()
        missing = self.task.missing_outputs([_shape(detail) for detail in details])
        if missing:
            raise WeightsError(
                f"{self.path} cannot be used for {self.task.name}: its first outputs must be "
                f"{self.task.needed_outputs}, but it lacks {', '.join(missing)}; export one with "
                "model.export()."
            )
        return [detail["index"] for detail in details]

    def predict(self, image: Array) -> Any:
        """The task's result for an image uint8 (H, W, 3), RGB, in its own pixels.

        Raises:
            UsageError: if it is no such image.
        """
        placement = self.place(image)
        self.invoke()
        return self.decoded(placement)

    def place(self, image: Array) -> Placement:
        """Put an image into the network's input: the first step of :meth:`predict`."""
        pixels = self._checked(image)
        placement, window = self._placed((pixels.shape[0], pixels.shape[1]))
        self._interpreter.set_tensor(self._image["index"], self._fed(pixels, placement))
        if self._window is not None:
            self._interpreter.set_tensor(self._window["index"], window)
        return placement

    def invoke(self) -> None:
        """Run the network on what was placed last: the second step."""
        self._interpreter.invoke()

    def decoded(self, placement: Placement) -> Any:
        """The task's result in what the network gave last: the third step."""
        arrays = [self._interpreter.get_tensor(index) for index in self._outputs]
        facts = replace(
            self.facts,
            min_confidence=self.min_confidence,
            class_names=self.class_names,
            outputs=self.outputs,
        )
        return self.task.decode(arrays, placement, facts)

    def cut(self, content: bytes) -> Any:
        """An interpreter of this file cut short, with as many threads and what was placed last.

        Args:
            content: a .tflite file with this one's inputs.
        """
        cut = make_interpreter(self.path, content, self._threads)
        details = zip(self._interpreter.get_input_details(), cut.get_input_details(), strict=True)
        for mine, its in details:
            cut.set_tensor(its["index"], self._interpreter.get_tensor(mine["index"]))
        return cut

    def _checked(self, image: Array) -> Array:
        pixels = checked_image(image, int(self._image["shape"][3]))
        if pixels.dtype != np.uint8:
            raise UsageError(
                f"An image must be uint8 (0..255), but is {np.asarray(image).dtype}; convert it "
                "first."
            )
        return pixels

    def _placed(self, shape: tuple[int, int]) -> tuple[Placement, Array]:
        """Where an image (height, width) lies in the input; kept, as a camera's never changes."""
        if shape not in self._placements:
            if len(self._placements) > 64:
                self._placements.clear()
            rule = self.facts.placement
            placement = stretched(shape, self.input_shape) if rule is None else rule(shape)
            window = normalize_boxes([placement.window], placement.canvas_shape).reshape(1, 4)
            self._placements[shape] = placement, window
        return self._placements[shape]

    def _fed(self, pixels: Array, placement: Placement) -> Array:
        canvas = resize_image(pixels, placement)[None]  # (1, H, W, C)
        kind = self._image["dtype"]
        if kind == np.uint8:
            return canvas
        if kind == np.int8:
            return (canvas.astype(np.int16) - 128).astype(np.int8)
        # Float files of others take -1..1; ours take bytes.
        return (canvas.astype(np.float32) - 127.5) / 127.5


def _shape(detail: dict[str, Any]) -> tuple[int, ...] | None:
    """An output's shape; None where it is known only after a run (TFLite_Detection_PostProcess)."""
    shape = tuple(int(side) for side in detail["shape"])
    return None if not shape or 0 in shape or -1 in shape else shape
