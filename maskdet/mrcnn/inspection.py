"""Looking into the network: tensors by the names that old notebooks use, and their values."""

import re
import warnings
from collections import OrderedDict
from typing import Any

import keras
import numpy as np

from maskdet.errors import MaskdetWarning, UsageError
from maskdet.layers.proposals import ProposalLayer
from maskdet.mrcnn.meta import log

# What notebooks look for inside the proposal layer, and what the layer calls it.
_STEPS = (
    (r"ROI/pre_nms_anchors.*", "anchors"),
    (r"ROI/refined_anchors_clipped.*", "clipped"),
    (r"ROI/refined_anchors.*", "refined"),
    (r"ROI/rpn_non_max_suppression.*", "kept_indices"),
)


class ProposalStep(ProposalLayer):
    """One step on the way to the proposals as a tensor of its own."""

    def __init__(self, step: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    def call(self, inputs: list[Any]) -> Any:
        tensor = self.steps(inputs)[self.step]
        # The original's indices were those of one image.
        return tensor[0] if self.step == "kept_indices" else tensor

    def compute_output_spec(self, inputs: list[Any]) -> Any:
        batch = inputs[0].shape[0]
        if self.step == "kept_indices":
            return keras.KerasTensor((self.count,), "int32")
        return keras.KerasTensor((batch, None, 4), "float32")


def find_tensor(network: keras.Model, name: str) -> Any:
    """The tensor of that name (a regular expression is allowed), or None with a warning.

    Args:
        name: a layer's name ("ROI", "res2c_out"), or one of the names within the proposal layer
            that notebooks use ("ROI/refined_anchors:0", ...).
    """
    for pattern, step in _STEPS:
        if re.fullmatch(pattern, name):
            return _proposal_step(network, step)
    wanted = name.split(":")[0]
    # "res2c_out/Relu" is what comes out of res2c_out; within ROI only the steps above are known.
    candidates = [wanted] if wanted.startswith("ROI/") else [wanted, wanted.split("/")[0]]
    for candidate in candidates:
        for layer in network.layers:
            if layer.name == candidate or re.fullmatch(candidate.replace("\\/", "/"), layer.name):
                return network.get_layer(layer.name).output
    warnings.warn(
        f"There is no tensor {name!r}; use keras_model.get_layer(name).output with one of "
        "[layer.name for layer in keras_model.layers].",
        MaskdetWarning,
        stacklevel=3,
    )
    return None


def _proposal_step(network: keras.Model, step: str) -> Any:
    layer = network.get_layer("ROI")
    settings = layer.get_config()
    settings["name"] = f"ROI_{step}"
    return ProposalStep(step, **settings)(layer.input)


def run(network: keras.Model, inputs: list[np.ndarray], outputs: Any) -> Any:
    """Values of tensors for inputs: an OrderedDict of arrays, printed by ``log``.

    Raises:
        UsageError: for an output that is no tensor of this network.
    """
    wanted = OrderedDict(outputs)
    for name, tensor in wanted.items():
        if not isinstance(tensor, keras.KerasTensor):
            raise UsageError(
                f"{name!r} is no tensor of keras_model but {type(tensor).__name__}; give "
                "keras_model.get_layer(name).output."
            )
    inner = keras.Model(network.inputs, list(wanted.values()))
    values = inner.predict_on_batch(inputs)
    values = values if isinstance(values, list | tuple) else [values]
    arrays = OrderedDict((k, np.asarray(v)) for k, v in zip(wanted, values, strict=True))
    for name, value in arrays.items():
        log(name, value)
    return arrays
