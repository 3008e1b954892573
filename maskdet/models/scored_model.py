"""How good a model is, as scripts ask for it."""

import os
from typing import TYPE_CHECKING, Any, cast

from maskdet.data.dataset import Dataset
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
