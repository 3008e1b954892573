"""A one-stage detector of boxes, as small as one can be: the house's proof of a second family.

224 pixels, six levels from stride 8 down to a single cell, boxes alone. Nothing imports this file
but the tests of this folder, and no engine knows it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import layers, ops

from maskdet.backbones import get_backbone, pixels_of
from maskdet.detections import Detections
from maskdet.family import Pretrained
from maskdet.geometry.boxes import normalize_boxes
from maskdet.geometry.placement import boxes_in_image
from maskdet.layers import box_coding
from maskdet.layers.detection import DetectionLayer
from maskdet.layers.lite.detection import ContractOutputs, DetectionWindow, LiteDetections
from maskdet.layers.losses import smooth_l1
from maskdet.models.detecting import DetectingModel
from maskdet.profiles import ProfileStage
from maskdet.tasks.detection.config import DetectionConfig
from maskdet.tasks.detection.task import DETECTION

BOX_STD = (0.1, 0.1, 0.2, 0.2)


class ToyDetectorConfig(DetectionConfig):
    family_name: ClassVar[str] = "toy_detector"

    NAME = "toy"
    NUM_CLASSES = 3
    BACKBONE = "efficientnet_lite0"
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 224
    IMAGES_PER_GPU = 4
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    MAX_GT_INSTANCES = 8
    DETECTION_MIN_CONFIDENCE = 0.2
    DETECTION_NMS_THRESHOLD = 0.5
    TOY_SIZES = (24, 40, 64, 96, 144, 208)
    LOSS_WEIGHTS: ClassVar[dict[str, float]] = {"toy_class_loss": 1.0, "toy_box_loss": 2.0}


def toy_anchors(config: Any) -> np.ndarray:
    """Square anchors (A, 4), normalised, a size a level, finest level first."""
    side, boxes = config.IMAGE_MAX_DIM, []
    cells = [28, 14, 7, 4, 2, 1]
    for count, size in zip(cells, config.TOY_SIZES, strict=True):
        centres = (np.arange(count) + 0.5) * side / count
        y, x = np.meshgrid(centres, centres, indexing="ij")
        half = size / 2
        boxes.append(np.stack([y - half, x - half, y + half, x + half], axis=-1).reshape(-1, 4))
    return normalize_boxes(np.concatenate(boxes), (side, side))


def _levels(image: Any, config: Any) -> list[Any]:
    """Six maps of 32 channels: strides 8, 16, 32 of the backbone and three halved ones."""
    stages = get_backbone(config.BACKBONE).build(image, train_bn=config.TRAIN_BN)
    maps = [layers.Conv2D(32, 1, name=f"toy_lateral{i}")(stages[i]) for i in (2, 3, 4)]
    for number in range(3):
        maps.append(
            layers.Conv2D(
                32, 3, strides=2, padding="same", activation="relu", name=f"toy_down{number}"
            )(maps[-1])
        )
    return maps


def _heads(maps: list[Any], config: Any) -> tuple[Any, Any]:
    """Scores (B, A, classes) and deltas (B, A, 4) of all levels, finest first."""
    classes = config.NUM_CLASSES
    logits, deltas = [], []
    for number, level in enumerate(maps):
        row = layers.Conv2D(classes, 3, padding="same", name=f"toy_class{number}")(level)
        logits.append(layers.Reshape((-1, classes), name=f"toy_class_rows{number}")(row))
        row = layers.Conv2D(4, 3, padding="same", name=f"toy_box{number}")(level)
        deltas.append(layers.Reshape((-1, 4), name=f"toy_box_rows{number}")(row))
    joined = layers.Concatenate(axis=1, name="toy_logits")(logits)
    scores = layers.Activation("sigmoid", name="toy_scores")(joined)
    return scores, layers.Concatenate(axis=1, name="toy_deltas")(deltas)


@keras.saving.register_keras_serializable("toy")
class ToyTargets(layers.Layer):
    """For each anchor the one-hot class of the object that it overlaps by half, and its deltas."""

    def __init__(self, anchors: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.anchors, self.classes = np.asarray(anchors, np.float32), int(classes)

    def call(self, inputs: list[Any]) -> tuple[Any, Any]:
        class_ids, boxes = inputs
        anchors = ops.convert_to_tensor(self.anchors)[None]
        overlaps = box_coding.pairwise_iou(anchors, boxes)  # (B, A, M)
        overlaps = ops.where((class_ids > 0)[:, None], overlaps, 0.0)
        owner = ops.argmax(overlaps, axis=2)
        positive = ops.max(overlaps, axis=2) >= 0.4
        owners = ops.take_along_axis(class_ids, ops.cast(owner, "int32"), axis=1)
        hot = ops.one_hot(ops.where(positive, owners, 0), self.classes)
        hot = ops.concatenate([ops.zeros_like(hot[..., :1]), hot[..., 1:]], axis=-1)
        deltas = box_coding.encode(anchors, box_coding.gather_rows(boxes, owner))
        deltas = deltas / ops.convert_to_tensor(BOX_STD)
        return hot, ops.where(positive[..., None], deltas, 0.0)

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, Any]:
        count = len(self.anchors)
        return (
            keras.KerasTensor((None, count, self.classes), "float32"),
            keras.KerasTensor((None, count, 4), "float32"),
        )


class ToyDetectorFamily:
    """See :class:`maskdet.family.Family`."""

    name = "toy_detector"
    task = DETECTION
    outputs = frozenset({"boxes"})
    config_class = ToyDetectorConfig
    weightless: frozenset[str] = frozenset()
    float_layers = r"toy_(class|box|scores|deltas|logits)|detection"
    dynamic_layers = ""
    profile_stages = (
        ProfileStage("backbone"),
        ProfileStage("heads", r"toy_(?!detection)"),
        ProfileStage("detections", r"detection", geometry=True),
    )

    def stages(self, config: Any) -> dict[str, str]:
        return {"heads": r"toy_.*", "all": r".*"}

    def rate(self, layer_name: str, config: Any) -> float:
        return 1.0 if layer_name.startswith("toy_") else float(config.BACKBONE_RATE)

    def pixels(self, config: Any) -> Any:
        return pixels_of(config)

    def side_multiple(self, config: Any) -> int:
        return 1

    def reads(self, path: str | os.PathLike[str]) -> bool:
        return False

    def config_for(self, path: str | os.PathLike[str]) -> Any:
        return self.config_class()

    def load_pretrained(self, network: keras.Model, config: Any, name: str) -> Pretrained:
        return Pretrained(get_backbone(config.BACKBONE).load_pretrained(network, name))

    def build(self, config: Any, mode: str, kernels: str = "auto") -> keras.Model:
        side = config.IMAGE_MAX_DIM
        image = keras.Input((side, side, 3), name="input_image")
        scores, deltas = _heads(_levels(image, config), config)
        if mode == "training":
            class_ids = keras.Input((None,), dtype="int32", name="input_class_ids")
            boxes = keras.Input((None, 4), name="input_boxes")
            targets = ToyTargets(toy_anchors(config), config.NUM_CLASSES, name="toy_targets")
            hot, target_deltas = targets([class_ids, boxes])
            outputs = {
                "scores": scores,
                "deltas": deltas,
                "target_classes": hot,
                "target_deltas": target_deltas,
            }
            return keras.Model([image, class_ids, boxes], outputs, name="toy_detector")
        window = keras.Input((4,), name="input_window")
        anchors = ops.convert_to_tensor(toy_anchors(config)[None])
        detections = DetectionLayer(
            config.DETECTION_MAX_INSTANCES,
            config.DETECTION_MIN_CONFIDENCE,
            config.DETECTION_NMS_THRESHOLD,
            BOX_STD,
            kernels,
            classes="all",
            name="toy_detection",
        )([anchors, scores, deltas, window])
        return keras.Model([image, window], detections, name="toy_detector")

    def image_facts(self, dataset: Any, config: Any) -> dict[str, np.ndarray]:
        return {}

    def training_outputs(self, network: keras.Model, lessons: frozenset[str]) -> tuple[Any, Any]:
        return list(network.inputs), dict(network.output)

    def training_inputs(
        self, batch: Mapping[str, np.ndarray], config: Any
    ) -> dict[str, np.ndarray]:
        return {
            "input_image": pixels_of(config).of_images(batch["images"]),
            "input_class_ids": batch["class_ids"],
            "input_boxes": normalize_boxes(batch["boxes"].reshape(-1, 4), config.input_sides)
            .reshape(batch["boxes"].shape)
            .astype(np.float32),
        }

    def loss_names(self, lessons: frozenset[str]) -> list[str]:
        return ["toy_class_loss", "toy_box_loss"]

    def losses(self, outputs: Mapping[str, Any], config: Any) -> dict[str, Any]:
        hot = outputs["target_classes"]
        count = ops.maximum(ops.sum(hot), 1.0)
        probability = ops.clip(outputs["scores"], 1e-6, 1 - 1e-6)
        cross_entropy = -(hot * ops.log(probability) + (1 - hot) * ops.log(1 - probability))
        positive = ops.max(hot, axis=-1, keepdims=True)
        boxes = smooth_l1(outputs["target_deltas"], outputs["deltas"]) * positive
        return {
            "toy_class_loss": ops.sum(cross_entropy) / count,
            "toy_box_loss": ops.sum(boxes) / count,
        }

    def inference_inputs(
        self, images: np.ndarray, placements: Sequence[Any], config: Any
    ) -> list[np.ndarray]:
        windows = np.array([placement.window for placement in placements], np.float32)
        windows = normalize_boxes(windows, config.input_sides).astype(np.float32)
        return [pixels_of(config).of_images(images), windows]

    def decode(
        self,
        arrays: Sequence[np.ndarray],
        placements: Sequence[Any],
        config: Any,
        class_names: Sequence[str],
        outputs: frozenset[str],
    ) -> list[Detections]:
        results = []
        for rows, placement in zip(arrays[0], placements, strict=True):
            rows = rows[rows[:, 5] > 0]
            results.append(
                Detections(
                    boxes_in_image(rows[:, :4], placement),
                    rows[:, 4].astype(np.int32),
                    rows[:, 5],
                    tuple(class_names),
                    placement.image_shape,
                )
            )
        return results

    def export_network(
        self, config: Any, count: int, min_score: float, outputs: frozenset[str], with_window: bool
    ) -> keras.Model:
        side = config.IMAGE_MAX_DIM
        image = keras.Input(batch_shape=(1, side, side, 3), name="picture")
        inputs = {"picture": image}
        if with_window:
            inputs["window"] = keras.Input(batch_shape=(1, 4), name="window")
        window = DetectionWindow(name="detection_window")(*list(inputs.values())[1:] or [image])
        scores, deltas = _heads(_levels(image, config), config)
        anchors = ops.convert_to_tensor(toy_anchors(config))
        boxes, class_ids, best, valid = LiteDetections(
            count,
            min_score,
            config.DETECTION_NMS_THRESHOLD,
            BOX_STD,
            classes="all",
            name="toy_detection",
        )(anchors, scores, deltas, window)
        contract = ContractOutputs((side, side), name="detection_outputs")
        return keras.Model(inputs, contract(boxes, class_ids, best, valid), name="toy_detector")


class ToyDetector(DetectingModel):
    """Finds boxes."""

    family = ToyDetectorFamily()
