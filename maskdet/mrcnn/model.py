"""``MaskRCNN`` and the functions around it, as matterport's ``mrcnn.model`` has them."""

import os
import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from maskdet.config import Config
from maskdet.data.augment import Augmentation
from maskdet.data.dataset import Dataset
from maskdet.detections import Detections
from maskdet.errors import UsageError
from maskdet.geometry.placement import Placement
from maskdet.models.mask_rcnn.family import decode_one
from maskdet.models.mask_rcnn.mask_rcnn import MaskRCNN as _MaskRCNN
from maskdet.mrcnn import utils
from maskdet.mrcnn.augmentation import ImgaugAugmentation
from maskdet.mrcnn.generator import data_generator, load_image_gt
from maskdet.mrcnn.graph import (
    BatchNorm,
    DetectionLayer,
    DetectionTargetLayer,
    ProposalLayer,
    PyramidROIAlign,
    apply_box_deltas_graph,
    batch_pack_graph,
    build_fpn_mask_graph,
    build_rpn_model,
    clip_boxes_graph,
    compute_backbone_shapes,
    conv_block,
    detection_targets_graph,
    fpn_classifier_graph,
    identity_block,
    log2_graph,
    overlaps_graph,
    refine_detections_graph,
    resnet_graph,
    rpn_graph,
    trim_zeros_graph,
)
from maskdet.mrcnn.inspection import find_tensor, run
from maskdet.mrcnn.losses import (
    mrcnn_bbox_loss_graph,
    mrcnn_class_loss_graph,
    mrcnn_mask_loss_graph,
    rpn_bbox_loss_graph,
    rpn_class_loss_graph,
    smooth_l1_loss,
)
from maskdet.mrcnn.meta import (
    compose_image_meta,
    denorm_boxes_graph,
    log,
    mold_image,
    norm_boxes_graph,
    parse_image_meta,
    parse_image_meta_graph,
    unmold_image,
)
from maskdet.mrcnn.network import OldNetwork, OldTrainingNetwork, inference_view, training_view
from maskdet.mrcnn.targets import (
    build_detection_targets,
    build_rpn_targets,
    generate_random_rois,
)
from maskdet.pretrained.weights import fetch_weights
from maskdet.trained import build_network
from maskdet.training.layers import set_trainable, weighted_layers

__all__ = [
    "BatchNorm",
    "DetectionLayer",
    "DetectionTargetLayer",
    "MaskRCNN",
    "ProposalLayer",
    "PyramidROIAlign",
    "apply_box_deltas_graph",
    "batch_pack_graph",
    "build_detection_targets",
    "build_fpn_mask_graph",
    "build_rpn_model",
    "build_rpn_targets",
    "clip_boxes_graph",
    "compose_image_meta",
    "compute_backbone_shapes",
    "conv_block",
    "data_generator",
    "denorm_boxes_graph",
    "detection_targets_graph",
    "fpn_classifier_graph",
    "generate_random_rois",
    "identity_block",
    "load_image_gt",
    "log",
    "log2_graph",
    "mold_image",
    "mrcnn_bbox_loss_graph",
    "mrcnn_class_loss_graph",
    "mrcnn_mask_loss_graph",
    "norm_boxes_graph",
    "overlaps_graph",
    "parse_image_meta",
    "parse_image_meta_graph",
    "refine_detections_graph",
    "resnet_graph",
    "rpn_bbox_loss_graph",
    "rpn_class_loss_graph",
    "rpn_graph",
    "smooth_l1_loss",
    "trim_zeros_graph",
    "unmold_image",
    "utils",
]

Results = list[dict[str, np.ndarray]]


class _Shown(keras.callbacks.Callback):
    """Puts the optimizer and the history where scripts look for them: on ``keras_model``."""

    def __init__(self, shown: keras.Model) -> None:
        super().__init__()
        self.shown = shown

    def on_train_begin(self, logs: Any = None) -> None:
        self.shown.optimizer = self.model.optimizer
        self.shown.history = self.model.history


