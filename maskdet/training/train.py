"""The training engine: a network through one stage."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.errors import MaskdetWarning
from maskdet.family import Family
from maskdet.trained import Trained
from maskdet.training.averaging import AveragedWeights
from maskdet.training.callbacks import SaveEachEpoch, StopAtNonFinite
from maskdet.training.checkpoints import checkpoint_path
from maskdet.training.devices import scope_of
from maskdet.training.layers import select_layers, set_trainable
from maskdet.training.loaders import feed, steps_of
from maskdet.training.logs import (
    HISTORY_FILE,
    LINES_FILE,
    HistoryFile,
    HistoryLines,
    tensorboard,
)
from maskdet.training.loss_model import LossModel, WeightFiles, make_loss_model
from maskdet.training.optimizers import make_optimizer
from maskdet.training.progress import EpochClock, StageProgress
from maskdet.training.rates import variable_rates
from maskdet.training.stage import Stage
from maskdet.training.state import TrainingState, remove_old_states
from maskdet.training.watch import Watch

#: Write a checkpoint of the trained network, and give its path.
Save = Callable[[Trained], Path]


@dataclass(frozen=True)
class Resumption:
    """What is known of the training that a stage goes on with.

    Attributes:
        checkpoint: whose weights the network has.
        state: of that training; None where it is lost.
    """

    checkpoint: Path
    state: TrainingState | None


def train(
    trained: Trained,
    stage: Stage,
    loader: Loader,
    validation: Loader | None,
    log_dir: Path,
    save: Save,
    resumption: Resumption | None = None,
    weight_files: WeightFiles | None = None,
    watch: Watch | None = None,
) -> dict[str, list[float]]:
    """Train a network for a stage.

    Args:
        trained: the network, changed in place; its facts are those of the epoch before.
        loader: of the set to train on; ``validation``: of the one to compute losses on, or None.
        log_dir: for the history and the states that a training can be continued from.
        save: called after each epoch with the facts of that epoch.
        resumption: where the weights were loaded from a checkpoint of a training.
        weight_files: what the user's callbacks write and read weights by; None: as Keras does.
        watch: called when an epoch's checkpoint is written; evaluates it and may end the stage.

    Returns:
        Keras' history: a list over epochs for each loss, and over evaluations for each figure.
    """
    network, family, config = trained.network, trained.family, trained.config
    set_trainable(network, select_layers(network, stage.layers, family.stages(config)))
    lessons = family.task.lessons(loader.dataset, config)
    steps = steps_of(config.STEPS_PER_EPOCH, loader)
    with scope_of(network):
        model = make_loss_model(network, family, config, lessons)
        model.weight_files = weight_files
        compile_stage(model, network, family, config, stage, steps)
    network.optimizer = model.optimizer  # where scripts and callbacks look for it
    start = stage.epoch * steps
    guard = StopAtNonFinite(
        network,
        lambda step: image_names(loader, start + step),
        _checkpoint_of(trained, stage, log_dir),
    )
    if resumption is not None:
        resume(network, model, stage, resumption)

    batches = feed(loader, family, config, start)
    averages = AveragedWeights(model)
    clock, histories = _histories(stage, log_dir, config)
    callbacks = [
        averages,
        guard,
        clock,
        # Written twice: an evaluation that is interrupted does not cost the epoch its row.
        *histories,
        SaveEachEpoch(_saver(trained, stage, model, averages, guard, steps, log_dir, save, watch)),
        *histories,
        _progress(stage, steps, clock),
        *([tensorboard(log_dir)] if config.TENSORBOARD else []),
        *stage.callbacks,
    ]
    try:
        history = model.fit(
            batches,
            steps_per_epoch=steps,
            initial_epoch=stage.epoch,
            epochs=stage.last_epoch,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
            **_validation(validation, family, config),
        )
    except KeyboardInterrupt:
        averages.put_in()  # a user who stops gets what the end of the stage would have given
        raise
    finally:
        batches.close()  # type: ignore[attr-defined]
    network.history = history
    return history.history


def _validation(loader: Loader | None, family: Family, config: BaseConfig) -> dict[str, Any]:
    """Keras' arguments for the losses on a validation set."""
    if loader is None or config.VALIDATION_STEPS == 0:
        return {}
    steps = min(steps_of(config.VALIDATION_STEPS, loader), len(loader))
    return {
        "validation_data": feed(loader, family, config, repeat=steps),
        "validation_steps": steps,
    }


def _checkpoint_of(trained: Trained, stage: Stage, log_dir: Path) -> Path | None:
    """The file that an epoch before this stage has left, if there is one."""
    path = checkpoint_path(log_dir, trained.family.name, trained.config, stage.epoch)
    return path if path.is_file() else None


