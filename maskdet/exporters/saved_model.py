"""TensorFlow's SavedModel of a detector, for TensorFlow Serving and further converters."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskdet.config import Config
from maskdet.errors import UsageError
from maskdet.exporters.contract import OUTPUT_NAMES
from maskdet.exporters.convert import molded, quiet
from maskdet.files import write_whole

Array = NDArray[Any]


def output_key(name: str) -> str:
    """A file's output name as a signature's key, which takes no spaces."""
    return name.replace(" ", "_")


def detector_module(lite: keras.Model, config: Config) -> Any:
    """The network as a tf.Module with one signature: bytes in, the contract's outputs by name."""
    import tensorflow as tf

    image, *others = lite.input
    specs = [tf.TensorSpec(lite.input[image].shape, tf.uint8, name=image)]
    specs += [tf.TensorSpec(lite.input[name].shape, tf.float32, name=name) for name in others]

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.variables_of_network = list(lite.variables)

        @tf.function(input_signature=specs, autograph=False)
        def detect(self, *inputs: Any) -> dict[str, Any]:
            given = dict(zip([image, *others], inputs, strict=True))
            given[image] = molded(given[image], config)
            found = lite(given, training=False)
            return {output_key(OUTPUT_NAMES[key]): found[key] for key in lite.output}

    return Module()


def save(
    lite: keras.Model,
    config: Config,
    path: str | os.PathLike[str],
    extras: dict[str, str],
    check: Callable[[Path], None],
) -> None:
    """Write the folder, whole: an older one is replaced when the new one is complete.

    Args:
        lite: the network for one image.
        extras: text files for its folder ``assets.extra``, by name.
        check: called with the finished folder before it takes its place; may raise.

    Raises:
        UsageError: if the path is a file or cannot be written.
    """
    import tensorflow as tf

    place = Path(path)
    if place.exists() and not (place / "saved_model.pb").exists() and any(_entries(place)):
        raise UsageError(f"{path} exists and is no SavedModel; name an empty or new folder.")
    try:
        place.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.absolute().parent, prefix=".part-") as part:
            new = Path(part) / "model"
            module = detector_module(lite, config)
            with quiet():
                tf.saved_model.save(module, os.fspath(new), {"serving_default": module.detect})
            for name, text in extras.items():
                write_whole(new / "assets.extra" / name, text)
            check(new)
            if place.exists():
                os.replace(place, Path(part) / "old")
            os.replace(new, place)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}).") from error


def _entries(place: Path) -> list[Path]:
    return list(place.iterdir()) if place.is_dir() else [place]


def run(path: str | os.PathLike[str], sample: dict[str, Array]) -> list[Array]:
    """Outputs of a SavedModel in the contract's order."""
    import tensorflow as tf

    loaded = tf.saved_model.load(os.fspath(path))
    found = loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in sample.items()})
    names = [output_key(name) for name in OUTPUT_NAMES.values()]
    return [np.asarray(found[name]) for name in names if name in found]
