"""How fast a model is on this machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskdet.exporters.latency import median_milliseconds
from maskdet.images import checked_image
from maskdet.inference.detect import prepare_of

if TYPE_CHECKING:
    from maskdet.models.model import Model

_ROUNDS = 5


@dataclass(frozen=True)
class Speed:
    """Median milliseconds for one photo alone.

    Attributes:
        whole: from its pixels to its result.
        network: of that the network.
    """

    whole: float
    network: float

    @property
    def rest(self) -> float:
        """Placing the photo on the network's canvas, and decoding what comes out."""
        return max(0.0, self.whole - self.network)


def speed_of(model: "Model", image: Any) -> Speed | None:
    """The speed of a model in inference mode on an image H x W x C; None without an image."""
    if image is None:
        return None
    trained = model.trained
    checked = checked_image(image, int(trained.config.IMAGE_CHANNEL_COUNT))
    canvas, placement = (model.prepare or prepare_of(trained))(checked)
    inputs = trained.family.inference_inputs(canvas[None], [placement], trained.config)
    whole = median_milliseconds(lambda: list(model.results([image])), _ROUNDS)
    network = median_milliseconds(lambda: trained.network.predict_on_batch(inputs), _ROUNDS)
    return Speed(whole, network)
