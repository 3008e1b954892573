"""A pipeline.config of the TF Object Detection API as settings of SSD, and the files it names."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskdet.data.augment import Augmentation
from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.text_proto import parse_text_proto
from maskdet.errors import ConfigError, DataError
from maskdet.models.ssd.pipeline_fields import Section
from maskdet.models.ssd.pipeline_model import take_model
from maskdet.models.ssd.pipeline_paths import NamedPath, Reader, named_paths, take_reader
from maskdet.models.ssd.pipeline_report import Report
from maskdet.models.ssd.pipeline_training import take_loss, take_training


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline.config says beside settings.

    Attributes:
        path: of the file.
        report: what became of each field; print it.
        classes: ``num_classes``, and its line in the file.
        steps: ``num_steps``; 0 where it is not said.
        checkpoint: ``fine_tune_checkpoint``, or None.
        train: where the training set is; None where it is not said.
        evaluation: where the evaluation set is; None likewise.
        flip_vertical: whether photos are turned upside down too.
    """

    path: Path
    report: Report
    classes: tuple[int, int]
    steps: int
    checkpoint: NamedPath | None
    train: Reader | None
    evaluation: Reader | None
    flip_vertical: bool = False

    def augmentation(self, preset: str) -> Augmentation:
        """The nearest to ``data_augmentation_options``: a preset, and flips as they are there."""
        changes = {"flip_vertical": 0.5} if self.flip_vertical else {}
        return Augmentation.preset(preset).replace(**changes)


def take_pipeline(path: str | os.PathLike[str], config: Any) -> Pipeline:
    """Give ``config``, an SsdConfig, the settings of a file.

    Raises:
        ConfigError: if the file cannot be read, or its model is none that there is here; names the
            line.
    """
    report = Report(path)
    try:
        root = Section(parse_text_proto(read_text(path), path), "", 1, report)
    except DataError as error:
        raise ConfigError(str(error)) from None
    ssd = _ssd_of(root)
    take_model(ssd, config)
    take_loss(ssd, config)
    train = root.section("train_config")
    training = take_training(train, config)
    checkpoints = named_paths(train, "fine_tune_checkpoint")
    pipeline = Pipeline(
        path=Path(path),
        report=report,
        classes=(config.NUM_CLASSES - 1, ssd.line_of("num_classes")),
        checkpoint=checkpoints[0] if checkpoints else None,
        train=take_reader(root, "train_input_reader"),
        evaluation=take_reader(root, "eval_input_reader"),
        **training,
    )
    for line, name in root.left():
        report.leave(line, name)
    config.validate()
    return pipeline


def _ssd_of(root: Section) -> Section:
    """``model.ssd``."""
    model = root.section("model")
    ssd = model.section("ssd")
    if not ssd.given:
        others = ", ".join(f"model.{field.name}" for field in model.fields)
        found = f"is of {others}" if others else "has no model"
        raise ConfigError(
            f"{root.report.path}, line {model.fields[0].line if others else model.line} {found}, "
            "but maskdet reads model.ssd alone."
        )
    return ssd
