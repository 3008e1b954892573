"""Scoring networks on a data set: once for people, and again and again during a training."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.data.dataset import Dataset
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.images import write_image
from maskdet.inference.detect import Prepare, detect
from maskdet.models.weight_files import read_facts, write_weights
from maskdet.tasks.task import Task
from maskdet.trained import Trained, copy_weights
from maskdet.training.logs import check_tensorboard
from maskdet.training.stage import Stage
from maskdet.training.watch import Watch, WeightNotes
from maskdet.visualize.canvas import as_picture
from maskdet.visualize.sheet import contact_sheet

#: Lowest score of the results that are scored during a training: AP looks at the whole course from
#: the surest result down, and would not see a young network's at the score that users want.
MIN_SCORE = 0.001
#: Photos on a sheet.
SHOWN = 12


class Evaluator:
    """Scores a training's present weights on its validation set.

    See :class:`maskdet.training.watch.Evaluate`. The inference network is built at the first call
    and gets the present weights at each.

    Args:
        dataset: to score on.
        prepare: puts an image on the network's canvas; by default as the Config says.
    """

    def __init__(self, dataset: Dataset, prepare: Prepare | None = None) -> None:
        self.dataset, self.prepare = dataset, prepare
        self._inference: Trained | None = None

    def __call__(self, trained: Trained, picture: Path | None) -> dict[str, float]:
        task = trained.family.task
        if self._inference is None:
            if trained.config.ON_ERROR == "skip":
                self.dataset = usable_part(self.dataset, task)
            config = copy.deepcopy(trained.config)
            task.set_min_score(config, MIN_SCORE)
            self._inference = trained.copied(config)
        else:
            copy_weights(trained.network, self._inference.network)
        present = replace(self._inference, facts=trained.facts)
        images = (self.dataset.load_image(i) for i in self.dataset.image_ids)
        results = list(detect(present, images, self.prepare))
        figures = task.logged(task.score(self.dataset, results))
        if picture is not None and results:
            write_sheet(picture, self.dataset, results, task)
        return {f"val_{name}": float(value) for name, value in figures.items()}


def usable_part(dataset: Dataset, task: Task) -> Dataset:
    """A data set without the photos that cannot be read or whose annotations cannot be used; each
    is warned of."""

    def usable() -> Iterator[int]:
        for image_id in map(int, dataset.image_ids):
            try:
                dataset.load_image(image_id)
                task.targets(dataset, image_id)
            except Exception as error:  # as in training: whatever a data set's own code raises
                warnings.warn(
                    f"Image {image_id} ({dataset.image_label(image_id)}) is left out of the "
                    f"evaluations: {error}",
                    MaskdetWarning,
                    stacklevel=3,
                )
            else:
                yield image_id

    ids = list(usable())
    return dataset if len(ids) == len(dataset.image_ids) else dataset.subset(ids)


def write_sheet(path: Path, dataset: Dataset, results: Sequence[Any], task: Task) -> None:
    """A dozen photos, spread evenly over the set, with their results drawn in.

    They are the same ones each time, so that sheets of a training can be compared.
    """
    ids = list(dataset.image_ids)
    picked = np.unique(np.linspace(0, len(ids) - 1, min(SHOWN, len(ids))).astype(int))
    pictures = [
        task.worth_showing(results[i]).draw(as_picture(dataset.load_image(ids[i]))) for i in picked
    ]
    write_image(path, contact_sheet(pictures, [dataset.image_label(ids[i]) for i in picked]))


def watch_of(
    config: BaseConfig,
    dataset: Dataset | None,
    prepare: Prepare | None,
    log_dir: Path,
    stage: Stage,
    evaluate_every: int | None = None,
) -> Watch:
    """What looks after a stage, evaluating ``dataset`` where the Config wants it.

    Args:
        evaluate_every: in place of Config.EVALUATE_EVERY, where there is a ``dataset``.

    Raises:
        UsageError: where there is no set to evaluate, or TensorBoard is wanted and missing.
    """
    check_tensorboard(config)
    if evaluate_every is not None and dataset is not None:
        config = copy.copy(config)
        config.EVALUATE_EVERY = evaluate_every
    if config.EVALUATE_EVERY and dataset is None:
        raise UsageError(
            f"EVALUATE_EVERY is {config.EVALUATE_EVERY}, but there is no set to evaluate; give "
            "train() a val_dataset, or set EVALUATE_EVERY = 0."
        )
    wanted = dataset is not None and config.EVALUATE_EVERY
    evaluate = Evaluator(dataset, prepare) if wanted and dataset is not None else None
    return Watch(evaluate, NOTES, log_dir, stage, config)


#: The files of this library, for a training's watch.
NOTES = WeightNotes(write_weights, read_facts)
