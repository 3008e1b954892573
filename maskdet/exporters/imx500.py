"""The Raspberry Pi AI Camera: a package whose network runs in the sensor (Sony's IMX500).

Weights go over into Keras 2, in a process of their own: the camera's tools read nothing else. The
sensor does non-maximum suppression too, so that a photo's objects come out of the camera, not the
numbers of thousands of anchors.
"""

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.imx500_process import PACKAGE, QuantisingProcess, convert, told, tools_python
from maskdet.exporters.imx500_report import (
    PARAMETERS,
    MemoryReport,
    check_input,
    read_memory_report,
)
from maskdet.exporters.layer_list import layer_list
from maskdet.exporters.source import Source, class_labels
from maskdet.exporters.writer import Made, check_path, write_file
from maskdet.layers.lite.candidates import BestAnchors
from maskdet.layers.lite.detection import LiteDetections
from maskdet.runtime.model_file import FACTS, LABELS

Array = NDArray[Any]
#: In the file, beside the package, labels and facts: what the converter says.
MEMORY = "memory.json"
#: Largest difference of raw outputs of the same weights in two Kerases. They are logits and deltas,
#: numbers around ten behind dozens of sums.
CROSSING_LIMIT = 1e-2
# Photos on which those are compared.
_CHECKED = 2
_CHANNELS = 3
# Grey levels that the camera may call 0: its pixels are bytes, or bytes less 128.
_ZEROS = (0, 127, 128)


class IMX500Writer:
    """See :class:`maskdet.exporters.writer.Writer`. Needs the camera's tools, see
    :func:`maskdet.exporters.imx500_process.tools_python`."""

    kind = "AI Camera"
    precisions = ("int8",)

    def check_path(self, path: Path) -> None:
        check_path(path)
        tools_python()

    @contextlib.contextmanager
    def making(self, source: Source, path: Path, photos: Iterable[Array] | None) -> Iterator[Made]:
        python = tools_python()
        with tempfile.TemporaryDirectory(prefix="maskdet-imx500-") as name:
            folder = Path(name)
            write_inputs(source, folder, photos or ())
            with QuantisingProcess(python, folder) as process:
                check_crossing(process.answer()["differences"])
                process.answer()  # quantised
                converted, log = convert(python, folder)
                memory = checked_memory(read_memory_report(converted), log, source)
                check_input((converted / PARAMETERS).read_text(encoding="utf-8"), source.pixels)
                content = packed(source, (converted / PACKAGE).read_bytes(), memory)

                def run(sample: dict[str, Array]) -> list[Array]:
                    boxes, scores, classes, count = process.run(sample[source.inputs[0]])
                    arrays = {"boxes": boxes, "classes": classes, "scores": scores}
                    arrays["count"] = count.reshape(-1)
                    return [arrays[key].astype(np.float32) for key in source.lite.output]

                def result(image: Array) -> Any:
                    sample, placement = source.sample(image)
                    return source.decode(run(sample), placement)

                commit = partial(write_file, path, content)
                yield Made(len(content), (), run, result, commit, notes=(memory.sentence(),))


def detector_parts(source: Source) -> tuple[keras.Model, BestAnchors, LiteDetections]:
    """Of a one-stage detector's twin: the network up to logits and deltas, and the two layers that
    know how these become objects.

    Raises:
        UsageError: for a network of another kind.
    """
    lite = source.lite
    best = [layer for layer in lite.layers if isinstance(layer, BestAnchors)]
    detections = [layer for layer in lite.layers if isinstance(layer, LiteDetections)]
    if len(best) != 1 or len(detections) != 1 or len(source.inputs) != 1:
        raise UsageError(
            "The AI Camera takes one-stage detectors, and a network of "
            f"{source.trained.family.name} is none; train an SSD, or export to .tflite for the Pi "
            "itself."
        )
    return keras.Model(lite.input[source.inputs[0]], list(best[0].input)), best[0], detections[0]


