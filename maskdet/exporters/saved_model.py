"""TensorFlow's SavedModel of a network, for TensorFlow Serving and further converters."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.exporters.convert import quiet
from maskdet.exporters.source import Source, as_arrays, class_labels
from maskdet.exporters.writer import Made, check_path
from maskdet.files import write_whole
from maskdet.runtime.model_file import FACTS, LABELS

Array = NDArray[Any]
EXTRAS = "assets.extra"


class SavedModelWriter:
    """See :class:`maskdet.exporters.writer.Writer`. An older folder is replaced when the new one is
    complete."""

    kind = "SavedModel"
    precisions = ("float32",)

    def check_path(self, path: Path) -> None:
        check_path(path, folder=True)
        if path.exists() and not (path / "saved_model.pb").exists() and _entries(path):
            raise UsageError(f"{path} exists and is no SavedModel; name an empty or new folder.")

    @contextlib.contextmanager
    def making(self, source: Source, path: Path, photos: Iterable[Array] | None) -> Iterator[Made]:
        self.check_path(path)
        try:
            path.absolute().parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".part-") as part:
                folder = Path(part) / "model"
                _save(source, folder)
                run = folder_runner(folder, [output.name for output in source.outputs])

                def result(image: Array) -> Any:
                    sample, placement = source.sample(image)
                    return source.decode(run(sample), placement)

                def commit() -> None:
                    if path.exists():
                        os.replace(path, Path(part) / "old")
                    os.replace(folder, path)

                size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
                yield Made(size, (), run, result, commit)
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror or error}).") from error


def _save(source: Source, folder: Path) -> None:
    """Write the folder with the network, its facts and its labels."""
    import tensorflow as tf

    module = network_module(source)
    with quiet():
        tf.saved_model.save(module, os.fspath(folder), {"serving_default": module.detect})
    labels = "".join(f"{name}\n" for name in class_labels(source.trained))
    for name, text in ((FACTS, source.facts), (LABELS, labels)):
        write_whole(folder / EXTRAS / name, text)


def output_key(name: str) -> str:
    """A file's output name as a signature's key, which takes no spaces."""
    return name.replace(" ", "_")


def network_module(source: Source) -> Any:
    """The network as a tf.Module with one signature: bytes in, the contract's outputs by name."""
    import tensorflow as tf

    keys = [output_key(output.name) for output in source.outputs]

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.variables_of_network = list(source.lite.variables)

        @tf.function(input_signature=source.specs(), autograph=False)
        def detect(self, *inputs: Any) -> dict[str, Any]:
            return dict(zip(keys, source.call(inputs).values(), strict=True))

    return Module()


def _entries(path: Path) -> list[Path]:
    return list(path.iterdir()) if path.is_dir() else [path]


def folder_runner(
    path: str | os.PathLike[str], names: list[str]
) -> Callable[[dict[str, Array]], list[Array]]:
    """A SavedModel as a function from its inputs by name to its outputs.

    It is loaded at the first run.

    Args:
        names: of the outputs in the contract, in their order.
    """
    import tensorflow as tf

    loaded: list[Any] = []

    def run(sample: dict[str, Array]) -> list[Array]:
        if not loaded:
            loaded.append(tf.saved_model.load(os.fspath(path)))
        signature = loaded[0].signatures["serving_default"]
        outputs = signature(**{name: tf.constant(value) for name, value in sample.items()})
        return as_arrays(outputs[output_key(name)] for name in names)

    return run
