"""``keras_model`` as old scripts know it: its inputs, outputs, files and layer names."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from maskdet.config import Config
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.models.written import BuiltNetwork
from maskdet.mrcnn import losses
from maskdet.mrcnn.meta import parse_image_meta_graph
from maskdet.pretrained.assign import load_into, save_from
from maskdet.training.loss_model import weighted_sum
from maskdet.training.optimizers import RatedSGD

LOSSES = (
    "rpn_class_loss",
    "rpn_bbox_loss",
    "mrcnn_class_loss",
    "mrcnn_bbox_loss",
    "mrcnn_mask_loss",
)
# What the training network shows before the losses, in the original's order.
SHOWN = (
    "rpn_class_logits",
    "rpn_class",
    "rpn_bbox",
    "mrcnn_class_logits",
    "mrcnn_class",
    "mrcnn_bbox",
    "mrcnn_mask",
    "proposals",
    "rois",
)
# Outputs of the library's training network that the losses compare.
COMPARED = (
    "rpn_class_logits",
    "rpn_bbox",
    "target_class_ids",
    "mrcnn_class_logits",
    "target_bbox",
    "mrcnn_bbox",
    "mrcnn_mask",
)
# Layers that run on all RoIs of a batch in one row, and those that give their result by image.
_BY_IMAGE = {
    "mrcnn_class_logits": ("mrcnn_class_logits_rois",),
    "mrcnn_mask": ("mrcnn_mask_padded", "mrcnn_mask_rois"),
}


class HeadLayer:
    """A layer of the heads with the output that scripts expect of it, (B, RoIs, ...).

    Everything else (weights, name, config) is the layer's own; ``layer`` is the layer, as with
    Keras' TimeDistributed.
    """

    def __init__(self, layer: keras.Layer, by_image: keras.Layer) -> None:
        self.layer = layer
        self._by_image = by_image

    @property
    def output(self) -> Any:
        return self._by_image.output

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)


@keras.saving.register_keras_serializable("maskdet")
class OldNetwork(BuiltNetwork):
    """A functional model whose .h5 files are matterport's."""

    @classmethod
    def view_of(cls, network: keras.Model, config: Any) -> Any:
        return inference_view(network)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write a .h5 file that Keras 2 and the original open.

        Raises:
            WeightsError: if it cannot be written.
        """
        save_from(self, filepath)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        by_name: bool = False,
        exclude: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Read a .h5 file in matterport's layout; see ``MaskRCNN.load_weights``."""
        weightless = MaskRCNNFamily.weightless
        load_into(self, filepath, by_name or bool(exclude), exclude or (), weightless)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """A layer by name or number; heads give their outputs by image."""
        layer = super().get_layer(name, index)
        names = {other.name for other in self.layers}
        for by_image in _BY_IMAGE.get(layer.name, ()):
            if by_image in names:
                return HeadLayer(layer, super().get_layer(by_image))
        return layer


