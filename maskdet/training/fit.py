"""One stage of training: chosen layers, one optimizer, some epochs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maskdet.config import Config
from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.family import Family
from maskdet.training.callbacks import HistoryFile, SaveEachEpoch, StageProgress, StopAtNonFinite
from maskdet.training.devices import scope_of
from maskdet.training.layers import select_layers, set_trainable, weighted_layers
from maskdet.training.loss_model import LossModel, make_loss_model
from maskdet.training.optimizers import make_optimizer

HISTORY_FILE = "history.csv"


@dataclass
class Stage:
    """What a stage trains, and from which epoch to which.

    Attributes:
        layers: a word of the family's stages or a regular expression.
        learning_rate: the (highest) rate.
        first_epoch: epochs done before.
        last_epoch: epochs done after; the total, not the difference.
    """

    layers: str
    learning_rate: float
    first_epoch: int
    last_epoch: int
    callbacks: Sequence[keras.callbacks.Callback] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return self.last_epoch - self.first_epoch


def steps_of(setting: int | None, loader: Loader) -> int:
    """STEPS_PER_EPOCH or VALIDATION_STEPS with None meaning one pass."""
    return len(loader) if setting is None else int(setting)


def feed(
    loader: Loader,
    family: Family,
    config: Config,
    active: np.ndarray,
    start: int = 0,
    repeat: int | None = None,
) -> Iterator[tuple[dict[str, np.ndarray]]]:
    """A loader's batches as Keras takes them, for ever.

    Args:
        active: (images, classes), see :func:`active_classes`.
        start: the first batch.
        repeat: this many batches over and over instead of ever new ones.
    """
    batches = loader.iterate(start=start)
    try:
        kept = []
        for batch in batches:
            inputs = family.training_inputs(batch, active[batch["image_ids"]], config)
            yield (inputs,)
            if repeat is not None:
                kept.append(inputs)
                if len(kept) == repeat:
                    break
    finally:
        batches.close()
    while True:
        for inputs in kept:
            yield (inputs,)


def active_classes(dataset: Dataset, config: Config) -> np.ndarray:
    """For each image the classes that its source knows, (images, NUM_CLASSES) float32 0 or 1."""
    active = np.zeros((len(dataset.image_ids), config.NUM_CLASSES), dtype=np.float32)
    for row, info in zip(active, dataset.image_info, strict=True):
        row[dataset.source_class_ids[info["source"]]] = 1
    return active


def run_stage(
    network: keras.Model,
    family: Family,
    config: Config,
    stage: Stage,
    train: tuple[Dataset, Loader],
    validation: tuple[Dataset, Loader] | None,
    log_dir: Path,
    save: Callable[[int], None],
) -> dict[str, list[float]]:
    """Train for a stage; ``save(epoch)`` is called after each epoch.

    Returns:
        Keras' history: a list over epochs for each loss.
    """
    dataset, loader = train
    chosen = select_layers(network, stage.layers, family.stages(config))
    set_trainable(network, chosen)
    with_masks = dataset.provides_masks
    steps = steps_of(config.STEPS_PER_EPOCH, loader)
    with scope_of(network):
        model = make_loss_model(network, family, config, with_masks)
        compile_stage(model, network, family, config, stage, steps)
    network.optimizer = model.optimizer  # where scripts and callbacks look for it

    start = stage.first_epoch * steps
    batches = feed(loader, family, config, active_classes(dataset, config), start)
    label = f"{stage.layers} epochs {stage.first_epoch + 1}-{stage.last_epoch}"

    def names_of_batch(step: int) -> list[str]:
        ids = loader.batch(start + step)["image_ids"]
        return [dataset.image_reference(int(i)) or str(dataset.image_info[i]["id"]) for i in ids]

    callbacks = [
        StopAtNonFinite(names_of_batch),
        StageProgress(label, stage.epochs * steps),
        SaveEachEpoch(save),
        HistoryFile(log_dir / HISTORY_FILE, stage.layers),
        *stage.callbacks,
    ]
    arguments: dict[str, Any] = {}
    if validation is not None and config.VALIDATION_STEPS != 0:
        val_dataset, val_loader = validation
        val_steps = min(steps_of(config.VALIDATION_STEPS, val_loader), len(val_loader))
        val_active = active_classes(val_dataset, config)
        arguments = {
            "validation_data": feed(val_loader, family, config, val_active, repeat=val_steps),
            "validation_steps": val_steps,
        }
    try:
        history = model.fit(
            batches,
            steps_per_epoch=steps,
            initial_epoch=stage.first_epoch,
            epochs=stage.last_epoch,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
            **arguments,
        )
    finally:
        batches.close()  # type: ignore[attr-defined]
    network.history = history
    return history.history


def compile_stage(
    model: LossModel,
    network: keras.Model,
    family: Family,
    config: Config,
    stage: Stage,
    steps: int,
) -> None:
    """Give the model the stage's optimizer; old ``SGD`` recipes also their L2 term."""
    rates = {
        variable.path: family.rate(name, config)
        for name, layer in weighted_layers(network)
        for variable in layer.trainable_weights
    }
    optimizer = make_optimizer(config, stage.learning_rate, stage.epochs * steps, rates)
    if config.OPTIMIZER == "sgd":
        model.decay([v for v in model.trainable_variables if v.name not in ("gamma", "beta")])
    model.compile(optimizer=optimizer, jit_compile=False)
    # TensorFlow traces a step a second time if the first time made variables.
    optimizer.build(model.trainable_variables)
