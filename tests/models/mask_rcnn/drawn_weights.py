"""Weights for a Mask R-CNN without anchors that are drawn, not trained: sure of a few cells."""

import keras
import numpy as np

from maskdet.geometry.placement import place

#: Cells of the levels of stride 8, 16 and 32 of a picture of 128 x 128 pixels.
CELLS = ((3, 256), (4, 64), (5, 16))
#: Deltas of cells on average: boxes of about two by three cells.
DELTAS = np.array([0.4, 0.6, 0.8, 1.1], "f4")


def spread(model, picture, seed=0):
    """Make cells and RoIs differ from each other: picture (128, 128, 3) 0..255."""
    network, draws = model.network, np.random.default_rng(seed)
    placement = place(picture.shape[:2], 128, 128)
    inputs = model.family.inference_inputs(picture[None], [placement], model.config)

    def values(*tensors):
        probe = keras.Model(network.inputs, list(tensors))
        return [keras.ops.convert_to_numpy(array) for array in probe(inputs, training=False)]

    def widen(name, own, width, middle):
        """Weights of a last layer that now says ``own`` (..., outputs)."""
        layer = network.get_layer(name)
        kernel, bias = layer.get_weights()
        factor = width / own.std()
        mean = own.mean(axis=tuple(range(own.ndim - 1)))
        layer.set_weights([kernel * factor, factor * (bias - mean) + middle])

    (scores, deltas), start = values(*network.outputs[5:7]), 0
    logits = np.log(scores[..., 1:] / scores[..., :1])
    for level, cells in CELLS:
        rows = slice(start, start + cells)
        widen(f"rpn_head{level}_objectness", logits[:, rows], 2.0, np.float32(0))
        widen(f"rpn_head{level}_deltas", deltas[:, rows], 0.3, DELTAS)
        start += cells
    names = ("mrcnn_class_logits", "mrcnn_bbox_fc")
    for layer in map(network.get_layer, names):
        kernel, bias = layer.get_weights()
        layer.set_weights([draws.normal(size=kernel.shape).astype("f4"), bias])
    outputs = values(*(network.get_layer(name).output for name in names))
    for name, own, width in zip(names, outputs, (1.5, 0.7), strict=True):
        widen(name, own, width, np.float32(0))
