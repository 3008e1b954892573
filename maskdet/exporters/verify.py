"""Checks an exported file against the network it came from, in the client that will run it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.config import Config
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.exporters.contract import OUTPUT_NAMES, ExportOptions, input_placement
from maskdet.exporters.convert import molded
from maskdet.exporters.tflite import calibration_samples

Array = NDArray[Any]
#: Largest difference of any output in float32. Boxes are shares of a side, the others 0..1.
FLOAT_LIMIT = 1e-5
#: The same for masks, which lie behind most sums; trained networks were seen to reach 1e-5.
MASK_LIMIT = 1e-4
#: Share of confident objects that must be found again, at IoU 0.5 and the same class. Weights in
#: float16 move boxes by a thousandth; integers lose an object at the threshold now and then.
FOUND_AGAIN = {"float16": 0.98, "int8": 0.8}
CONFIDENT = 0.5
#: AP and AP50 that a file may lose on a data set.
LOST_AP = {"float32": (0.001, 0.001), "float16": (0.01, 0.01), "int8": (0.02, 0.01)}


@dataclass(frozen=True)
class Comparison:
    """How far a file is from its network over some images.

    Attributes:
        images: how many were looked at.
        errors: largest difference of each output, by its name in the file; {} where rows differ
            too much to be compared one by one.
        found, expected: confident objects of the network that the file found again, and all.
    """

    images: int
    errors: dict[str, float]
    found: int
    expected: int


def compare(
    lite: keras.Model,
    run_file: Callable[[dict[str, Array]], Sequence[Array]],
    config: Config,
    images: Iterable[Array],
) -> Comparison:
    """Run the network in Keras and its file on images (H, W, 3) and compare every output.

    Args:
        run_file: from the file's inputs to its outputs, in order.
    """
    names = [OUTPUT_NAMES[name] for name in lite.output]
    errors = dict.fromkeys(names, 0.0)
    found = expected = count = 0
    run = compiled(lite, config)
    for sample in calibration_samples(images, config, list(lite.input), from_bytes=True):
        theirs = dict(zip(names, run_file(sample), strict=True))
        ours = dict(zip(names, run(sample), strict=True))
        order = same_rows(ours, theirs)
        for name in names:
            rows = theirs[name][:, order] if theirs[name].ndim > 1 else theirs[name]
            errors[name] = max(errors[name], float(np.abs(ours[name] - rows).max()))
        again, wanted = _found_again(ours, theirs)
        found, expected, count = found + again, expected + wanted, count + 1
    return Comparison(count, errors, found, expected)


def same_rows(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> Array:
    """For each row of ours the row of theirs that is the same object.

    Two objects whose scores differ in the last bit may change places; nothing is wrong then.
    """
    from scipy.optimize import linear_sum_assignment

    far = np.abs(ours["score"][0][:, None] - theirs["score"][0][None])
    far = far + np.abs(ours["location"][0][:, None] - theirs["location"][0][None]).max(axis=2)
    far = far + 10.0 * (ours["category"][0][:, None] != theirs["category"][0][None])
    # Equal rows (the empty ones) stay in their places.
    far = far + 1e-9 * np.abs(np.subtract.outer(np.arange(len(far)), np.arange(len(far))))
    return np.asarray(linear_sum_assignment(far)[1])


def compiled(lite: keras.Model, config: Config) -> Callable[[Mapping[str, Array]], list[Array]]:
    """The network in Keras as a function from a file's inputs to its outputs, in order."""
    import tensorflow as tf

    image, *_ = lite.input

    @tf.function
    def graph(inputs: Mapping[str, Any]) -> Any:
        molds = {**inputs, image: molded(inputs[image], config)}
        return lite(molds, training=False)

    def run(sample: Mapping[str, Array]) -> list[Array]:
        outputs = graph({name: tf.constant(value) for name, value in sample.items()})
        return [np.asarray(outputs[name]) for name in lite.output]

    return run


def keras_detections(
    lite: keras.Model, config: Config, class_names: Sequence[str], options: ExportOptions
) -> Callable[[Array], Detections]:
    """A function from an image to what the network in Keras finds, as the runtime decodes it."""
    from maskdet.runtime.decoding import decode_outputs

    run, has_masks = compiled(lite, config), "masks" in lite.output

    def detect(image: Array) -> Detections:
        sample = next(calibration_samples([image], config, list(lite.input), True))
        placed = input_placement(config, image.shape)
        return decode_outputs(run(sample), placed, options.min_score, class_names, has_masks)

    return detect


def keras_latency(lite: keras.Model, config: Config, sample: Mapping[str, Array]) -> float:
    """Median milliseconds of one run in Keras, on all threads."""
    run = compiled(lite, config)
    return _median(lambda: run(sample), 5)


