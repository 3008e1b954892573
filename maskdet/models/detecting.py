"""What the families that find objects have beside the methods of every model."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from maskdet.data.dataset import Dataset
from maskdet.detections import Detections
from maskdet.models.inspecting import AnchorLook, Look, Panel
from maskdet.models.label_report import LabelReport
from maskdet.models.label_request import label_request
from maskdet.models.labelling import label
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

    def finished(self, result: Detections) -> dict[str, np.ndarray]:
        return result.to_matterport()

    def label(
        self,
        images: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
        out: str | os.PathLike[str],
        format: str = "voc",
        labelled: Dataset | str | os.PathLike[str] | None = None,
        count: int | None = None,
        min_score: float = 0.5,
        progress: bool = True,
    ) -> LabelReport:
        """Write what the network finds as annotations for a person to correct.

        ``out`` gets an annotation for each photo and a link to the photo, so that it is a data set
        and opens in LabelImg or LabelMe as it is; ``classes.txt`` with the classes; and
        ``order.csv`` with all photos that are not labelled, the most useful first: see
        :func:`maskdet.models.usefulness.useful_order` for the rule. A photo in which nothing is
        found gets an annotation without objects.

        What a person made or changed in ``out`` is never touched, and counts as labelled. A draft
        that nobody changed is written anew once the network finds something else. A call that was
        cut goes on where it was.

        Args:
            images: photos, or folders of photos.
            out: a folder of its own, outside of ``labelled`` and of the photos' folders or below
                them.
            format: "voc" (boxes in whole pixels, since LabelImg knows no others), "labelme"
                (polygons where the network gives masks), "coco" (one file for CVAT).
            labelled: the set that is labelled already, or its path; its photos are left out, and
                what is like them comes last.
            count: how many photos are written; None for all.
            min_score: lowest score of an object that is written.
            progress: show a bar.

        Raises:
            UsageError: in training mode, for an unknown format, if ``out`` cannot be, holds another
                format's drafts or a COCO file that a person changed.
            ConfigError: for a score that is none.
            DataError: if no photo can be read, or ``labelled`` cannot.
        """
        self._check_inference()
        request = label_request(images, out, format, labelled, count, min_score)
        return label(self.trained, request, self.prepare, progress)

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
