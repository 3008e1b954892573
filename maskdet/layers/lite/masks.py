"""The mask head's last steps: doubling, the class of each object, the finished maps."""

from typing import Any

import keras
from keras import layers

from maskdet.layers.lite.base import LiteLayer, tensorflow


class SubpixelDoubling(layers.Conv2DTranspose):
    """A 2 x 2 transposed convolution of stride 2 as a 1 x 1 one to four times the channels.

    (N, h, w, C) to (N, h, w, 4 * filters). Same weights and numbers; the four results of a cell
    stay beside each other on the last axis (row by row) instead of being spread over the map.
    """

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*input_shape[:-1], 4 * self.filters)

    def call(self, inputs: Any) -> Any:
        tf = tensorflow()
        depth = inputs.shape[-1]
        kernel = tf.reshape(tf.transpose(self.kernel, (3, 0, 1, 2)), (1, 1, depth, -1))
        outputs = tf.nn.conv2d(inputs, kernel, 1, "VALID") + tf.tile(self.bias, (4,))
        return self.activation(outputs)


class OwnClassConv(layers.Layer):
    """A 1 x 1 convolution to all classes, of which each object's own alone is worked out.

    Weights as a Conv2D's. Inputs: rows (N, h, w, C), class ids (N,); gives logits (N, h, w).
    """

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape: Any) -> None:
        channels = input_shape[0][-1]
        self.kernel = self.add_weight(name="kernel", shape=(1, 1, channels, self.classes))
        self.bias = self.add_weight(name="bias", shape=(self.classes,))

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs[0].shape[:3], inputs[0].dtype)

    def call(self, inputs: list[Any]) -> Any:
        tf = tensorflow()
        rows, class_ids = inputs
        count, height, width, channels = rows.shape
        kernels = tf.gather(tf.transpose(self.kernel[0, 0]), class_ids)  # (N, C)
        bias = tf.gather(self.bias, class_ids)  # (N,)
        flat = tf.reshape(rows, (count, height * width, channels))  # (N, h * w, C)
        logits = tf.matmul(flat, kernels[:, :, None]) + bias[:, None, None]  # (N, h * w, 1)
        return tf.reshape(logits, (count, height, width))


class ObjectsConv(layers.Layer):
    """A 1 x 1 convolution to all classes but the background, which no mask is asked of.

    Weights as a Conv2D's, the background's among them. (N, h, w, C) to (N, h, w, classes - 1).
    """

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(1, 1, input_shape[-1], self.classes))
        self.bias = self.add_weight(name="bias", shape=(self.classes,))

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*input_shape[:-1], self.classes - 1)

    def call(self, rows: Any) -> Any:
        tf = tensorflow()
        # A bias_add, whose name tells exporters that this may run in integers.
        return tf.nn.bias_add(tf.nn.conv2d(rows, self.kernel[..., 1:], 1, "VALID"), self.bias[1:])


class OwnClass(LiteLayer):
    """Of maps for every class but the background (N, h, w, classes - 1) that of each object.

    Class ids (N,) count the background; where they are 0 the map (N, h, w) is any class's.
    """

    def call(self, logits: Any, class_ids: Any) -> Any:
        tf = tensorflow()
        count, height, width, objects = logits.shape
        if objects == 1:
            return tf.reshape(logits, (count, height, width))
        own_class = tf.one_hot(class_ids - 1, objects)[:, None, :, None]  # (N, 1, objects, 1)
        rows = tf.reshape(logits, (count, 1, height * width, objects))  # (N, 1, h * w, objects)
        return tf.reshape(tf.matmul(rows, own_class), (count, height, width))


class Interleave(LiteLayer):
    """Logits (N, h, w * 4), four of a cell beside each other, as masks (1, N, 2 h, 2 w) in 0..1.

    ``valid`` (N, 1) is 1 for objects and 0 for rows behind the last one, whose masks become 0.
    """

    def __init__(self, cells: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = cells

    def call(self, logits: Any, valid: Any) -> Any:
        tf = tensorflow()
        height, width = self.cells
        four = tf.reshape(logits, (-1, height, width, 4))  # (N, h, w, 4)
        values = tf.sigmoid(four) * valid[:, :, None, None]  # (N, h, w, 4)
        maps = tf.nn.depth_to_space(values, 2)  # (N, 2 h, 2 w, 1)
        return tf.reshape(maps, (1, logits.shape[0], 2 * height, 2 * width))
