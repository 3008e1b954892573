"""A whole recipe through a model's own ``train``, stage after stage."""

from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.errors import UsageError
from maskdet.models.stage_run import run_stage
from maskdet.training.recipes import described, recipe_stages


def run_recipe(
    model: Any, name: str, dataset: Dataset, val_dataset: Dataset | None, **options: Any
) -> dict[str, list[float]]:
    """Train by a recipe of the model's Config, and say what it chose.

    A training that was cut goes on in the stage it was in.

    Args:
        model: see :class:`maskdet.models.model.Model`.
        name: one of Config.RECIPES.
        dataset: to train on; its size decides how long.
        val_dataset: evaluated at the end of each stage, or as often as the Config says; or None.
        **options: for each stage.

    Returns:
        The histories of all stages, one behind the other.

    Raises:
        UsageError: for an unknown recipe, and if it is done already.
    """
    photos = len(dataset.image_ids)
    if not photos:
        raise UsageError("The training set has no photos; look at what was loaded.")
    stages = recipe_stages(model.config, name, photos)
    print(described(name, photos, stages))
    total = 0
    history: dict[str, list[float]] = {}
    whole = sum(stage.epochs for stage in stages)
    if model.epoch >= whole:
        raise UsageError(
            f"Recipe {name!r} has {whole} epochs for {photos} photos, and {model.epoch} are done "
            "already, so nothing would train; give learning_rate, epochs and layers to go on."
        )
    for number, stage in enumerate(stages, start=1):
        total += stage.epochs
        if total > model.epoch:
            part = run_stage(
                model,
                dataset,
                val_dataset,
                stage.learning_rate,
                total,
                stage.layers,
                evaluate_every=model.config.EVALUATE_EVERY or whole,
                following=", then ".join(later.length() for later in stages[number:]),
                **options,
            )
            for figure, values in part.items():
                history.setdefault(figure, []).extend(values)
    return history
