"""The class that users make: SSD (Liu et al. 2016)."""

import os
from typing import Any, Self

import numpy as np

from maskdet.errors import WeightsError
from maskdet.geometry.deltas import decode_boxes
from maskdet.models.detecting import DetectingModel
from maskdet.models.inspecting import AnchorLook, Look
from maskdet.models.opening import open_model
from maskdet.models.ssd.anchors import pixel_anchors
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.family import SsdFamily
from maskdet.models.ssd.foreign import config_of, read_detector
from maskdet.models.ssd.network import class_scores
from maskdet.pretrained.detection_api import find_api_file


class SSD(DetectingModel):
    """Finds objects with a box each: of COCO's classes at once, of yours after a training.

    See :class:`maskdet.models.model.Model` for the methods. ``load_weights`` also takes files of
    the TF Object Detection API: of TensorFlow 1 a frozen graph (.pb), a checkpoint (its prefix or
    its .index) or the quantised SSD MobileNetV1 as .tflite; of TensorFlow 2 a checkpoint or a
    SavedModel, also on a feature pyramid; or a folder with one of them.
    """

    family = SsdFamily()
    config: SsdConfig

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        mode: str = "inference",
        model_dir: str | os.PathLike[str] = "logs",
        **settings: Any,
    ) -> Self:
        """A model for the weights in a file, with the network that they are for.

        COCO's detectors get COCO's class names; those of other classes have none until you set
        ``class_names``.

        Args:
            path: as ``load_weights`` takes it; an .h5 of ours too.
            mode: "inference" or "training".
            model_dir: where a training's log folders go.
            **settings: what the file does not say, such as IMAGE_MIN_DIM=512, IMAGE_MAX_DIM=512
                where photos were not brought to 300 pixels (on a feature pyramid to what the
                pipeline.config beside it says, else 320), or CLASS_LOSS="softmax".

        Raises:
            WeightsError: if the file is missing, damaged, or of another network; in inference also
                if it knows other classes than NUM_CLASSES says.
            UsageError: if a setting is not one of SSD's.
        """
        if find_api_file(path) is None:
            model = open_model(path, mode, model_dir, **settings)
            if isinstance(model, cls):
                return model
            raise WeightsError(
                f"{os.fspath(path)} holds weights of {model.family.name!r}; open it with "
                "maskdet.open_model(path)."
            )
        detector = read_detector(path)
        made = cls(mode, config_of(detector, path, settings), model_dir)
        if made.load_weights(path).unmatched and mode == "inference":
            raise WeightsError(
                f"{os.fspath(path)} knows {detector.slots - 1} classes, and with NUM_CLASSES="
                f"{made.config.NUM_CLASSES} nothing would be found before a training; leave "
                "NUM_CLASSES out, or give mode='training'."
            )
        return made

    @classmethod
    def from_tflite(cls, path: str | os.PathLike[str], **settings: Any) -> Self:
        """A model from the quantised SSD MobileNetV1, such as the mobile examples' detect.tflite.

        Raises:
            WeightsError: if the file is missing, damaged, or of another network.
        """
        if os.path.splitext(path)[1] != ".tflite":
            raise WeightsError(f"{os.fspath(path)} is no .tflite; use SSD.load(path).")
        return cls.load(path, **settings)

    def anchor_look(self, look: Look) -> AnchorLook:
        """The anchors of all maps; see :meth:`inspect`."""
        logits, deltas = look.layer_arrays("class_rows", "delta_rows")
        scores = np.asarray(class_scores(logits, self.config))[:, 1:].max(axis=1)
        anchors = pixel_anchors(self.config)
        moved = decode_boxes(anchors, deltas, std=self.config.BBOX_STD_DEV)
        return AnchorLook(anchors, scores, moved)
