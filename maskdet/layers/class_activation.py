"""Where in an image a classifier sees a class."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from maskdet.errors import UsageError

Array = np.ndarray[Any, Any]


def grad_cam(
    network: keras.Model, maps: Any, logits: Any, inputs: Sequence[Any], classes: Sequence[int]
) -> list[Array]:
    """Class activation maps by gradients (Selvaraju et al. 2017, "Grad-CAM", eqs. 1 and 2).

    Each channel of a feature map counts by how much the class's logit grows with it; what speaks
    against the class is left out.

    Args:
        network: a functional model.
        maps: its tensor (B, h, w, C) to look at.
        logits: its tensor (B, classes).
        inputs: values for one image.
        classes: columns of ``logits``.

    Returns:
        float32 (h, w) for each class, 0..1: 1 at the strongest cell, all 0 where nothing speaks for
        the class.

    Raises:
        UsageError: where Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Class activation maps need Keras on TensorFlow, but it runs on "
            f"{keras.backend.backend()}; start with KERAS_BACKEND=tensorflow."
        )
    import tensorflow as tf

    part = keras.Model(network.inputs, [maps, logits])
    tensors = [tf.constant(value) for value in inputs]
    with tf.GradientTape(persistent=len(classes) > 1) as tape:
        # Else a trunk that is frozen would leave no trace of its maps.
        tape.watch([tensor for tensor in tensors if tensor.dtype.is_floating])
        values, scores = part(tensors, training=False)
        wanted = [scores[0, number] for number in classes]
    pictures = []
    for score in wanted:
        gradients = tape.gradient(score, values)[0]  # (h, w, C)
        shares = tf.reduce_mean(gradients, axis=(0, 1))  # (C,)
        heat = tf.nn.relu(tf.reduce_sum(values[0] * shares, axis=-1)).numpy()  # (h, w)
        pictures.append((heat / max(float(heat.max()), 1e-12)).astype(np.float32))
    return pictures