def _median(call: Callable[[], Any], rounds: int) -> float:
    """Median milliseconds of a call after three to warm up."""
    times = []
    for _ in range(rounds + 3):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(times[3:]))


def _interpreter(content: bytes, threads: int = 1) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def tflite_runner(content: bytes) -> Callable[[Mapping[str, Array]], list[Array]]:
    """A .tflite as a function from its inputs to its outputs, on one thread."""
    interpreter = _interpreter(content)
    return lambda sample: _run_file(interpreter, sample)


def _run_file(interpreter: Any, sample: Mapping[str, Array]) -> list[Array]:
    for detail, value in zip(interpreter.get_input_details(), sample.values(), strict=True):
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def _found_again(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> tuple[int, int]:
    """Confident objects of ours with one of theirs of the same class at IoU 0.5; and all."""
    from maskdet.geometry.boxes import pairwise_iou

    confident = ours["score"][0] >= CONFIDENT
    there = theirs["score"][0] > 0
    overlap = pairwise_iou(ours["location"][0][confident], theirs["location"][0][there])
    same = ours["category"][0][confident][:, None] == theirs["category"][0][there][None]
    hits = (overlap >= 0.5) & same
    return int(hits.any(axis=1).sum()), int(confident.sum())


def check(comparison: Comparison, options: ExportOptions, path: Any) -> None:
    """Raises UsageError where a file differs from its network beyond the limits."""
    if options.precision == "float32":
        limits = {
            name: MASK_LIMIT if name == "masks" else FLOAT_LIMIT for name in OUTPUT_NAMES.values()
        }
        for name, error in comparison.errors.items():
            if error > limits[name]:
                raise UsageError(
                    f"The exported file does not agree with the network: output '{name}' is off "
                    f"by {error:.2g} (allowed {limits[name]:g}); {path} was not written. Report "
                    "this with the Config."
                )
        return
    needed = FOUND_AGAIN[options.precision]
    if comparison.found < needed * comparison.expected:
        raise UsageError(
            f"The {options.precision} file finds only {comparison.found} of "
            f"{comparison.expected} objects that the network finds; {path} was not written. Give "
            "more calibration images like those the detector will see, or use "
            "precision='float32'."
        )


def check_scores(rows: Sequence["Row"], options: ExportOptions, path: Any) -> None:
    """Raises UsageError where a file's AP is further below its network's than allowed."""
    before, after = rows[0].scores, rows[-1].scores
    for key, score in before.items():
        loss = score - after[key]
        allowed = LOST_AP[options.precision][key.endswith("50")]
        if loss > allowed:
            raise UsageError(
                f"The {options.precision} file loses {100 * loss:.1f} points of {key} on the data "
                f"set ({100 * allowed:g} are allowed); {path} was not written. Give more "
                "calibration images like those the detector will see, use "
                "precision='float32', or verify=False if that is good enough."
            )


def latency(content: bytes, sample: Sequence[Array], rounds: int = 15) -> float:
    """Median milliseconds of one run on one thread."""
    interpreter = _interpreter(content)
    for detail, value in zip(interpreter.get_input_details(), sample, strict=True):
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
    return _median(interpreter.invoke, rounds)


@dataclass(frozen=True)
class Row:
    """A line of the table that an export prints."""

    name: str
    size: int
    milliseconds: float
    scores: Mapping[str, float]

    def text(self, width: int) -> str:
        numbers = [f"{self.scores[key]:10.3f}" if key in self.scores else f"{'':>10}" for key in AP]
        size = f"{self.size / 1e6:8.2f} MB" if self.size else f"{'':>11}"
        taken = f"{self.milliseconds:9.1f} ms" if self.milliseconds > 0 else f"{'':>12}"
        return f"{self.name:{width}}{size}{taken}{''.join(numbers)}"


AP = ("box AP50", "box AP", "mask AP50", "mask AP")


def table(rows: Sequence[Row]) -> str:
    """file / size / latency / box AP / mask AP, a line a row."""
    width = max(len(row.name) for row in rows) + 2
    used = any(row.scores for row in rows)
    head = "".join(f"{key:>10}" for key in AP) if used else ""
    lines = [f"{'file':{width}}{'size':>11}{'one thread':>12}{head}".rstrip()]
    return "\n".join([*lines, *(row.text(width).rstrip() for row in rows)])


def average_precision(dataset: Any, found: Sequence[Detections]) -> dict[str, float]:
    """Box and mask AP of detections on a data set, as :data:`AP` names them."""
    from maskdet.evaluation.report import evaluate_detections

    result = evaluate_detections(dataset, found)
    scores = {"box AP50": result.box.ap50, "box AP": result.box.ap}
    if result.mask is not None:
        scores |= {"mask AP50": result.mask.ap50, "mask AP": result.mask.ap}
    return scores
