"""Where a model's time goes, as scripts ask for it."""

from typing import TYPE_CHECKING, Any, cast

from maskdet.models.scored_model import ScoredModel
from maskdet.profiles import ROUNDS, Profile
from maskdet.profiling.profile import profile

if TYPE_CHECKING:
    from maskdet.models.model import Model


class ProfiledModel(ScoredModel):
    """Base of :class:`maskdet.models.model.Model`: time and work by stage."""

    def profile(self, image: Any, rounds: int = ROUNDS) -> Profile:
        """Where the time of one photo goes: each stage's milliseconds, operations and bytes.

        ``print(model.profile(image))`` shows a table; ``to_json()`` gives the same for programs.
        Each stage runs as a network of its own, with the same layers and weights, on what the
        stages before it gave; all of them, what stands around the network, and the whole way (what
        a detector's ``detect()`` does for one image) take turns.

        Args:
            image: H x W x IMAGE_CHANNEL_COUNT, RGB of 0..255; one like those that will come, since
                masks cost by the object.
            rounds: that each median is of; three more come before them.

        Raises:
            UsageError: in training mode, for an image that is none, or for no rounds.
        """
        model = cast("Model", self)
        model._check_inference()
        own = type(self).finished is not ProfiledModel.finished
        return profile(model.trained, image, model.prepare, self.finished if own else None, rounds)

    def finished(self, result: Any) -> Any:
        """What the family's own call makes of a result, timed as "paste"."""
        return result
