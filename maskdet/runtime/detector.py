"""Detects with an exported file: from an image to Detections."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.errors import UsageError, WeightsError
from maskdet.geometry.boxes import normalize_boxes
from maskdet.geometry.placement import Placement, place
from maskdet.images import resize_image
from maskdet.runtime.decoding import decode_outputs
from maskdet.runtime.interpreter import make_interpreter
from maskdet.runtime.model_file import ModelFacts, read_content, read_facts

Array = NDArray[Any]


class Detector:
    """An exported detector: the same Detections as the model it came from.

    Args:
        path: a .tflite file of ``model.export()``. A plain detector of others with the four
            outputs of TFLite_Detection_PostProcess runs too, without masks.
        threads: by default one for each core.
        min_confidence: lowest score of a detection; by default what the model was exported with
            (0.5 for files of others). Below the file's own limit there is nothing to find.
        class_names: names by class id, the background first, for a file that holds none.

    Attributes:
        class_names, input_shape (height, width), has_masks, facts.

    Raises:
        WeightsError: if the file is missing, damaged, or no detector; says what is missing.
        UsageError: if no interpreter is installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        threads: int | None = None,
        min_confidence: float | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.path = os.fspath(path)
        content = read_content(path)
        self.facts: ModelFacts = read_facts(path, content)
        self._interpreter = make_interpreter(self.path, content, threads)
        self._image, self._window = self._find_inputs()
        self._outputs = self._find_outputs()
        shape = self._image["shape"]
        self.input_shape = (int(shape[1]), int(shape[2]))
        self.has_masks = self.facts.has_masks and len(self._outputs) > 4
        self.min_confidence = float(
            self.facts.min_confidence if min_confidence is None else min_confidence
        )
        self.class_names = tuple(class_names or self.facts.class_names)
        self._places: dict[tuple[int, ...], tuple[Placement, Array]] = {}

    def _find_inputs(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        details = self._interpreter.get_input_details()
        images = [d for d in details if len(d["shape"]) == 4 and d["shape"][3] in (1, 3)]
        if not images or images[0]["shape"][0] != 1:
            raise WeightsError(
                f"{self.path} takes no single image (1, height, width, 3); it is no detector."
            )
        windows = [d for d in details if tuple(d["shape"]) == (1, 4)]
        if len(details) != 1 + len(windows):
            raise WeightsError(f"{self.path} has inputs of unknown meaning; it is no detector.")
        return images[0], windows[0] if windows else None

    def _find_outputs(self) -> list[int]:
        """Indices of location, category, score, number and perhaps masks."""
        details = self._interpreter.get_output_details()
        shapes = [tuple(int(side) for side in d["shape"]) for d in details]
        missing = [
            name
            for name, at, ok in (
                ("boxes (1, N, 4)", 0, lambda s: len(s) == 3 and s[2] == 4),
                ("classes (1, N)", 1, lambda s: len(s) == 2),
                ("scores (1, N)", 2, lambda s: len(s) == 2),
                ("their number (1,)", 3, lambda s: len(s) <= 1),
            )
            if at >= len(shapes) or not (ok(shapes[at]) or self._dynamic(details[at]))
        ]
        if missing:
            raise WeightsError(
                f"{self.path} is no detector that can be used here: outputs 0 to 3 must be boxes, "
                f"classes, scores and their number, but it lacks {', '.join(missing)}; export one "
                "with model.export()."
            )
        return [d["index"] for d in details]

    @staticmethod
    def _dynamic(detail: dict[str, Any]) -> bool:
        """Whether an output's shape is known only after a run (TFLite_Detection_PostProcess)."""
        return len(detail["shape"]) == 0 or 0 in detail["shape"] or -1 in detail["shape"]

    # ---- detection -------------------------------------------------------------------------
    def detect(self, image: Array) -> Detections:
        """What is in an image uint8 (H, W, 3), RGB: boxes and masks in its own pixels.

        Raises:
            UsageError: if it is no such image.
        """
        pixels = self._checked(image)
        placed, window = self._placed(pixels.shape)
        self._interpreter.set_tensor(self._image["index"], self._fed(pixels, placed))
        if self._window is not None:
            self._interpreter.set_tensor(self._window["index"], window)
        self._interpreter.invoke()
        return self._decode(placed)

    def _checked(self, image: Array) -> Array:
        pixels = np.asarray(image)
        channels = int(self._image["shape"][3])
        if pixels.ndim == 2 and channels == 3:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        if pixels.ndim == 3 and pixels.shape[2] == 4 and channels == 3:
            pixels = pixels[..., :3]
        if pixels.ndim != 3 or pixels.shape[2] != channels or 0 in pixels.shape:
            raise UsageError(
                f"An image must be H x W x {channels}, RGB of 0..255. Received: shape "
                f"{pixels.shape}."
            )
        if pixels.dtype != np.uint8:
            raise UsageError(
                f"An image must be uint8 (0..255), but is {pixels.dtype}; convert it first."
            )
        return pixels

    def _placed(self, shape: tuple[int, ...]) -> tuple[Placement, Array]:
        """Where an image of this shape lies in the input; kept, as a camera's never changes."""
        key = shape[0], shape[1]
        if key not in self._places:
            if len(self._places) > 64:
                self._places.clear()
            height, width = self.input_shape
            if self.facts.max_dim:
                facts = self.facts
                placed = place(key, facts.min_dim, facts.max_dim, facts.min_scale, "square")
            else:
                placed = Placement(key, (height, width), 1.0, (0, 0, height, width))
            window = normalize_boxes([placed.window], placed.canvas_shape).reshape(1, 4)
            self._places[key] = placed, window
        return self._places[key]

    def _fed(self, pixels: Array, placed: Placement) -> Array:
        canvas = resize_image(pixels, placed)[None]
        kind = self._image["dtype"]
        if kind == np.uint8:
            return canvas
        if kind == np.int8:
            return (canvas.astype(np.int16) - 128).astype(np.int8)
        # Float files of others take -1..1; ours take bytes.
        return (canvas.astype(np.float32) - 127.5) / 127.5

    def _decode(self, placed: Placement) -> Detections:
        outputs = [self._interpreter.get_tensor(index) for index in self._outputs]
        found = decode_outputs(
            outputs,
            placed,
            self.min_confidence,
            self.class_names,
            self.has_masks,
            self.facts.ours,
        )
        self.class_names = found.class_names
        return found
