"""What the families that find objects have beside the methods of every model."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from maskdet.detections import Detections
from maskdet.models.inspecting import AnchorLook, Look, Panel
from maskdet.models.model import Model
from maskdet.visualize.canvas import as_picture


class DetectingModel(Model):
    """Base of ``MaskRCNN`` and other detectors; see :class:`maskdet.models.model.Model`."""

    def detections(self, images: Iterable[Any]) -> Iterator[Detections]:
        """Detections of each image, in its own pixels; any number of images of any size.

        Args:
            images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, uint8 or floats; may be a
                generator.

        Raises:
            UsageError: in training mode, or if an image is none.
        """
        return self.results(images)

    def detect(self, images: Sequence[Any], verbose: int = 0) -> list[dict[str, np.ndarray]]:
        """matterport's form of :meth:`detections`.

        Returns:
            A dict for each image: rois (N, 4) int32, class_ids (N,) int32, scores (N,) float32,
            masks (H, W, N) bool, best first.
        """
        if verbose:
            print(f"Processing {len(images)} images")
        return [detections.to_matterport() for detections in self.detections(images)]

    def own_panels(self, look: Look) -> list[Panel]:
        """Anchors, proposals and detections; see :meth:`inspect`."""
        anchors = self.anchor_look(look)
        panels = [] if anchors is None else anchors.panels(look)
        [detections] = self.detections([look.image])
        drawn = self.family.task.worth_showing(detections).draw(as_picture(look.image))
        return [*panels, (drawn, "detections")]

    def anchor_look(self, look: Look) -> AnchorLook | None:
        """What the network says of its anchors in an image; None where the family has none."""
        return None
