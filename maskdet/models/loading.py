"""What loading weights makes of a model: published weights into its network, and its new facts."""

import warnings
from collections.abc import Sequence
from typing import Any

from maskdet.errors import MaskdetWarning
from maskdet.pretrained.assign import LoadReport
from maskdet.trained import Facts, Trained
from maskdet.training import checkpoints
from maskdet.training.layers import weighted_layers


def with_file_facts(trained: Trained, sidecar: dict[str, Any], exclude: Sequence[str]) -> Trained:
    """The same network with what a file says of the weights that it gave.

    Nothing of it holds where the file is for other classes, or layers were left out.
    """
    facts = Facts(outputs=trained.family.outputs)
    same_classes = sidecar.get("config", {}).get("NUM_CLASSES") == trained.config.NUM_CLASSES
    if same_classes and not exclude:
        facts = checkpoints.facts_of(sidecar, trained.family.outputs)
    return trained.with_facts(
        class_names=facts.class_names, outputs=facts.outputs, steps=facts.steps, stage=facts.stage
    )


def load_published(
    trained: Trained, name: str, exclude: Sequence[str]
) -> tuple[Trained, LoadReport]:
    """Published weights into a network, all that fit or none.

    Args:
        name: one of :data:`maskdet.family.PRETRAINED`.
        exclude: names of layers to leave as they are.

    Returns:
        The same network with its new facts, and where each layer with weights ended.

    Raises:
        WeightsError: if there are none for it, or they cannot be had here.
    """
    layers = dict(weighted_layers(trained.network))
    unknown = set(exclude) - set(layers) - set(trained.family.weightless)
    if unknown:
        warnings.warn(
            f"exclude names {', '.join(sorted(unknown))}, which this network has not.",
            MaskdetWarning,
            stacklevel=3,
        )
    kept = {layer: layers[layer].get_weights() for layer in exclude if layer in layers}
    published = trained.family.load_pretrained(trained.network, trained.config, name)
    for layer, values in kept.items():
        layers[layer].set_weights(values)
    loaded = [layer for layer in published.layers if layer not in kept]
    unmatched = [layer for layer in layers if layer not in kept and layer not in loaded]
    if published.class_names and not kept:
        trained = trained.with_facts(class_names=published.class_names, steps=None, stage=None)
    return trained, LoadReport(loaded, list(kept), unmatched)
