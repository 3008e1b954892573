"""The learning rate of each layer, as a share of the stage's."""

import re

import keras

from maskdet.base_config import BaseConfig
from maskdet.errors import ConfigError
from maskdet.family import Family
from maskdet.training.layers import weighted_layers

#: Names that an error lists at most.
_LISTED = 8


def layer_rates(network: keras.Model, family: Family, config: BaseConfig) -> dict[str, float]:
    """Each layer's share: its family's, times that of every pattern of LAYER_RATES that fits it.

    Args:
        network: whose innermost layers with weights are meant, trained in this stage or not.
        family: its rates, such as BACKBONE_RATE for the backbone.
        config: LAYER_RATES.

    Returns:
        Share by layer name.

    Raises:
        ConfigError: for a pattern of LAYER_RATES that is the whole name of no layer.
    """
    rates = {name: float(family.rate(name, config)) for name, _ in weighted_layers(network)}
    for pattern, share in config.LAYER_RATES.items():
        names = [name for name in rates if re.fullmatch(pattern, name)]
        if not names:
            raise ConfigError(
                f"LAYER_RATES has the pattern {pattern!r}, which is the whole name of no layer; "
                f"there are {len(rates)} layers: {_some(list(rates))}."
            )
        for name in names:
            rates[name] *= float(share)
    return rates


def variable_rates(network: keras.Model, family: Family, config: BaseConfig) -> dict[str, float]:
    """The shares of :func:`layer_rates` by the paths of the variables that train."""
    rates = layer_rates(network, family, config)
    return {
        variable.path: rates[name]
        for name, layer in weighted_layers(network)
        for variable in layer.trainable_weights
    }


def _some(names: list[str]) -> str:
    """Names from the whole network, the first and the last among them."""
    if len(names) <= _LISTED:
        return ", ".join(names)
    places = [round(i * (len(names) - 1) / (_LISTED - 1)) for i in range(_LISTED)]
    return ", ".join(names[place] for place in places) + ", ..."