@keras.saving.register_keras_serializable("maskdet")
class OldTrainingNetwork(OldNetwork):
    """The training network in matterport's form: the last five outputs are the losses.

    Compiled by :meth:`compile_for`, it learns from what ``data_generator`` yields.
    """

    settings: Config

    @classmethod
    def view_of(cls, network: keras.Model, config: Any) -> Any:
        return training_view(network, config)

    def compile_for(self, config: Config, learning_rate: float, momentum: float) -> None:
        """Give it matterport's optimizer and loss: weighted losses and L2."""
        self.settings = config
        self.parts = [keras.metrics.Mean(name=name) for name in LOSSES]
        clip = config.GRADIENT_CLIP_NORM or None
        self.compile(RatedSGD(learning_rate, momentum=momentum, clipnorm=clip), jit_compile=False)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras' own; ``x`` and ``validation_data`` may be what ``data_generator`` gives."""
        kwargs.setdefault("shuffle", False)
        if "validation_data" in kwargs:
            kwargs["validation_data"] = _in_tuples(kwargs["validation_data"])
        return super().fit(_in_tuples(x), *args, **kwargs)

    def fit_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras 2's name of :meth:`fit`; what concerned its processes is left out."""
        for name in ("max_queue_size", "workers", "use_multiprocessing"):
            kwargs.pop(name, None)
        return self.fit(generator, *args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        losses = dict(zip(LOSSES, y_pred[-len(LOSSES) :], strict=True))
        for part, loss in zip(self.parts, losses.values(), strict=True):
            part.update_state(loss)
        decayed = [v for v in self.trainable_variables if v.name not in ("gamma", "beta")]
        return weighted_sum(losses, self.settings, decayed)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return self.get_metrics_result()


def _in_tuples(batches: Any) -> Any:
    """A generator's lists as tuples, which TensorFlow's data sets are made of."""
    if not isinstance(batches, Iterator):
        return batches
    return (tuple(tuple(part) for part in batch) for batch in batches)


class Losses(keras.layers.Layer):
    """The five losses from meta, rpn_match, rpn_bbox, target masks and COMPARED of the network."""

    def __init__(self, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    def call(self, inputs: list[Any]) -> tuple[Any, ...]:
        meta, match, target, target_masks, *rest = inputs
        rpn_logits, rpn_bbox, ids, logits, target_bbox, bbox, masks = rest
        active = parse_image_meta_graph(meta)["active_class_ids"]
        positive = masks.shape[1]
        return (
            losses.rpn_class_loss_graph(match, rpn_logits),
            losses.rpn_bbox_loss_graph(self.config, target, match, rpn_bbox),
            losses.mrcnn_class_loss_graph(ids, logits, active),
            losses.mrcnn_bbox_loss_graph(target_bbox, ids, bbox),
            losses.mrcnn_mask_loss_graph(target_masks, ids[:, :positive], masks),
        )

    def compute_output_spec(self, inputs: list[Any]) -> tuple[Any, ...]:
        return tuple(keras.KerasTensor((), "float32") for _ in LOSSES)


def inference_view(network: BuiltNetwork) -> OldNetwork:
    """The inference network with old files and names; layers are shared."""
    view = OldNetwork(network.inputs, network.outputs, name=network.name)
    view.recipe = network.recipe
    return view


def training_view(network: BuiltNetwork, config: Config) -> OldTrainingNetwork:
    """The training network with matterport's inputs and outputs; layers are shared.

    Inputs: input_image, input_image_meta, input_rpn_match (B, A, 1), input_rpn_bbox (B, R, 4),
    input_gt_class_ids (B, M), input_gt_boxes (B, M, 4) pixels, input_gt_masks (B, h, w, M), and
    input_roi (B, N, 4) pixels without USE_RPN_ROIS. Outputs: rpn_class_logits, rpn_class, rpn_bbox,
    mrcnn_class_logits, mrcnn_class, mrcnn_bbox, mrcnn_mask, rpn_rois, output_rois, five losses.
    """
    ours = {tensor.name: tensor for tensor in network.inputs}
    out = dict(network.output)
    meta = keras.Input((config.IMAGE_META_SIZE,), name="input_image_meta")
    match = keras.Input((None, 1), dtype="int32", name="input_rpn_match")
    target = keras.Input((config.RPN_TRAIN_ANCHORS_PER_IMAGE, 4), name="input_rpn_bbox")
    mask_shape = ours["input_gt_masks"].shape[2:]
    masks = keras.Input((*mask_shape, None), dtype="bool", name="input_gt_masks")
    inner_inputs = [ours[name] for name in ("input_image", "input_gt_class_ids", "input_gt_boxes")]

    targets = network.get_layer("mask_targets")
    rois, owner, gt_boxes, _ = targets.input
    planes = ops.cast(ops.transpose(masks, (0, 3, 1, 2)), "float32")
    target_masks = targets([rois, owner, gt_boxes, planes])
    compared = [meta, match, target, target_masks, *(out[name] for name in COMPARED)]
    loss_values = Losses(config, name="losses")(compared)
    inputs = [inner_inputs[0], meta, match, target, *inner_inputs[1:], masks]
    if not config.USE_RPN_ROIS:
        inputs.append(ours["input_roi"])
    outputs = [*(out[name] for name in SHOWN), *loss_values]
    view = OldTrainingNetwork(inputs, outputs, name=network.name)
    view.recipe = network.recipe
    return view


# Keras' .h5 names a model's class without its package.
keras.saving.get_custom_objects().update(
    {"OldNetwork": OldNetwork, "OldTrainingNetwork": OldTrainingNetwork}
)
