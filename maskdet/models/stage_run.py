"""One stage of a model's training: checks, log folder, loaders, engine."""

from pathlib import Path
from typing import Any

from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.data.requirements import check_names
from maskdet.errors import UsageError
from maskdet.models.evaluating import watch_of
from maskdet.training.checkpoints import free_log_dir
from maskdet.training.loaders import make_loader
from maskdet.training.loss_model import WeightFiles
from maskdet.training.stage import checked_callbacks, planned
from maskdet.training.train import train
from maskdet.training.watch import stopped_epoch


def run_stage(
    model: Any,
    train_dataset: Dataset,
    val_dataset: Dataset | None,
    learning_rate: Any,
    epochs: Any,
    layers: Any,
    augmentation: Any = None,
    custom_callbacks: Any = None,
    no_augmentation_sources: Any = None,
    evaluate_every: int | None = None,
    following: str = "",
) -> dict[str, list[float]]:
    """A call of :meth:`maskdet.models.model.Model.train` that means a stage; its arguments.

    Args:
        model: changed in place: network, facts, log folder.
        evaluate_every: in place of Config.EVALUATE_EVERY, where there is a ``val_dataset``.
        following: see :class:`maskdet.training.stage.Stage`.
    """
    config = model.config
    _check_call(model, train_dataset, val_dataset, epochs)
    stopped = stopped_epoch(Path(model.log_dir), layers, learning_rate, epochs, model.epoch)
    if model.epoch and config.PATIENCE and stopped is not None:
        print(
            f"Stage {layers!r} up to epoch {epochs} has stopped already, after epoch "
            f"{stopped} (PATIENCE): nothing is trained."
        )
        return {}
    callbacks = checked_callbacks(custom_callbacks, config)
    cut = model.trained.facts.stage
    stage = planned(layers, learning_rate, model.epoch, epochs, cut, callbacks, following)
    _take_names(model, train_dataset, val_dataset)
    if not model.epoch:
        model.log_to(free_log_dir(Path(model.log_dir)))
    log_dir = Path(model.log_dir)
    watch = watch_of(config, val_dataset, model.prepare, log_dir, stage, evaluate_every)
    log_dir.mkdir(parents=True, exist_ok=True)
    config.to_json(log_dir / "config.json")
    loader = make_loader(
        model.family, config, train_dataset, augmentation, no_augmentation_sources or ()
    )
    resumption, model.resumption = model.resumption, None
    history = train(
        model.trained,
        stage,
        loader,
        _validation_loader(model, val_dataset),
        log_dir,
        model.save_checkpoint,
        resumption,
        WeightFiles(model.save_weights, model.load_weights),
        watch,
    )
    if watch.best is not None:
        print(f"{watch.best.sentence(model.epoch)}, in {model.best_path}")
    return history


def _check_call(
    model: Any, train_dataset: Dataset, val_dataset: Dataset | None, epochs: Any
) -> None:
    if model.mode != "training":
        raise UsageError(
            "This model was made with mode='inference'; make one with mode='training'."
        )
    model.family.task.check_dataset(train_dataset, model.config)
    if val_dataset is not None:
        model.family.task.check_dataset(val_dataset, model.config)
    if epochs <= model.epoch:
        raise UsageError(
            f"epochs={epochs}, but {model.epoch} epochs are done already, so nothing would "
            f"train: epochs is the total, give more than {model.epoch}."
        )


def _take_names(model: Any, train_dataset: Dataset, val_dataset: Dataset | None) -> None:
    """The training set's classes and outputs become the model's."""
    check_names(train_dataset, model.class_names, "trained on")
    if val_dataset is not None:
        check_names(val_dataset, train_dataset.class_names, "validated on")
    model.trained = model.trained.with_facts(
        class_names=tuple(train_dataset.class_names),
        outputs=model.family.task.lessons(train_dataset, model.config) & model.family.outputs,
    )


def _validation_loader(model: Any, val_dataset: Dataset | None) -> Loader | None:
    if val_dataset is None:
        return None
    return make_loader(model.family, model.config, val_dataset, shuffle=False)
