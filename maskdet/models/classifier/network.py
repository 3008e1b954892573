"""A trunk, its pooled features, a dense layer."""

from typing import Any

import keras
from keras import layers, ops

from maskdet.backbones.registry import TOP_LOGITS, get_backbone
from maskdet.compute_dtype import computing_in
from maskdet.layers.losses import softmax_cross_entropy

#: Begins the names of the layers that no trunk has.
HEAD_PREFIX = "classifier_"
LOGITS = "classifier_logits"
LOSS = "label_loss"
# ImageNet's logits of classes that fit a photo are about as large; it keeps the squares near them.
_USUAL_LOGIT = 10.0


@keras.saving.register_keras_serializable("maskdet")
class ScaledSquare(layers.Layer):
    """``factor`` times the square, elementwise."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        """Of any shape (...)."""
        return inputs * inputs * self.factor

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        return {**super().get_config(), "factor": self.factor}


def class_scores(image: Any, config: Any) -> tuple[Any, Any]:
    """Logits and probabilities, (B, classes) each, without the background.

    Args:
        image: (B, H, W, 3), scaled as the backbone wants.
        config: a ClassifierConfig.
    """
    backbone = get_backbone(config.BACKBONE)
    features = backbone.build_top(image, config.TRAIN_BN)  # (B, h, w, C)
    with computing_in("float32"):
        return _head(features, backbone.known_classes, config)


def _head(features: Any, known_classes: int, config: Any) -> tuple[Any, Any]:
    """:func:`class_scores` of the trunk's features (B, h, w, C)."""
    pooled = layers.GlobalAveragePooling2D(name=f"{HEAD_PREFIX}pool")(features)  # (B, C)
    kept = layers.Dropout(config.DROPOUT, seed=config.SEED, name=f"{HEAD_PREFIX}dropout")(pooled)
    if known_classes:
        # What a photo looks like among ImageNet's classes says more of a new class than plain
        # features do. Squared (So et al. 2021, "Primer", squared ReLU), the few classes that fit it
        # outweigh the hundreds that do not.
        known = layers.Dense(known_classes, activation="relu", name=TOP_LOGITS)
        square = ScaledSquare(1.0 / _USUAL_LOGIT, name=f"{HEAD_PREFIX}likeness")
        kept = square(known(kept))  # (B, 1000)
    # Zeros: the first step's gradients come from the features alone, whatever the seed.
    dense = layers.Dense(config.NUM_CLASSES - 1, kernel_initializer="zeros", name=LOGITS)
    logits = dense(kept)  # (B, classes)
    return logits, layers.Activation("softmax", name=f"{HEAD_PREFIX}scores")(logits)


def build_training_network(config: Any) -> keras.Model:
    """From images and their labels (B,) from 0 to logits and the labels."""
    image = keras.Input((*config.input_sides, config.IMAGE_CHANNEL_COUNT), name="input_image")
    labels = keras.Input((), dtype="int32", name="input_labels")
    logits, _ = class_scores(image, config)
    outputs = {"logits": logits, "labels": labels + 0}
    return keras.Model([image, labels], outputs, name="classifier")


def build_inference_network(config: Any) -> keras.Model:
    """From images to probabilities (B, classes)."""
    image = keras.Input((*config.input_sides, config.IMAGE_CHANNEL_COUNT), name="input_image")
    return keras.Model([image], class_scores(image, config)[1], name="classifier")


def build_lite_network(config: Any) -> keras.Model:
    """The same for one image, for files; its output is called scores."""
    shape = (1, *config.input_sides, config.IMAGE_CHANNEL_COUNT)
    image = keras.Input(batch_shape=shape, name="image")
    scores = class_scores(image, config)[1]
    return keras.Model({"image": image}, {"scores": scores}, name="classifier")


def label_loss(labels: Any, logits: Any, smoothing: float) -> Any:
    """Mean cross entropy with smoothed labels (Szegedy et al. 2016), a scalar.

    Args:
        labels: int (B,), from 0.
        logits: (B, classes).
        smoothing: share of each target that is spread evenly over all classes.
    """
    of_labels = softmax_cross_entropy(labels, logits)  # (B,)
    if not smoothing:
        return ops.mean(of_labels)
    of_all = -ops.mean(ops.log_softmax(logits, axis=-1), axis=-1)  # (B,)
    return ops.mean((1.0 - smoothing) * of_labels + smoothing * of_all)