def camera_facts(source: Source) -> dict[str, Any]:
    """What the other process needs to know beside layers and weights, as plain values.

    Raises:
        UsageError: for another network than a one-stage detector, or pixels that the camera cannot
            scale.
    """
    network, best, detections = detector_parts(source)
    channels = network.input_shape[-1]
    if channels != _CHANNELS:
        raise UsageError(
            f"The AI Camera gives three channels, red, green and blue, but this network takes "
            f"{channels} (IMAGE_CHANNEL_COUNT); train one of three."
        )
    levels = source.pixels.grey_levels()
    if levels is None or levels[1] not in _ZEROS:
        mean = ", ".join(f"{value:g}" for value in source.pixels.mean)
        raise UsageError(
            "The AI Camera gives pixels as 0..255 or -128..127, but this network takes "
            f"{mean} from them; use a backbone such as mobilenet_v2, or set MEAN_PIXEL = 128 and "
            "train."
        )
    return {
        "mean": list(source.pixels.mean),
        "std": float(source.pixels.std),
        "decoding": {
            "anchors": best.anchors.tolist(),
            "scale_factors": (1.0 / detections.box_std).tolist(),
            "activation": best.activation,
            "background": best.background,
            "min_score": detections.min_score,
            "nms_threshold": detections.nms_threshold,
            "count": detections.count,
        },
    }


def write_inputs(source: Source, folder: Path, photos: Iterable[Array]) -> None:
    """Write what :mod:`maskdet.exporters.imx500_child` reads.

    Args:
        photos: uint8 (H, W, C), to measure values with.

    Raises:
        UsageError: if a layer does not go over into Keras 2, and as :func:`camera_facts` does.
    """
    facts = camera_facts(source)
    network, _, _ = detector_parts(source)
    layers = layer_list(network)
    image = source.inputs[0]
    images = np.concatenate([source.sample(photo)[0][image] for photo in photos])  # (N, H, W, C)
    checked = images[:_CHECKED]
    outputs = [network(source.pixels.of_images(one[None]), training=False) for one in checked]
    expected = {
        str(number): np.concatenate([np.asarray(arrays[number]) for arrays in outputs])
        for number in range(len(network.outputs))
    }
    text = json.dumps({**facts, "network": layers.description()})
    (folder / "network.json").write_text(text, encoding="utf-8")
    np.savez(folder / "weights.npz", **layers.arrays())  # type: ignore[arg-type]
    np.savez(folder / "check.npz", images=checked, **expected)  # type: ignore[arg-type]
    np.save(folder / "calibration.npy", images)


def check_crossing(differences: list[float]) -> None:
    """Raises UsageError where the network in Keras 2 is not the one that was trained."""
    # One by one: what is no number is larger than nothing, and max() passes over it.
    if not all(difference <= CROSSING_LIMIT for difference in differences):
        raise UsageError(
            f"The network differs by {', '.join(f'{value:.2g}' for value in differences)} in Keras "
            f"2 (allowed {CROSSING_LIMIT:g}); nothing was written. Report this with the Config."
        )


def checked_memory(memory: MemoryReport | None, log: str, source: Source) -> MemoryReport:
    """The converter's report. Raises UsageError where the network does not fit into the sensor, or
    was not converted; says why."""
    if memory is None or (memory.fits and log):
        raise UsageError(
            f"The network cannot be converted for the camera; its tools say: {told(log)}."
        )
    if not memory.fits:
        height, width = source.trained.config.input_sides
        raise UsageError(
            f"{memory.sentence()} Take a smaller input than {height} x {width} (IMAGE_MAX_DIM) or "
            "a smaller backbone."
        )
    return memory


def packed(source: Source, package: bytes, memory: MemoryReport) -> bytes:
    """The file: a zip with the converter's package as it is, labels, facts and memory report."""
    labels = "".join(f"{name}\n" for name in class_labels(source.trained))
    entries: dict[str, str | bytes] = {
        PACKAGE: package,
        LABELS: labels,
        FACTS: source.facts,
        MEMORY: memory.text,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            # A fixed date, so that the same package gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0)), content)
    return file.getvalue()
