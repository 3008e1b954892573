"""What a model checks of a Config and of weights before it takes them."""

import os
import warnings
from pathlib import Path
from typing import Any

from maskdet.base_config import BaseConfig
from maskdet.errors import ConfigError, MaskdetWarning, WeightsError
from maskdet.family import Family
from maskdet.models.families import FAMILIES, family_class
from maskdet.models.weight_files import refuse_exported
from maskdet.training.state import load_state
from maskdet.training.train import Resumption


def check_family(config: BaseConfig, family: Family, name: str) -> None:
    """Raises ConfigError for the settings of another family than that of the class ``name``."""
    if config.family_name != family.name:
        raise ConfigError(
            f"{type(config).__name__} holds the settings of {config.family_name or 'no family'!r}, "
            f"but {name} is of {family.name!r}; subclass {family.config_class.__module__}."
            f"{family.config_class.__name__} for it."
        )


def check_origin(
    path: str | os.PathLike[str], sidecar: dict[str, Any], family: Family, name: str
) -> None:
    """Raises WeightsError for weights that are known to be of another family or task."""
    origin = sidecar.get("family", family.name)
    if origin != family.name:
        raise WeightsError(
            f"{os.fspath(path)} holds weights of {origin!r} (for {sidecar.get('task', '?')}), but "
            f"{name} is of {family.name!r} (for {family.task.name}); open it with "
            "maskdet.open_model(path)."
        )


def check_reader(path: str | os.PathLike[str], family: Family, name: str) -> None:
    """Raises WeightsError for an exported file, and for one of another library that another family
    than that of the class ``name`` reads."""
    if os.fspath(path).endswith(".h5"):
        return
    refuse_exported(path)
    for kind in map(family_class, FAMILIES):
        if kind.family.name != family.name and _reads(kind.family, path):
            raise WeightsError(
                f"{os.fspath(path)} is read by {kind.__name__}, but {name} is of {family.name!r}; "
                "open it with maskdet.open_model(path)."
            )


def _reads(family: Family, path: str | os.PathLike[str]) -> bool:
    try:
        return family.reads(path)
    except WeightsError:  # a folder without a file of that family's
        return False


def resumption_of(path: str | os.PathLike[str]) -> Resumption:
    """What is left of the training that a checkpoint comes from; a bad state is warned of."""
    try:
        return Resumption(Path(path), load_state(path))
    except WeightsError as error:
        warnings.warn(f"{error}; it is left aside.", MaskdetWarning, stacklevel=3)
        return Resumption(Path(path), None)
