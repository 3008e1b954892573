"""Walking a network's layers, and choosing which of them train."""

import re
from collections.abc import Iterator, Mapping

import keras

from maskdet.errors import UsageError


def weighted_layers(network: keras.Model) -> Iterator[tuple[str, keras.Layer]]:
    """Every innermost layer with weights, nested models opened, with its name."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from weighted_layers(layer)
        elif layer.weights:
            yield layer.name, layer


def select_layers(network: keras.Model, layers: str, stages: Mapping[str, str]) -> list[str]:
    """Names of the layers that a word of ``stages`` or a regular expression stands for.

    Raises:
        UsageError: if the word or expression matches no layer.
    """
    pattern = stages.get(layers, layers)
    known = ", ".join(repr(word) for word in stages)
    try:
        matches = re.compile(pattern).fullmatch
    except re.error as error:
        raise UsageError(
            f"layers={layers!r} is neither one of {known} nor a regular expression ({error})."
        ) from error
    layer_names = [name for name, _ in weighted_layers(network) if matches(name)]
    if not layer_names:
        names = [name for name, _ in weighted_layers(network)]
        raise UsageError(
            f"layers={layers!r} matches no layer, so nothing would train; use one of {known} or a "
            f"regular expression over layer names such as {names[0]!r} or {names[-1]!r}."
        )
    return layer_names


def set_trainable(network: keras.Model, layer_names: list[str]) -> None:
    """Make exactly the named layers train; all others keep their weights bit for bit."""
    names = set(layer_names)
    network.trainable = True
    for name, layer in weighted_layers(network):
        layer.trainable = name in names
