"""Variables of frozen graphs, checkpoints and SavedModels, of TensorFlow 1 and 2."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.errors import WeightsError

#: Arrays by the variable's name.
Variables = dict[str, np.ndarray]

_PART = re.compile(r"(.+)\.(?:index|meta|data-\d+-of-\d+)")
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


def checkpoint_prefix(path: str | os.PathLike[str]) -> Path | None:
    """What the names of a checkpoint's files have in common; None for anything else.

    Args:
        path: that, or one of the files.
    """
    part = _PART.fullmatch(os.fspath(path))
    prefix = part[1] if part else os.fspath(path)
    return Path(prefix) if part or Path(f"{prefix}.index").is_file() else None


def read_graph(path: str | os.PathLike[str], wanted: str) -> Variables:
    """Constants of a frozen graph.

    Args:
        path: a ``.pb``: a GraphDef, or the ``saved_model.pb`` that was written from one.
        wanted: regular expression of the names to read.

    Raises:
        WeightsError: if the file is missing or no graph, or holds no constants; or TensorFlow is
            not installed.
    """
    tf = _tensorflow(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}.") from error
    if not content:
        raise WeightsError(f"{path} is empty; fetch it again.")
    try:
        nodes = _graph(tf, Path(path).name, content).node
    except Exception as error:  # protobuf's own, by its version
        raise WeightsError(f"{path} is no whole frozen graph ({error}); fetch it again.") from error
    constants = [node for node in nodes if node.op == "Const"]
    if not constants or any(node.op in ("VariableV2", "VarHandleOp") for node in nodes):
        raise WeightsError(
            f"{path} holds a graph whose values are not in it, as TensorFlow 2 writes them; give a "
            "frozen graph or a checkpoint of TensorFlow 1."
        )
    return {
        node.name: _floats(tf.make_ndarray(node.attr["value"].tensor))
        for node in constants
        if re.fullmatch(wanted, node.name)
    }


def _graph(tf: Any, name: str, content: bytes) -> Any:
    if name == "saved_model.pb":
        from tensorflow.core.protobuf import saved_model_pb2

        return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    return tf.compat.v1.GraphDef.FromString(content)


def read_checkpoint(prefix: str | os.PathLike[str], wanted: str) -> Variables:
    """Variables of a checkpoint as they were trained, not their moving averages.

    Args:
        prefix: what the files' names begin with, such as ``model.ckpt-200000``.
        wanted: regular expression of the names to read.

    Raises:
        WeightsError: if a file is missing or damaged, or TensorFlow is not installed.
    """
    reader, names = _reader(prefix)
    return _values(prefix, reader, {name: name for name in names if re.fullmatch(wanted, name)})


def of_objects(prefix: str | os.PathLike[str]) -> bool:
    """Whether a checkpoint is of TensorFlow 2, which keeps a graph of Python's objects.

    Raises:
        WeightsError: if its index is damaged, or TensorFlow is not installed.
    """
    return _OBJECTS in _reader(prefix)[1]


def read_objects(prefix: str | os.PathLike[str], wanted: str) -> Variables:
    """Variables of a checkpoint of TensorFlow 2 by the names that their network gave them.

    Keys are paths of Python's objects, which differ between a checkpoint and a SavedModel of the
    same network; the names of layers, which the graph of objects keeps, do not.

    Args:
        prefix: what the files' names begin with, such as ``checkpoint/ckpt-0`` or, of a SavedModel,
            ``variables/variables``.
        wanted: regular expression of the names to read.

    Raises:
        WeightsError: if a file is missing or damaged, or several variables have a wanted name.
    """
    reader, _ = _reader(prefix)
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
    keys: dict[str, str] = {}
    for node in graph.nodes:
        for value in node.attributes:
            if re.fullmatch(wanted, value.full_name):
                if keys.setdefault(value.full_name, value.checkpoint_key) != value.checkpoint_key:
                    raise WeightsError(
                        f"{prefix} holds several variables called {value.full_name!r}; save the "
                        "detector's checkpoint alone."
                    )
    return _values(prefix, reader, keys)


def _reader(prefix: str | os.PathLike[str]) -> tuple[Any, list[str]]:
    """A checkpoint, and the keys of its variables."""
    tf = _tensorflow(prefix)
    try:
        reader = tf.train.load_checkpoint(os.fspath(prefix))
        return reader, list(reader.get_variable_to_shape_map())
    except Exception as error:  # TensorFlow's own, and RuntimeError
        raise WeightsError(
            f"{prefix}.index is missing or damaged ({_first_line(error)}); fetch it again."
        ) from error


def _values(prefix: str | os.PathLike[str], reader: Any, keys: dict[str, str]) -> Variables:
    """Arrays by name, of keys by name."""
    try:
        return {name: _floats(reader.get_tensor(key)) for name, key in keys.items()}
    except Exception as error:
        raise WeightsError(
            f"{prefix}.data-00000-of-00001, which holds the values, is missing or damaged "
            f"({_first_line(error)}); put it beside {Path(prefix).name}.index."
        ) from error


def _tensorflow(path: Any) -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise WeightsError(
            f"{path} is a file of TensorFlow, which is not installed; run: pip install tensorflow"
        ) from error
    return tf


def _floats(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0].rstrip(".")
