"""A training step of the light Mask R-CNN on made-up batches, for the benchmarks that time one.

The only file here that knows the training's inner parts.
"""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import maskdet
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.profiling import counting
from maskdet.profiling.stages import StageCalls, layer_calls
from maskdet.tasks.detection.task import BARE_BOXES, OUTLINES
from maskdet.trained import build_network
from maskdet.training import grouped
from maskdet.training.layers import select_layers, set_trainable
from maskdet.training.loss_model import LossModel, make_loss_model
from maskdet.training.optimizers import make_optimizer


def light_config(batch, name="MobileConfig"):
    """A light Config, of one class and a batch of that size."""
    config = getattr(maskdet, name)()
    config.NUM_CLASSES, config.IMAGES_PER_GPU = 2, batch
    return config


def training_batch(config, masks):
    """A batch as the loader gives it: noise, three boxes an image."""
    rng = np.random.default_rng(0)
    count, most, side = config.BATCH_SIZE, config.MAX_GT_INSTANCES, config.IMAGE_MAX_DIM
    corners = rng.uniform(0, side / 2, (count, most, 2))  # (B, N, 2)
    boxes = np.concatenate([corners, corners + rng.uniform(40, 120, (count, most, 2))], axis=2)
    class_ids = np.zeros((count, most), np.int32)
    class_ids[:, :3] = 1
    batch = {
        "images": rng.integers(0, 255, (count, side, side, 3), dtype=np.uint8),
        "boxes": boxes.astype(np.float32),  # (B, N, 4)
        "class_ids": class_ids,
    }
    if masks is True:
        batch["masks"] = np.ones((count, most, *config.MINI_MASK_SHAPE), bool)
        batch["outlined"] = class_ids > 0
    # What the family adds to a batch: the classes that each image's source knows.
    return batch | {"active_classes": np.ones((count, config.NUM_CLASSES), np.float32)}


class TrainingStep:
    """A network of its own and its training step.

    Args:
        layers: what trains: "heads" or "all".
        masks: with the mask head: True: taught by outlines; "boxes": by boxes alone.
        built: make the optimizer's variables before the first step, as a training does.
    """

    def __init__(self, config, layers, masks=False, built=True):
        keras.utils.clear_session()
        family = MaskRCNNFamily()
        network = build_network(family, config, "training")
        set_trainable(network, select_layers(network, layers, family.stages(config)))
        lessons = {"boxes"}
        if masks:
            lessons |= {"masks", BARE_BOXES if masks == "boxes" else OUTLINES}
        self.model = make_loss_model(network, family, config, frozenset(lessons))
        self.model.compile(optimizer=make_optimizer(config, 1e-4, 100, {}), jit_compile=False)
        if built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.model.make_train_function()
        self.inputs = family.training_inputs(training_batch(config, masks), config)
        self._batches = iter(tf.data.Dataset.from_tensors((self.inputs,)).repeat())

    def __call__(self):
        self.model.train_function(self._batches)


def step_gflop(step):
    """Operations of a step in GFLOP, counted as direct convolutions and dense layers.

    A layer that trains, or lies behind one, computes its output and two gradients, of what it takes
    and of its weights, as large again each; a frozen trunk its output alone.
    """
    network = step.model
    calls = layer_calls(network)
    frozen = [call for call in calls if not getattr(call.operation, "trainable_weights", True)]
    taught = [call for call in calls if call not in frozen]
    inputs = [step.inputs[tensor.name] for tensor in network.inputs]

    def eager(probe):  # a graph for any number of objects cannot be traced
        return lambda arrays: [np.asarray(shape) for shape in probe(arrays)]

    with mock.patch.object(counting, "compiled", eager):
        parts = [StageCalls(None, part, [], []) for part in (frozen, taught)]
        once, thrice = counting.work_by_stage(network, parts, inputs)
    return (once.flops + 3 * thrice.flops) / 1e9


def graph_nodes(step):
    """How many operations the graph of a training step has."""
    function = tf.function(step.model.train_step)
    return len(function.get_concrete_function((step.inputs,)).graph.get_operations())


def plain_groups():
    """From here on optimizers take every variable for itself."""
    grouped.GROUP_SIZE = 1


def plain_gradients():
    """From here on steps are Keras' own."""
    del LossModel.train_step