def _histories(
    stage: Stage, log_dir: Path, config: BaseConfig
) -> tuple[EpochClock, list[keras.callbacks.Callback]]:
    """What writes down how a stage goes, and the clock that it reads."""
    clock = EpochClock(config.BATCH_SIZE)
    table = HistoryFile(log_dir / HISTORY_FILE, stage.layers)
    return clock, [table, HistoryLines(log_dir / LINES_FILE, stage.layers, clock)]


def _progress(stage: Stage, steps: int, clock: EpochClock) -> StageProgress:
    epochs = stage.last_epoch - stage.epoch
    label = f"{stage.layers} epochs {stage.epoch + 1}-{stage.last_epoch}"
    return StageProgress(label, epochs * steps, epochs, clock, following=stage.following)


def _saver(
    trained: Trained,
    stage: Stage,
    model: LossModel,
    averages: AveragedWeights,
    guard: StopAtNonFinite,
    steps: int,
    log_dir: Path,
    save: Save,
    watch: Watch | None,
) -> Callable[[int, dict[str, Any]], None]:
    """What happens after an epoch: a checkpoint, beside it the state to go on from, and whatever is
    to be done with the checkpoint's weights."""
    before = trained.facts.steps

    def save_epoch(epoch: int, logs: dict[str, Any]) -> None:
        done = None if before is None else before + steps * (epoch - stage.epoch)
        facts = replace(trained.facts, epoch=epoch, steps=done, stage=stage.facts())
        checkpoint = guard.checkpoint = save(replace(trained, facts=facts))
        state = TrainingState.of(trained.network, model.optimizer, stage.facts(), averages.raw)
        state.save(checkpoint)
        remove_old_states(log_dir, trained.config.STATES_KEPT)
        if watch is not None and watch.epoch_done(replace(trained, facts=facts), logs):
            model.stop_training = True

    return save_epoch


def resume(network: keras.Model, model: LossModel, stage: Stage, resumption: Resumption) -> None:
    """Put random generators and, within a stage, the optimizer where a training left them.

    What cannot be put back is warned of; the training goes on all the same.
    """
    state, name = resumption.state, resumption.checkpoint.name
    if state is None:
        _warn(f"The training state of {name} is not there, so the training goes on")
        return
    if not state.restore_seeds(network):
        _warn(f"The training state of {name} is of another network, so the training goes on")
        return
    same = (state.stage["layers"], state.stage["learning_rate"]) == (
        stage.layers,
        stage.learning_rate,
    )
    if stage.continued and same and not state.restore_optimizer(model):
        _warn(f"The training state of {name} is of another optimizer, so the training goes on")
    elif stage.epoch < int(state.stage["last_epoch"]) and not (stage.continued and same):
        _warn(
            f"{name} was cut in a stage of layers={state.stage['layers']!r} at the rate "
            f"{state.stage['learning_rate']:g} up to epoch {state.stage['last_epoch']}; this call "
            f"trains {stage.layers!r} at {stage.learning_rate:g}, which is a new stage, so it "
            "begins"
        )


def _warn(text: str) -> None:
    warnings.warn(
        f"{text} with a fresh optimizer: not exactly as if it had never been cut.",
        MaskdetWarning,
        stacklevel=4,
    )


def image_names(loader: Loader, number: int) -> list[str]:
    """What people call the images of a loader's batch."""
    dataset: Dataset = loader.dataset
    ids = [int(image_id) for image_id in loader.batch(number)["image_ids"]]
    return [dataset.image_reference(i) or str(dataset.image_info[i]["id"]) for i in ids]


def compile_stage(
    model: LossModel,
    network: keras.Model,
    family: Family,
    config: BaseConfig,
    stage: Stage,
    steps: int,
) -> None:
    """Give the model the stage's optimizer; old ``SGD`` recipes also their L2 term."""
    rates = variable_rates(network, family, config)
    optimizer = make_optimizer(config, stage.learning_rate, stage.epochs * steps, rates)
    if config.OPTIMIZER == "sgd":
        model.decay([v for v in model.trainable_variables if v.name not in ("gamma", "beta")])
    model.compile(optimizer=optimizer, jit_compile=False)
    # TensorFlow traces a step a second time if the first time made variables.
    optimizer.build(model.trainable_variables)
    if stage.continued:
        # Where a state is restored this is in it; where it is lost, the schedule goes on all the
        # same.
        # Of batches: `iterations` is what is left of it where several make a step.
        optimizer._iterations.assign((stage.epoch - stage.first_epoch) * steps)
