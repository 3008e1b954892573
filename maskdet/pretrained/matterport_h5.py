"""Weight files in the layout of Keras 2, as matterport's Mask R-CNN writes and expects them.

One group a layer; the root's attribute ``layer_names`` gives their order, each group's
``weight_names`` that of its weights. Lists too long for one HDF5 attribute (64 KiB) are split as
``layer_names0``, ``layer_names1``, ... A whole model's file has the same below ``model_weights``.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from maskdet.errors import WeightsError

#: A layer's weights: name (such as "conv1/kernel:0") and values.
LayerWeights = list[tuple[str, np.ndarray]]
# Bytes that fit one attribute; HDF5's own limit is 64 KiB with the header.
_ATTRIBUTE_LIMIT = 64512
# The attribute of a note, and the length of the pieces that it is written in.
_NOTE, _NOTE_PIECE = "maskdet_facts", 4096


def read_layers(path: str | os.PathLike[str]) -> dict[str, LayerWeights]:
    """Weights of a file by layer, in the file's order; layers without weights have an empty list.

    A nested model (``rpn_model``) is one layer that lists the weights of its inner ones.

    Raises:
        WeightsError: if the file is missing, no HDF5 file, damaged or of another layout.
    """
    path = Path(path)
    if path.is_dir():
        raise WeightsError(f"{path} is a folder; give the path of the weight file in it.")
    if not path.is_file():
        raise WeightsError(f"Weight file {path} does not exist; check the path.")
    if not h5py.is_hdf5(path):
        raise WeightsError(
            f"{path} is no HDF5 file; give an .h5 weight file (an interrupted download looks like "
            "this too: fetch it again)."
        )
    try:
        with h5py.File(path, "r") as file:
            root = file["model_weights"] if "model_weights" in file else file
            return {name: _read_layer(root[name]) for name in _names(root, "layer_names")}
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = str(error.args[0] if error.args else error).rstrip(".")
        raise WeightsError(
            f"{path} cannot be read as a Keras weight file: {reason}; it may be damaged or of "
            "another layout, so fetch or save it again."
        ) from error


def read_note(path: str | os.PathLike[str]) -> str:
    """The text that :func:`write_layers` kept with the weights; empty where there is none or the
    file cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            return "".join(_names(file, _NOTE))
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError):
        return ""


def write_layers(
    path: str | os.PathLike[str],
    layers: Sequence[tuple[str, Sequence[tuple[str, Any]]]],
    note: str = "",
) -> None:
    """Write weights in the layout that :func:`read_layers` reads, the whole file or none.

    Args:
        path: the file; an old one is replaced only when the new one is complete.
        layers: (layer name, [(weight name, array)]) in the model's order.
        note: ASCII text for :func:`read_note`, in an attribute that other readers pass over.

    Raises:
        WeightsError: if two layers share a name, or the file cannot be written.
    """
    names = [name for name, _ in layers]
    _refuse_repeated("Layers", names)
    for name, weights in layers:
        _refuse_repeated(f"Weights of layer '{name}'", [weight for weight, _ in weights])
    temporary = Path(f"{os.fspath(path)}.tmp{os.getpid()}")
    try:
        with h5py.File(temporary, "w") as file:
            _write_names(file, "layer_names", names)
            file.attrs["backend"] = keras.backend.backend().encode()
            file.attrs["keras_version"] = keras.__version__.encode()
            if note:
                pieces = range(0, len(note), _NOTE_PIECE)
                _write_names(file, _NOTE, [note[i : i + _NOTE_PIECE] for i in pieces])
            for name, weights in layers:
                group = file.create_group(name)
                _write_names(group, "weight_names", [weight for weight, _ in weights])
                for weight, values in weights:
                    group.create_dataset(weight, data=np.asarray(values))
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError, ValueError) as error:  # h5py raises all three
        raise WeightsError(
            f"Weights cannot be written to {path} ({error}); check the folder and the free space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_repeated(what: str, names: list[str]) -> None:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise WeightsError(
            f"{what} to be saved share the name '{min(repeated)}'; give each its own."
        )


def _read_layer(group: h5py.Group) -> LayerWeights:
    return [(name, np.asarray(group[name][()])) for name in _names(group, "weight_names")]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = []
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
        if not parts:
            raise KeyError(f"'{group.name}' has no attribute '{attribute}'")
    # h5py gives bytes or str, by its version and by who wrote the file.
    names = [name for part in parts for name in np.asarray(part).reshape(-1).tolist()]
    return [name.decode("utf8") if isinstance(name, bytes) else str(name) for name in names]


def _write_names(group: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    # Old readers want byte strings of one width, and an empty list as an empty array of them.
    array = np.array([name.encode("utf8") for name in names], dtype="S" if names else "S1")
    if array.nbytes <= _ATTRIBUTE_LIMIT:
        group.attrs[attribute] = array
        return
    rows = _ATTRIBUTE_LIMIT // array.itemsize
    for part, start in enumerate(range(0, len(array), rows)):
        group.attrs[f"{attribute}{part}"] = array[start : start + rows]
