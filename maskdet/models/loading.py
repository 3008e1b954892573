"""What loading weights makes of a model: published weights into its network, and its new facts."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from maskdet.backbones.registry import get_backbone
from maskdet.backbones.scaling import pixels_of
from maskdet.errors import MaskdetWarning, WeightsError
from maskdet.family import BEST_PRETRAINED
from maskdet.pixels import Pixels
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


def load_by_name(model: Any, name: str, exclude: Sequence[str]) -> LoadReport:
    """Published weights into a model; into one of its Config's FALLBACK where there are no others.

    Args:
        model: see :class:`maskdet.models.model.Model`; its network is built anew for the fallback.
        name: one of :data:`maskdet.family.PRETRAINED`, or BEST_PRETRAINED.
        exclude: names of layers to leave as they are.

    Raises:
        WeightsError: if none of them can be had here; nothing has changed then.
    """
    config = model.config
    own = config.BACKBONE
    failures: list[WeightsError] = []
    with as_it_was_after_errors(model):
        for backbone, kind in _choices(own, config.FALLBACK.get("BACKBONE"), name):
            if backbone != config.BACKBONE:
                _take_fallback(model)
            try:
                model.trained, report = load_published(model.trained, kind, exclude)
            except WeightsError as error:
                failures.append(error)
                continue
            if backbone != own:
                warnings.warn(
                    f"The network is built for BACKBONE {backbone!r} and starts from its {kind} "
                    f"weights: {failures[0] if failures else _lacking(own, kind)}",
                    MaskdetWarning,
                    stacklevel=3,
                )
            return report
        if len(failures) == 1:
            raise failures[0]
        raise WeightsError(" ".join(map(str, failures))) from failures[0]


@contextmanager
def as_it_was_after_errors(model: Any) -> Iterator[None]:
    """Give a model back the settings and the network that it had, if an error ends what is done."""
    settings = {name: getattr(model.config, name) for name in model.config.FALLBACK}
    trained = model.trained
    done = False
    try:
        yield
        done = True
    finally:
        if not done and model.trained is not trained:
            for name, value in settings.items():
                setattr(model.config, name, value)
            model.trained, model.keras_model = trained, trained.network


def _choices(own: Any, fallback: str | None, name: str) -> list[tuple[Any, str]]:
    """Backbones with the weights to try for each, the best first; one at least."""
    kinds = ("coco", "imagenet") if name == BEST_PRETRAINED else (name,)
    spec = get_backbone(own)
    choices = [(own, kind) for kind in kinds if getattr(spec, kind) is not None]
    wanted = name == BEST_PRETRAINED or not choices
    if fallback is not None and fallback != own and wanted:
        other = get_backbone(fallback)
        choices += [(fallback, kind) for kind in kinds if getattr(other, kind) is not None]
    return choices or [(own, kinds[-1])]


def _lacking(backbone: Any, kind: str) -> str:
    return f"There are no {kind} weights for BACKBONE {get_backbone(backbone).name!r}."


def take_fallback_of(model: Any, sidecar: dict[str, Any]) -> None:
    """Build a model for its Config's FALLBACK if that is what a file's training had."""
    config = model.config
    trained_with = sidecar.get("config", {}).get("BACKBONE")
    if trained_with and trained_with == config.FALLBACK.get("BACKBONE") != config.BACKBONE:
        print(f"These weights are of BACKBONE {trained_with!r}; the network is built for it.")
        _take_fallback(model)


def _take_fallback(model: Any) -> None:
    for name, value in model.config.FALLBACK.items():
        setattr(model.config, name, value)
    model.config.validate()
    model.build_anew()


def take_pixels(config: Any, pixels: Pixels, name: str) -> None:
    """Let a Config scale pixels as weights want; one that sets its own keeps them, and is told."""
    own = pixels_of(config)
    if own == pixels:
        return
    if config.MEAN_PIXEL is None and config.PIXEL_STD is None:
        config.MEAN_PIXEL, config.PIXEL_STD = list(pixels.mean), pixels.std
        return
    warnings.warn(
        f"{type(config).__name__} scales pixels by MEAN_PIXEL {list(own.mean)} and PIXEL_STD "
        f"{own.std:g}, but {name} was trained with {list(pixels.mean)} and {pixels.std:g}; set "
        "both to None before weights are loaded, and they become the file's.",
        MaskdetWarning,
        stacklevel=4,
    )


def load_published(
    trained: Trained, name: str, exclude: Sequence[str]
) -> tuple[Trained, LoadReport]:
    """Published weights into a network, all that fit or none.

    Args:
        name: one of :data:`maskdet.family.PRETRAINED`, or a path that the family reads.
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
    if published.pixels is not None:
        take_pixels(trained.config, published.pixels, name)
    for layer, values in kept.items():
        layers[layer].set_weights(values)
    loaded = [layer for layer in published.layers if layer not in kept]
    unmatched = [layer for layer in layers if layer not in kept and layer not in loaded]
    if published.class_names and not kept:
        trained = trained.with_facts(class_names=published.class_names, steps=None, stage=None)
    return trained, LoadReport(loaded, list(kept), unmatched)
