"""Small float .tflite files of hand-made networks, and the layers in them."""

import tensorflow as tf

from maskdet.exporters.convert import quiet


def lite_file(network):
    """A network of one input, converted as :func:`maskdet.exporters.convert.convert` does."""
    [(name, tensor)] = network.input.items()

    def call(values):
        outputs = network({name: values}, training=False)
        return [outputs[key] for key in network.output]

    spec = tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
    function = tf.function(call, autograph=False).get_concrete_function(spec)
    with quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        return bytes(converter.convert())


def layer_of(name):
    """The layer in a converter's name of a tensor: model_1/layer_1/operation."""
    return name.split("/")[1].removesuffix("_1")
