"""How good a model is, as scripts ask for it."""

import os
from typing import TYPE_CHECKING, Any, cast

from maskdet.data.dataset import Dataset
from maskdet.models.computing import ComputeReport, compute_in
from maskdet.models.known_facts import KnownFacts
from maskdet.models.reporting import evaluated, report

if TYPE_CHECKING:
    from maskdet.models.model import Model


class ScoredModel(KnownFacts):
    """Base of :class:`maskdet.models.model.Model`: evaluations and reports."""

    def evaluate(self, dataset: Dataset, progress: bool = True) -> Any:
        """The task's scores over a data set: for detectors COCO's box and mask AP and matterport's
        mean.

        Raises:
            UsageError: in training mode.
            ConfigError: if NUM_CLASSES does not fit the data set.
        """
        return evaluated(cast("Model", self), dataset, progress)[1]

    def compute_in(self, dtype: str, dataset: Dataset | None = None) -> ComputeReport:
        """Compute in "bfloat16", "float32" or "auto" from now on, if that costs no accuracy.

        On processors that multiply bfloat16 in hardware detecting is quicker by it; results are a
        little different. The model's Config becomes a copy with this COMPUTE_DTYPE.

        Args:
            dtype: see Config.COMPUTE_DTYPE.
            dataset: to score both on, by the figure that decides (mask AP where masks are trained,
                else box AP; accuracy). None: nothing is measured, which is said.

        Raises:
            UsageError: where the figure falls by more than 0.3 points, and the model stays as it
                was; where there is nothing to find in the set; in training mode.
            ConfigError: for another dtype, or if NUM_CLASSES does not fit the data set.
        """
        return compute_in(cast("Model", self), dtype, dataset)

    def report(
        self,
        path: str | os.PathLike[str],
        dataset: Dataset,
        log_dir: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Any:
        """Evaluate, and write an HTML file for people: figures, errors, photos, the training.

        Results of a score of 0.001 on take part, as AP asks for. Photos that cannot be used are
        left out, with a warning.

        Args:
            path: of the file; it holds all that it shows.
            dataset: to evaluate on.
            log_dir: of the training, for its curves; by default the folder that the weights lie in,
                if it is one.
            progress: show a bar.

        Returns:
            The evaluation, as :meth:`evaluate`.

        Raises:
            UsageError: in training mode, or if there is no photo to evaluate.
            ConfigError: if NUM_CLASSES does not fit the data set.
        """
        return report(cast("Model", self), path, dataset, log_dir, progress)
