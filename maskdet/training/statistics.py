"""Batch norm's statistics taken anew, for trainings too short to have settled them."""

from typing import Any

import keras

from maskdet.data.dataset import Dataset
from maskdet.data.loader import Loader
from maskdet.progress import progress_bar
from maskdet.trained import Trained
from maskdet.training.loaders import feed

#: After so many steps a hundredth of the first statistics is left at a momentum of 0.99.
SETTLED_STEPS = 460
BATCHES = 12


def reestimate(trained: Trained, dataset: Dataset, loader: Loader, progress: bool = True) -> int:
    """Replace the moving statistics of an inference network by their means over some batches.

    Only of layers whose statistics training moves; weights stay as they are. The batches go through
    a training network of the same weights, since in training layers see other things.

    Args:
        trained: whose network is changed.
        dataset: with objects; the one trained on, or one like it.
        loader: of it, without augmentation.

    Returns:
        Number of layers whose statistics were replaced.
    """
    family, config, network = trained.family, trained.config, trained.network
    training = trained.copied(config, "training").network
    layers = moving_layers(training)
    if not layers:
        return 0
    lessons = family.task.lessons(dataset, config)
    inputs, tensors = family.training_outputs(training, lessons)
    model = keras.Model(inputs, tensors)
    batches = feed(loader, family, config)
    count = min(BATCHES, 3 * len(loader))
    usual = [layer.momentum for layer in layers]
    try:
        bar = progress_bar(range(count), "settling batch norms", unit="batch", shown=progress)
        for number in bar:
            [arrays] = next(batches)
            for layer in layers:
                # The mean of all batches so far, each counting the same.
                layer.momentum = number / (number + 1)
            model([arrays[tensor.name] for tensor in inputs], training=True)
    finally:
        batches.close()  # type: ignore[attr-defined]
        for layer, momentum in zip(layers, usual, strict=True):
            layer.momentum = momentum
    for layer in layers:
        network.get_layer(layer.name).set_weights(layer.get_weights())
    return len(layers)


def moving_layers(network: keras.Model) -> list[Any]:
    """Layers with statistics that training moves."""
    return [
        layer
        for layer in network.layers
        if hasattr(layer, "moving_mean") and getattr(layer, "train_bn", None) is not False
    ]
