"""Models opened from their weights, whatever family they are of."""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from maskdet.backbones.registry import get_backbone
from maskdet.errors import UsageError
from maskdet.garbage import uncollected
from maskdet.models.families import FAMILIES, PUBLISHED, family_class
from maskdet.models.model import Model
from maskdet.models.weight_files import read_facts
from maskdet.pretrained.matterport_h5 import read_layers
from maskdet.setting_checks import check_kind, check_share_value


def open_model(
    weights: str | os.PathLike[str],
    mode: str = "inference",
    model_dir: str | os.PathLike[str] = "logs",
    min_score: float | None = None,
    **settings: Any,
) -> Model:
    """A model from a weight file and the JSON beside it, which says family, Config and classes.

    Args:
        weights: the file, or "coco": a detector of COCO's 80 classes, whose weights are looked for
            in ``./weights`` and the cache and fetched where they are in neither.
        mode: "inference" or "training".
        model_dir: where a training's log folders go.
        min_score: lowest score of a result, where the task has one; by default the training's.
        **settings: that differ from the training's, such as IMAGES_PER_GPU=1.

    Raises:
        UsageError: if the weights lack the JSON, or a setting is not one of the family's.
        WeightsError: if the file is missing or damaged, the family is unknown, or the file does
            not fit its Config.
        ConfigError: if a setting cannot be.
    """
    kind, config = _kind_and_config(weights)
    if min_score is not None:
        check_share_value("The lowest score", min_score)
        kind.family.task.set_min_score(config, min_score)
    set_settings(config, settings)
    with uncollected():
        model = kind(mode, config, model_dir)
        model.load_weights(weights)
    return model


def set_settings(config: Any, settings: Mapping[str, Any]) -> None:
    """Give a Config some settings.

    Raises:
        UsageError: for a name that is no setting of it.
        ConfigError: for a value of another kind than the setting's, such as a text for a number.
    """
    known = config.settings()
    for name, value in settings.items():
        if name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see its display()."
            raise UsageError(f"{name} is no setting of {type(config).__name__}; {hint}")
        check_kind(config, name, value)
        setattr(config, name, value)


def _kind_and_config(weights: str | os.PathLike[str]) -> tuple[Any, Any]:
    """The class of the weights' family, and the Config that they are for."""
    if os.fspath(weights) in PUBLISHED:
        return _published(os.fspath(weights))
    if not os.fspath(weights).endswith(".h5"):
        for kind in map(family_class, FAMILIES):
            if kind.family.reads(weights):
                return kind, kind.family.config_for(weights)
    sidecar = read_facts(weights)
    if "config" not in sidecar:
        read_layers(weights)  # says what is wrong with a file that is missing or damaged
        raise UsageError(
            f"{os.fspath(weights)} does not say how its network is made, and {os.fspath(weights)}"
            ".json is missing or damaged; copy it along with the weights, it holds the Config and "
            "the class names."
        )
    # Weights of the first version do not say what they are of.
    kind = family_class(sidecar.get("family", "mask_rcnn"))
    return kind, kind.family.config_class.from_dict(sidecar["config"])


def _published(name: str) -> tuple[Any, Any]:
    """The first family whose published weights are on this machine; of none the first."""
    choices = []
    for kind in map(family_class, PUBLISHED[name]):
        config = kind.family.config_class()
        choices.append((kind, config))
        if get_backbone(config.BACKBONE).has_coco_here():
            return choices[-1]
    return choices[0]
