"""One .tflite file: built-in operations, labels, metadata and our facts inside."""

import io
import os
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from maskdet.config import Config
from maskdet.data.dataset import Dataset
from maskdet.errors import UsageError
from maskdet.exporters import flatbuffer
from maskdet.exporters.contract import (
    NUMBERED_LABELS,
    OUTPUT_NAMES,
    ExportOptions,
    facts_json,
    input_placement,
)
from maskdet.exporters.convert import convert, grey_levels
from maskdet.exporters.metadata import NAME as METADATA_NAME
from maskdet.exporters.metadata import metadata
from maskdet.exporters.operators import check_operators
from maskdet.exporters.quantize import NO_IMAGES, activation_statistics, quantize
from maskdet.family import Family
from maskdet.files import write_whole
from maskdet.geometry.boxes import normalize_boxes
from maskdet.images import resize_image
from maskdet.runtime.model_file import FACTS, LABELS

Array = NDArray[Any]
#: A file that is smaller than this share of its weights has lost some.
LEAST_SHARE = 0.9


def lite_network(
    family: Family, network: keras.Model, config: Config, has_masks: bool, options: ExportOptions
) -> keras.Model:
    """The family's network for export with the weights of a trained one."""
    instances = options.profile == "instances"
    lite = family.export_network(
        config, options.count, options.min_score, has_masks and instances, instances
    )
    for layer in lite.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return lite


def tflite_bytes(
    lite: keras.Model,
    family: Family,
    config: Config,
    class_names: Sequence[str],
    options: ExportOptions,
    calibration: Iterable[Array] | None = None,
) -> bytes:
    """The content of a .tflite file.

    Args:
        lite: of :func:`lite_network`.
        class_names: the background first.
        calibration: for int8, images uint8 (H, W, 3) of any size.

    Raises:
        UsageError: if an operation is not built in, int8 has no images, or the file lost weights.
    """
    if options.precision == "int8" and calibration is None:
        raise UsageError(NO_IMAGES)
    inputs, outputs = list(lite.input), [OUTPUT_NAMES[name] for name in lite.output]
    levels = grey_levels(config)
    int8 = options.precision == "int8"
    # Bytes go straight into the first quantised layer where one scale fits all channels.
    inside = not (int8 and levels)
    content = convert(lite, config, inside, options.precision == "float16")
    check_operators(flatbuffer.read_model(content))
    if int8:
        samples = calibration_samples(calibration or (), config, inputs, inside)
        seen = activation_statistics(content, samples, threads=os.cpu_count() or 1)
        fixed = {}
        if levels:
            scale, zero = levels
            fixed[inputs[0]] = (-zero * scale, (255 - zero) * scale)
        content = quantize(content, seen, family.float_layers, fixed)
    model = flatbuffer.read_model(content)
    flatbuffer.name_ends(model, inputs, outputs)
    is_float = False
    if int8 and levels:
        is_float = not flatbuffer.feed_bytes(model, 0, *levels)
    check_operators(model)
    flatbuffer.shorten(model)
    channels = int(lite.input["image"].shape[3])
    name = str(config.NAME or "maskdet")
    facts = metadata(name, inputs, outputs, channels, is_float)
    flatbuffer.add_metadata(model, {METADATA_NAME: facts})
    content = flatbuffer.pack_model(model)
    _check_size(content, lite, options)
    has_masks = "masks" in lite.output
    return with_zip(content, class_names, facts_json(config, class_names, has_masks, options))


def calibration_samples(
    images: Iterable[Array], config: Config, inputs: Sequence[str], from_bytes: bool
) -> Iterator[dict[str, Array]]:
    """Values of a file's inputs for each image, the way the runtime places it."""
    means = np.asarray(config.MEAN_PIXEL, dtype=np.float32)
    for image in images:
        placed = input_placement(config, image.shape)
        pixels = resize_image(image, placed)[None]
        if not from_bytes:
            pixels = (pixels.astype(np.float32) - means) * np.float32(1.0 / config.PIXEL_STD)
        sample = {inputs[0]: pixels}
        if len(inputs) > 1:
            window = normalize_boxes([placed.window], placed.canvas_shape)
            sample[inputs[1]] = window.reshape(1, 4)
        yield sample


def calibration_images(
    source: Dataset | Iterable[Array], most: int, progress: bool
) -> Iterator[Array]:
    """At most ``most`` images of a data set (spread evenly over it) or of any sequence."""
    if isinstance(source, Dataset):
        ids = list(source.image_ids)
        chosen = np.unique(np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int))
        images: Iterable[Array] = (source.load_image(ids[i]) for i in chosen)
        total = len(chosen)
    else:
        listed = list(source)[:most]
        images, total = listed, len(listed)
    yield from tqdm(images, "measuring values", total, disable=not progress, unit="photo")


def with_zip(content: bytes, class_names: Sequence[str], facts: str) -> bytes:
    """The file with a zip behind it: labels first, as old clients read the first entry."""
    names = [plain_text(name) for name in class_names[1:]]
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(LABELS), "".join(f"{name}\n" for name in names))
        numbered = "".join(f"{number} {name}\n" for number, name in enumerate(names))
        archive.writestr(_entry(NUMBERED_LABELS), numbered)
        archive.writestr(_entry(FACTS), facts)
    return file.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed date, so that the same model gives the same bytes.
    return zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))


def plain_text(name: str) -> str:
    """A class name in ASCII, on one line: old clients decode nothing else."""
    letters = unicodedata.normalize("NFKD", name).replace("\u00df", "ss")
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    return " ".join(plain.encode("ascii", "replace").decode().split()) or "unnamed"


def _check_size(content: bytes, lite: keras.Model, options: ExportOptions) -> None:
    bytes_each = {"float32": 4, "float16": 2, "int8": 1}[options.precision]
    # Of batch norms (vectors) two numbers in four disappear into the layers before them.
    weights = sum(int(np.prod(v.shape)) for v in lite.weights if len(v.shape) > 1) * bytes_each
    if len(content) < LEAST_SHARE * weights:
        raise UsageError(
            f"The exported file has {len(content)} bytes for weights of {weights}; some were lost "
            "on the way. Report this with your versions of TensorFlow and Keras."
        )


def check_place(path: str | os.PathLike[str], folder: bool = False) -> None:
    """Raises UsageError where no file (or folder) can be written; says why."""
    place = Path(path)
    if place.is_dir() and not folder:
        raise UsageError(f"{path} is a folder; name a file, such as {place / 'model.tflite'}.")
    above = next(parent for parent in place.absolute().parents if parent.exists())
    if not os.access(above, os.W_OK):
        raise UsageError(f"{above} cannot be written to; choose another place for {place.name}.")


def write_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write the file whole; an older one stays if that fails.

    Raises:
        UsageError: where it cannot be written; says why.
    """
    check_place(path)
    try:
        write_whole(path, content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror or error}); nothing was changed there. "
            "Choose another place or make room."
        ) from error
