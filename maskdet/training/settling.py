"""Batch norms of a short training settled in the file, and not in the user's model."""

from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.trained import Trained
from maskdet.training.loaders import make_loader
from maskdet.training.statistics import SETTLED_STEPS, reestimate


def settled(trained: Trained, photos: Any, progress: bool) -> Trained:
    """The network, or a copy whose batch norms have taken their statistics anew.

    Only where the training was too short for them and a data set is given: photos alone have
    nothing to train on.
    """
    steps = trained.facts.steps
    short = steps is not None and 0 < steps < SETTLED_STEPS
    if not short or not isinstance(photos, Dataset) or not len(photos.image_ids):
        return trained
    trained.family.task.check_dataset(photos, trained.config)
    copy = trained.copied(trained.config)
    loader = make_loader(trained.family, trained.config, photos)
    count = reestimate(copy, photos, loader, progress)
    if progress and count:
        print(
            f"The training had {steps} steps, too few for batch norm's statistics: those of "
            f"{count} layers are taken anew from the calibration photos, in the file."
        )
    return copy
