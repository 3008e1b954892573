"""Letting a model compute in another dtype, once it is known what that costs."""

import copy
import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from maskdet.compute_dtype import resolved
from maskdet.data.dataset import Dataset
from maskdet.data.requirements import check_names
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.models.evaluating import Evaluator
from maskdet.models.written import built
from maskdet.trained import Trained, copy_weights

if TYPE_CHECKING:
    from maskdet.models.model import Model

#: The most that the figure that decides may fall: 0.3 points of AP.
LARGEST_LOSS = 0.003


@dataclass(frozen=True)
class ComputeReport:
    """What a model computes in, and what that costs.

    Attributes:
        dtype: "float32" or "bfloat16".
        figure: name of the figure that decides, as logs call it, such as "mask_ap"; None where
            nothing was measured.
        float32: the figure of the network in float32, 0..1.
        present: that of the network as it computes now.
    """

    dtype: str
    figure: str | None = None
    float32: float | None = None
    present: float | None = None


def compute_in(model: "Model", dtype: str, dataset: Dataset | None) -> ComputeReport:
    """What :meth:`maskdet.models.scored_model.ScoredModel.compute_in` does."""
    model._check_inference()
    config = _with_dtype(model.config, dtype)
    config.validate()
    report = _measured(model, config, dataset)
    if report.figure is None and report.dtype != "float32":
        warnings.warn(
            f"The network computes in {report.dtype} now, and nothing was measured of what that "
            "costs; give compute_in() a data set, which it is scored on.",
            MaskdetWarning,
            stacklevel=3,
        )
    network = built(model.family, config, model.mode)
    copy_weights(model.network, network)
    model.config = config
    model.trained = Trained(model.family, network, config, model.trained.facts)
    model.keras_model = network
    return report


def _measured(model: "Model", config: Any, dataset: Dataset | None) -> ComputeReport:
    dtype = resolved(config.COMPUTE_DTYPE)
    if dataset is None or dtype == "float32":
        return ComputeReport(dtype)
    model.family.task.check_dataset(dataset, config)
    check_names(dataset, model.class_names or dataset.class_names, "scored on", in_order=False)
    figure, exact = _deciding_figure(model, _with_dtype(config, "float32"), dataset)
    _, present = _deciding_figure(model, config, dataset)
    if math.isnan(exact):
        raise UsageError(
            f"There is nothing to find in the data set of {len(dataset.image_ids)} images that "
            f"{dtype} was to be measured on; give compute_in() a set with objects."
        )
    report = ComputeReport(dtype, figure, exact, present)
    check_fall(report)
    return report


def check_fall(report: ComputeReport) -> None:
    """Raises UsageError where the figure that decides falls by more than LARGEST_LOSS."""
    if report.float32 is None or report.present is None:
        return
    if not report.present >= report.float32 - LARGEST_LOSS:
        raise UsageError(
            f"In {report.dtype} the network's {report.figure} falls from {report.float32:.4f} to "
            f"{report.present:.4f}, by more than the {LARGEST_LOSS} that is allowed; the model "
            'stays as it was, so go on in "float32".'
        )


def _deciding_figure(model: "Model", config: Any, dataset: Dataset) -> tuple[str, float]:
    """Name and value of the first of the task's figures."""
    evaluate = Evaluator(dataset, model.prepare)
    figures = evaluate(replace(model.trained, config=config), None)
    name, value = next(iter(figures.items()))
    return name.removeprefix("val_"), value


def _with_dtype(config: Any, dtype: str) -> Any:
    changed = copy.deepcopy(config)
    changed.COMPUTE_DTYPE = dtype
    return changed
