"""Recipes: whole trainings by name, fitted to the size of a set."""

import difflib
import math
import numbers
from dataclasses import dataclass
from typing import Any

from maskdet.base_config import BaseConfig
from maskdet.errors import ConfigError, UsageError

#: What ``train`` runs if it is told nothing else.
DEFAULT_RECIPE = "default"
# Photos of the set that a recipe's numbers are for.
_USUAL_PHOTOS = 100


@dataclass(frozen=True)
class RecipeStage:
    """A stage of a recipe, for a set of one size.

    Attributes:
        layers: a word of the family's stages or a regular expression.
        learning_rate: the (highest) rate.
        epochs: of this stage alone.
    """

    layers: str
    learning_rate: float
    epochs: int

    def length(self) -> str:
        """How long it is, such as "3 epochs of 'heads'"."""
        return f"{self.epochs} {'epoch' if self.epochs == 1 else 'epochs'} of {self.layers!r}"

    def sentence(self) -> str:
        """What is said of it."""
        return f"{self.length()} at rates up to {self.learning_rate:g}"


def recipe_stages(config: BaseConfig, name: str, photos: int) -> list[RecipeStage]:
    """The stages of one of Config.RECIPES for a set of so many photos.

    A larger set has more to teach, but each photo need not be seen as often: photos shown grow with
    the root of the set's size.

    Args:
        config: RECIPES and LEARNING_RATE.
        name: of the recipe.
        photos: in the training set, 1 or more.

    Raises:
        UsageError: for an unknown name; it lists the known ones.
        ConfigError: if the recipe is no list of stages.
    """
    if name not in config.RECIPES:
        near = difflib.get_close_matches(str(name), config.RECIPES, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(
            f"There is no recipe {name!r}{hint}; {type(config).__name__}.RECIPES has "
            f"{', '.join(map(repr, config.RECIPES))}."
        )
    root = math.sqrt(_USUAL_PHOTOS * photos)
    return [
        RecipeStage(
            layers,
            float(config.LEARNING_RATE) * rate,
            max(1, round(shown / _USUAL_PHOTOS * root / photos)),
        )
        for layers, rate, shown in map(_checked_stage, config.RECIPES[name])
    ]


def _checked_stage(stage: Any) -> tuple[str, float, float]:
    try:
        layers, rate, shown = stage
    except (TypeError, ValueError):
        layers, rate, shown = None, None, None
    numeric = all(
        isinstance(value, numbers.Real) and not isinstance(value, bool) for value in (rate, shown)
    )
    if not isinstance(layers, str) or not numeric or float(rate) < 0 or float(shown) <= 0:
        raise ConfigError(
            f"A stage in RECIPES is {stage!r}; give (layers, share of LEARNING_RATE, photos shown "
            'of a set of 100), such as ("heads", 1.0, 800).'
        )
    return layers, float(rate), float(shown)


def described(name: str, photos: int, stages: list[RecipeStage]) -> str:
    """One line for people: what a recipe became."""
    steps = ", then ".join(stage.sentence() for stage in stages)
    return f"Recipe {name!r} for {photos} {'photo' if photos == 1 else 'photos'}: {steps}."


def check_stage_arguments(recipe: str | None, **arguments: Any) -> bool:
    """Whether a call of ``train`` means a recipe: none of a stage's arguments is given.

    Raises:
        UsageError: if only some are, or a recipe beside them.
    """
    missing = [name for name, value in arguments.items() if value is None]
    if len(missing) == len(arguments):
        return True
    if missing:
        raise UsageError(
            f"train() lacks {' and '.join(missing)}; a stage needs {', '.join(arguments)}, a whole "
            "recipe none of them."
        )
    if recipe is not None:
        raise UsageError(
            f"train() has recipe={recipe!r} and a stage's {', '.join(arguments)} beside it; give "
            "one or the other."
        )
    return False
