"""Weights of a file into a network's layers, and back."""

import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from maskdet.errors import MaskdetWarning, WeightsError
from maskdet.pretrained.matterport_h5 import read_layers, write_layers


@dataclass(frozen=True)
class LoadReport:
    """Where each layer with weights ended: every one is in exactly one list.

    Attributes:
        loaded: names of layers that took their weights from the file.
        excluded: names left out by request.
        unmatched: names that the file does not hold.
    """

    loaded: list[str]
    excluded: list[str]
    unmatched: list[str]

    def __str__(self) -> str:
        return (
            f"{len(self.loaded)} layers loaded, {len(self.excluded)} left out by request, "
            f"{len(self.unmatched)} not in the file"
        )


def load_into(
    network: keras.Model,
    path: str | os.PathLike[str],
    by_name: bool = False,
    exclude: Sequence[str] = (),
    weightless: Collection[str] = (),
) -> LoadReport:
    """Give layers the weights that a file in matterport's layout has under their names.

    Nothing changes unless everything fits.

    Args:
        network: its top-level layers are matched by name; what a nested model or a layer holds is
            matched by inner name, else by position.
        path: the file.
        by_name: layers that the file lacks are warned of instead of refused, and those that only
            the file has are passed over.
        exclude: names of layers to leave as they are.
        weightless: names that scripts exclude although they hold no weights.

    Raises:
        WeightsError: no such file, damaged, of other shapes, or (not ``by_name``) a layer that
            only the network or only the file has.
    """
    stored = read_layers(os.fspath(path))
    layers = {layer.name: layer for layer in network.layers if layer.weights}
    known = {layer.name for layer in network.layers} | set(weightless)
    unknown = [name for name in exclude if name not in known]
    loaded: list[str] = []
    excluded: list[str] = []
    unmatched: list[str] = []
    assignments: list[tuple[keras.Variable, np.ndarray]] = []
    for name, layer in layers.items():
        if name in exclude:
            excluded.append(name)
        elif not stored.get(name):
            unmatched.append(name)
        else:
            assignments += _pairs(layer, stored[name], path)
            loaded.append(name)
    if not loaded and not excluded:
        raise WeightsError(
            f"{path} holds no layer of this network (it has {', '.join(list(stored)[:3])} ...); "
            "was it saved from another family or backbone?"
        )
    extra = [name for name, weights in stored.items() if weights and name not in layers]
    if extra and not by_name:
        raise WeightsError(
            f"{path} holds {len(extra)} layers that this network has not ({_some(extra)}); give "
            "by_name=True to leave them out, or the BACKBONE that the file was saved with."
        )
    if unmatched or unknown:
        _complain(path, unmatched, unknown, by_name)
    for variable, values in assignments:
        variable.assign(values)
    return LoadReport(loaded, excluded, unmatched)


def misfits(network: keras.Model, path: str | os.PathLike[str]) -> list[str]:
    """Names of layers for which a file in matterport's layout has weights of another shape.

    Raises:
        WeightsError: no such file, or damaged.
    """
    stored = read_layers(os.fspath(path))
    names = []
    for layer in network.layers:
        if layer.weights and stored.get(layer.name):
            try:
                _pairs(layer, stored[layer.name], path)
            except WeightsError:
                names.append(layer.name)
    return names


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _complain(
    path: str | os.PathLike[str], unmatched: list[str], unknown: list[str], by_name: bool
) -> None:
    if unmatched:
        text = f"{path} lacks {len(unmatched)} layers of this network ({_some(unmatched)})"
        if not by_name:
            raise WeightsError(f"{text}; give by_name=True to leave these as they are.")
        warnings.warn(f"{text}; they keep their values.", MaskdetWarning, stacklevel=4)
    if unknown:
        warnings.warn(
            f"exclude names {', '.join(unknown)}, which this network has not.",
            MaskdetWarning,
            stacklevel=4,
        )


def _variables(layer: keras.Layer) -> Iterator[tuple[str, keras.Variable]]:
    """A layer's weights with the names under which they are stored."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _variables(inner)
        return
    for variable in layer.weights:
        yield f"{layer.name}/{variable.name}:0", variable


def _pairs(
    layer: keras.Layer, stored: Sequence[tuple[str, np.ndarray]], path: str | os.PathLike[str]
) -> list[tuple[keras.Variable, np.ndarray]]:
    variables = list(_variables(layer))
    names = [name for name, _ in stored]
    by_name = dict(stored)
    if all(name in by_name for name, _ in variables):
        values = [by_name[name] for name, _ in variables]
    else:
        values = [value for _, value in stored]
    wanted = [tuple(variable.shape) for _, variable in variables]
    stored_shapes = [tuple(value.shape) for value in values]
    if wanted != stored_shapes:
        pairs = enumerate(zip(wanted, stored_shapes, strict=False))
        index = next((i for i, (shape, other) in pairs if shape != other), None)
        if index is None:
            detail = (
                f"{len(values)} arrays ({', '.join(names)}) where the network has {len(wanted)}"
            )
        else:
            name = variables[index][0].removesuffix(":0")
            detail = (
                f"{name} has shape {stored_shapes[index]} in the file and {wanted[index]} in the "
                "network"
            )
        raise WeightsError(
            f"{path} does not fit layer {layer.name}: {detail}; give exclude=[{layer.name!r}] to "
            "leave the layer as it is, or the Config that the file was trained with."
        )
    return [(variable, value) for (_, variable), value in zip(variables, values, strict=True)]


def save_from(network: keras.Model, path: str | os.PathLike[str], note: str = "") -> None:
    """Write all weights of a network in matterport's layout; whole, or not at all.

    Args:
        note: a text kept with them, see :func:`maskdet.pretrained.matterport_h5.read_note`.
    """
    layers = [
        (layer.name, [(name, np.asarray(variable)) for name, variable in _variables(layer)])
        for layer in network.layers
    ]
    write_layers(Path(path), layers, note)
