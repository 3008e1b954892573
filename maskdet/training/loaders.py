"""A data set's batches as a network of a Config takes them."""

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.data.augment import Augmentation
from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.family import Family


def augmentation_of(
    config: BaseConfig, augmentation: Augmentation | str | None = None
) -> Augmentation | None:
    """An Augmentation, or the preset of that name; of None what Config.AUGMENTATION says.

    Raises:
        ConfigError: for a name that there is not.
    """
    augment = config.AUGMENTATION if augmentation is None else augmentation
    if augment is None or isinstance(augment, Augmentation):
        return augment
    return Augmentation.preset(augment)


def make_loader(
    family: Family,
    config: BaseConfig,
    dataset: Dataset,
    augmentation: Augmentation | str | None = "none",
    plain_sources: Collection[str] = (),
    shuffle: bool = True,
) -> Loader:
    """A loader of what the family's task teaches.

    Args:
        augmentation: an Augmentation or a preset's name; None means Config.AUGMENTATION.
        plain_sources: sources whose images stay as they are.
        shuffle: a new order each pass.
    """
    augment = augmentation_of(config, augmentation)
    return Loader(
        dataset,
        canvas=config.input_sides,
        batch_size=config.BATCH_SIZE,
        placement_rule=config.placement_rule(),
        augment=augment,
        shuffle=shuffle,
        seed=config.SEED,
        workers=config.LOADER_WORKERS,
        on_error=config.ON_ERROR,
        plain_sources=plain_sources,
        crops=config.IMAGE_RESIZE_MODE == "crop",
        fills=config.IMAGE_RESIZE_MODE == "centre",
        channels=int(config.IMAGE_CHANNEL_COUNT),
        targets=partial(family.task.targets, dataset),
        **family.task.loader_options(dataset, config, augment),
    )


def steps_of(setting: int | None, loader: Loader) -> int:
    """STEPS_PER_EPOCH or VALIDATION_STEPS with None meaning one pass."""
    return len(loader) if setting is None else int(setting)


def feed(
    loader: Loader,
    family: Family,
    config: BaseConfig,
    start: int = 0,
    repeat: int | None = None,
) -> Iterator[tuple[dict[str, np.ndarray]]]:
    """A loader's batches as Keras takes them, for ever.

    Args:
        start: the first batch.
        repeat: this many batches over and over instead of ever new ones.
    """
    facts = family.image_facts(loader.dataset, config)
    batches = loader.iterate(start=start)
    try:
        repeated = []
        for batch in batches:
            rows = {name: values[batch["image_ids"]] for name, values in facts.items()}
            inputs = family.training_inputs({**batch, **rows}, config)
            yield (inputs,)
            if repeat is not None:
                repeated.append(inputs)
                if len(repeated) == repeat:
                    break
    finally:
        batches.close()
    while True:
        for inputs in repeated:
            yield (inputs,)
