"""A YOLOX-Nano of random weights as Keras' arrays and as PyTorch's state dict; shared by tests."""

import hashlib
from collections import OrderedDict
from dataclasses import replace

import keras
import numpy as np
import pytest

from maskdet.backbones.yolox import decoupled_head, yolox_nano
from maskdet.pretrained import catalog
from maskdet.pretrained.yolox import units
from tests.pretrained.torch_files import Tensor, fake_torch, write_zip

NORM = ("weight", "bias", "running_mean", "running_var")
# Pixels of a 2 x 2 cell in the order in which the published stem joins them: (row, column).
CELL = ((0, 0), (1, 0), (0, 1), (1, 1))


def whole_network(classes=80, side=64, prefix="head"):
    image = keras.Input((side, side, 3))
    maps = yolox_nano(image)
    heads = decoupled_head(maps[2:], classes, prefix=prefix)
    return keras.Model(image, [*maps[2:], *(level for head in heads for level in head)])


def random_layers(seed=0):
    """Arrays by our layers' names."""
    draws = np.random.default_rng(seed)
    return {
        layer.name: [draws.uniform(0.1, 1, weight.shape).astype("f4") for weight in layer.weights]
        for layer in whole_network().layers
        if layer.weights
    }


def fresh_layers():
    """Arrays that nobody has trained, with which activations keep their size."""
    layers = whole_network(side=32).layers
    return {layer.name: layer.get_weights() for layer in layers if layer.weights}


def torch_state(layers, dtype="<f4"):
    """The same as a state dict: arrays by PyTorch's names and in its axes."""
    state = OrderedDict()
    for name, unit in units():
        kernel, *others = layers[name]
        if name.endswith("_deltas"):  # dx, dy, dw, dh there
            kernel, others = kernel[..., [1, 0, 3, 2]], [others[0][[1, 0, 3, 2]]]
        if len(others) == 1:
            state[f"{unit}.weight"], state[f"{unit}.bias"] = kernel.transpose(3, 2, 0, 1), others[0]
            continue
        state[f"{unit}.conv.weight"] = torch_kernel(name, kernel)
        state |= {f"{unit}.bn.{part}": array for part, array in zip(NORM, others, strict=True)}
        state[f"{unit}.bn.num_batches_tracked"] = np.array(5, "<i8")
    return {
        name: Tensor(str(key), array if array.dtype == np.int64 else array.astype(dtype))
        for key, (name, array) in enumerate(state.items())
    }


def torch_kernel(name, kernel):
    if name.endswith("_depthwise"):
        return kernel.transpose(2, 3, 0, 1)
    if name != "stage1_focus":
        return kernel.transpose(3, 2, 0, 1)
    focus = np.zeros((kernel.shape[3], 12, 3, 3), "f4")
    for place, (row, column) in enumerate(CELL):
        for channel in range(3):  # BGR there
            part = kernel[row::2, column::2, 2 - channel] / 128  # (3, 3, out)
            focus[:, 3 * place + channel] = part.transpose(2, 0, 1)
    return focus


def write_checkpoint(path, layers, dtype="<f4", drop=()):
    """A .pth as the published one: a checkpoint of a training."""
    state = torch_state(layers, dtype)
    for name in drop:
        del state[name]
    momentum = {"state": {0: {"momentum_buffer": Tensor("m", np.zeros(3, "<f4"))}}}
    with pytest.MonkeyPatch.context() as patch:
        fake_torch(patch)
        write_zip(path, {"start_epoch": 300, "model": OrderedDict(state), "optimizer": momentum})
    return path


def published(monkeypatch, path, name="yolox_nano"):
    """Let the catalogue take this file for the published one."""
    checksum = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    source = replace(catalog.find_source(name), checksum=checksum)
    monkeypatch.setitem(catalog._SOURCES, name, source)