class MaskRCNN(_MaskRCNN):
    """:class:`maskdet.MaskRCNN` with matterport's attributes, numbers and files.

    ``keras_model`` has the original's inputs and outputs; ``network`` is what trains and detects.
    Both share their layers. Images are resized with the original's arithmetic.
    """

    keras_model: OldNetwork

    def build_anew(self) -> None:
        """See :meth:`maskdet.models.model.Model.build_anew`."""
        super().build_anew()
        self.keras_model = self._view(self.network)
        self.prepare = self._prepare

    def _view(self, network: Any) -> OldNetwork:
        if self.mode == "training":
            return training_view(network, self.config)
        return inference_view(network)

    def build(self, mode: str, config: Config) -> OldNetwork:
        """A network with fresh weights, in matterport's form."""
        network = build_network(self.family, config, mode)
        if mode == "training":
            return training_view(network, config)
        return inference_view(network)

    # ---- training --------------------------------------------------------------------------
    def train(
        self,
        train_dataset: Dataset,
        val_dataset: Dataset | None = None,
        learning_rate: float | None = None,
        epochs: int | None = None,
        layers: str | None = None,
        augmentation: Any = None,
        custom_callbacks: Any = None,
        no_augmentation_sources: Sequence[str] | None = None,
        recipe: str | None = None,
    ) -> dict[str, list[float]]:
        """As :meth:`maskdet.models.model.Model.train`.

        ``augmentation`` may also be an imgaug augmenter; ``keras_model.history`` and
        ``keras_model.optimizer`` are set.
        """
        if augmentation is not None and not isinstance(augmentation, str | Augmentation):
            augmentation = ImgaugAugmentation(augmenter=augmentation)
        return super().train(
            train_dataset,
            val_dataset,
            learning_rate,
            epochs,
            layers,
            augmentation,
            [_Shown(self.keras_model), *(custom_callbacks or [])],
            no_augmentation_sources,
            recipe,
        )

    def compile(self, learning_rate: float, momentum: float) -> None:
        """Make ``keras_model`` learn from batches of ``data_generator``, as old loops do it.

        Raises:
            UsageError: in inference mode.
        """
        if not isinstance(self.keras_model, OldTrainingNetwork):
            raise UsageError("Only a model made with mode='training' can be compiled.")
        self.keras_model.compile_for(self.config, learning_rate, momentum)

    def set_trainable(
        self,
        layer_regex: str,
        keras_model: keras.Model | None = None,
        indent: int = 0,
        verbose: int = 1,
    ) -> None:
        """Make the layers whose names match train, and no others; prints them."""
        network = self.network if keras_model is None else keras_model
        layer_names = [
            name for name, _ in weighted_layers(network) if re.fullmatch(layer_regex, name)
        ]
        set_trainable(network, layer_names)
        if verbose:
            log("Selecting layers to train")
            for name, layer in weighted_layers(network):
                if name in layer_names:
                    log(f"{'':{indent}}{name:20}   ({type(layer).__name__})")

    # ---- weights ---------------------------------------------------------------------------
    def get_imagenet_weights(self) -> str:
        """Path of ResNet50's ImageNet weights, downloaded at the first call.

        Raises:
            WeightsError: if they cannot be had; the message says where they are.
        """
        return os.fspath(fetch_weights("resnet50_notop"))

    # ---- detection -------------------------------------------------------------------------
    def _prepare(self, image: np.ndarray) -> tuple[np.ndarray, Placement]:
        placement = self.config.placement_rule(detecting=True)(image.shape)
        return utils.on_canvas(image, placement), placement

    def mold_inputs(self, images: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Images as the network takes them: molded (B, H, W, C), metas (B, meta), windows (B, 4).

        Raises:
            UsageError: if they do not become one size.
        """
        molded, metas, windows = [], [], []
        for image in images:
            pixels, placement = self._prepare(np.asarray(image))
            none_active = np.zeros([self.config.NUM_CLASSES], dtype=np.int32)
            molded.append(mold_image(pixels, self.config))
            metas.append(
                compose_image_meta(
                    0,
                    image.shape,
                    pixels.shape,
                    placement.window,
                    placement.scale,
                    none_active,
                )
            )
            windows.append(placement.window)
        shapes = sorted({array.shape for array in molded})
        if len(shapes) > 1:
            raise UsageError(
                f"These images enter the network in different sizes ({shapes}); mold them one by "
                "one, or use IMAGE_RESIZE_MODE 'square'."
            )
        return np.stack(molded), np.stack(metas), np.stack(windows)

    def unmold_detections(
        self,
        detections: np.ndarray,
        mrcnn_mask: np.ndarray,
        original_image_shape: Sequence[int],
        image_shape: Sequence[int],
        window: Sequence[int],
    ) -> tuple[np.ndarray, ...]:
        """One image's raw detections in its own pixels.

        Args:
            detections: (D, 6), zero padded; mrcnn_mask: (D, h, w, classes).
            original_image_shape, image_shape: (height, width, ...) before and after resizing.
            window: y1, x1, y2, x2 of the image within the resized one, pixels.

        Returns:
            boxes int32 (N, 4), class_ids int32 (N,), scores float32 (N,), masks bool (H, W, N).
        """
        height, width = (int(side) for side in original_image_shape[:2])
        frame = (int(image_shape[0]), int(image_shape[1]))
        y1, x1, y2, x2 = (int(side) for side in window)
        placement = Placement((height, width), frame, (y2 - y1) / height, (y1, x1, y2, x2))
        names = tuple(str(i) for i in range(self.config.NUM_CLASSES))
        result = _result(decode_one(detections, mrcnn_mask, placement, names, True))
        return result["rois"], result["class_ids"], result["scores"], result["masks"]

    def detect(self, images: Sequence[Any], verbose: int = 0) -> Results:
        """Detections of each image, in its own pixels; any number of images.

        Args:
            images: H x W x IMAGE_CHANNEL_COUNT each, RGB of 0..255, or molded as old evaluation
                loops feed them (they are molded again, as in the original).

        Returns:
            A dict for each image: rois int32 (N, 4), class_ids int32, scores float32, masks bool
            (H, W, N), best first.
        """
        if verbose:
            log(f"Processing {len(images)} images")
            for image in images:
                log("image", image)
        return [_result(detections) for detections in self.detections(images)]

    def detect_molded(
        self, molded_images: np.ndarray, image_metas: np.ndarray, verbose: int = 0
    ) -> Results:
        """Detections in images that were molded already, in pixels of the molded ones."""
        if verbose:
            log(f"Processing {len(molded_images)} images")
            for image in molded_images:
                log("image", image)
        shape = molded_images.shape[1:]
        outputs = self.network.predict_on_batch(self._inputs(molded_images, image_metas))
        rows, masks = np.asarray(outputs[0]), np.asarray(outputs[3])
        placement = Placement(shape[:2], shape[:2], 1.0, (0, 0, *shape[:2]))
        names = tuple(str(i) for i in range(self.config.NUM_CLASSES))
        return [
            _result(decode_one(rows[i], masks[i], placement, names, True))
            for i in range(len(molded_images))
        ]

    # ---- inspection ------------------------------------------------------------------------
    def ancestor(self, tensor: Any, name: str, checked: Any = None) -> Any:
        """The tensor of that name: a layer's, or one that notebooks know; else None.

        ``tensor`` is not needed: there is one network.
        """
        return find_tensor(self.keras_model, name)

    def find_trainable_layer(self, layer: Any) -> Any:
        """The layer inside wrappers."""
        while hasattr(layer, "layer"):
            layer = layer.layer
        return layer

    def get_trainable_layers(self) -> list[Any]:
        """Layers that have weights; the RPN is one of them."""
        return [layer for layer in self.keras_model.layers if layer.weights]

    def run_graph(self, images: Sequence[np.ndarray], outputs: Any, image_metas: Any = None) -> Any:
        """Values of tensors of ``keras_model`` for images: an OrderedDict of arrays, printed.

        Args:
            images: as for ``detect``; with ``image_metas`` molded already.
            outputs: list of (name, tensor).

        Raises:
            UsageError: in training mode, or for something that is no tensor of this network.
        """
        if self.mode != "inference":
            raise UsageError("run_graph() needs a model made with mode='inference'.")
        if image_metas is None:
            molded, metas, _ = self.mold_inputs(images)
        else:
            molded, metas = np.asarray(images), np.asarray(image_metas)
        return run(self.keras_model, self._inputs(molded, metas), outputs)

    def _inputs(self, molded: np.ndarray, metas: np.ndarray) -> list[np.ndarray]:
        anchors = self.get_anchors(molded.shape[1:])
        batched = np.broadcast_to(anchors, (len(molded), *anchors.shape))
        return [np.asarray(molded, np.float32), np.asarray(metas, np.float32), batched]


def _result(detections: Detections) -> dict[str, np.ndarray]:
    """matterport's dict; boxes without area in whole pixels are dropped."""
    rois = np.around(detections.boxes).astype(np.int32)
    with_area = (rois[:, 2] > rois[:, 0]) & (rois[:, 3] > rois[:, 1])
    return detections[with_area].to_matterport()
