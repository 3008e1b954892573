"""Networks that Keras' own ``save`` writes down by what they were built from.

Keras' .h5 of whole models knows layers only, not the operations between them; and what is built
anew from its Config is right in every format.
"""

import json
from contextlib import nullcontext
from typing import Any, Self

import keras

from maskdet.base_config import BaseConfig
from maskdet.family import Family
from maskdet.models.families import family_class
from maskdet.trained import build_network
from maskdet.training.devices import building_scope


@keras.saving.register_keras_serializable("maskdet")
class BuiltNetwork(keras.Model):
    """A functional model that knows its family, Config and mode.

    ``keras.models.load_model`` builds it anew and gives it the weights; maskdet must be imported.
    """

    recipe: dict[str, Any] | None = None

    def note_recipe(self, family: Family, config: BaseConfig, mode: str) -> None:
        """Remember what the network was built from."""
        settings = json.loads(config.to_json())
        self.recipe = {"family": family.name, "mode": mode, "settings": settings}

    def get_config(self) -> dict[str, Any]:
        if self.recipe is None:
            return dict(super().get_config())
        return {"name": self.name, "recipe": json.dumps(self.recipe)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        if "recipe" not in config:
            return super().from_config(config, custom_objects)
        recipe = json.loads(config["recipe"])
        family = family_class(recipe["family"]).family
        settings = family.config_class.from_dict(recipe["settings"])
        network = build_network(family, settings, recipe["mode"])
        view = cls.view_of(network, settings)
        view.recipe = recipe
        return view

    @classmethod
    def view_of(cls, network: keras.Model, config: Any) -> Any:
        """This class's form of a network that a family built."""
        return network


def built(family: Family, config: BaseConfig, mode: str) -> keras.Model:
    """A family's network for users to hold; in training on the devices of the Config."""
    with building_scope(config) if mode == "training" else nullcontext():
        network = build_network(family, config, mode)
    if isinstance(network, BuiltNetwork):
        network.note_recipe(family, config, mode)
    return network


# Keras' .h5 names a model's class without its package.
keras.saving.get_custom_objects()["BuiltNetwork"] = BuiltNetwork
