"""Convolution, batch norm and activation as one layer, so that a frozen norm costs nothing."""

from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.convolutions.depthwise import depthwise_convolution
from maskdet.convolutions.pointwise import pointwise_convolution
from maskdet.errors import ConfigError

_ACTIVATIONS = {
    None: lambda x: x,
    "relu": ops.relu,
    "relu6": ops.relu6,
    # Not ops.silu, whose own gradient is twenty nodes a layer more in TensorFlow's graph, and so a
    # tenth of the time until a training's first step is done.
    "silu": lambda x: x * ops.sigmoid(x),
    "hard_swish": ops.hard_swish,
}


@keras.saving.register_keras_serializable("maskdet")
class ConvNorm(keras.layers.Layer):
    """Convolution without bias, batch normalisation, activation.

    Weights, in order: ``kernel`` (k, k, C, filters), or (k, k, C, 1) if depthwise; ``gamma``,
    ``beta``, ``moving_mean``, ``moving_variance``, each (channels,). Where the norm goes by its
    moving statistics (inference, or ``train_bn=False``) it is folded into the kernel and a bias
    before the convolution: exact, and two passes over the feature map less each way. gamma and beta
    get their gradients through the fold.

    Args:
        filters: output channels; None for a depthwise convolution, which keeps its input's.
        kernel_size: side of the window.
        strides: step of the window.
        activation: None, "relu", "relu6", "silu" or "hard_swish".
        train_bn: True: batch statistics in training, which also move the stored ones, as
            keras.layers.BatchNormalization does it. False: stored statistics, never moved.
        epsilon: added to the variance.
        momentum: share of the old statistics kept at each training step.
        centred: padding as PyTorch's networks have it, the same on all sides; False: TensorFlow's
            SAME (at an even size and step 2, the odd pixel bottom and right).

    Raises:
        ConfigError: for another activation.
    """

    def __init__(
        self,
        filters: int | None,
        kernel_size: int,
        *,
        strides: int = 1,
        activation: str | None = None,
        train_bn: bool = False,
        epsilon: float = 1e-3,
        momentum: float = 0.99,
        centred: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if activation not in _ACTIVATIONS:
            known = ", ".join(map(repr, _ACTIVATIONS))
            raise ConfigError(
                f"activation of layer '{self.name}' must be one of {known}. "
                f"Received: {activation!r}."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = activation
        self.train_bn = train_bn
        self.epsilon = epsilon
        self.momentum = momentum
        self.centred = centred

    @property
    def depthwise(self) -> bool:
        """Whether each channel has a filter of its own."""
        return self.filters is None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for inputs (B, H, W, C)."""
        channels = input_shape[-1]
        width = channels if self.filters is None else self.filters
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters or 1),
            # fan_out is k * k * 1 for a depthwise kernel, which is also what feeds one output.
            initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        )
        self.gamma = self._norm_weight("gamma", width, "ones")
        self.beta = self._norm_weight("beta", width, "zeros")
        self.moving_mean = self._norm_weight("moving_mean", width, "zeros", trainable=False)
        self.moving_variance = self._norm_weight("moving_variance", width, "ones", trainable=False)

    def _norm_weight(self, name: str, width: Any, initializer: str, trainable: bool = True) -> Any:
        # Not cast in mixed precision: a variance plus 1e-3 needs float32.
        return self.add_weight(
            name=name, shape=(width,), initializer=initializer, trainable=trainable, autocast=False
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Features (B, H, W, C) to (B, ceil(H / strides), ceil(W / strides), channels)."""
        if self.train_bn and training and self.trainable:
            outputs = self._normalise(self._convolve(inputs, self.kernel, None, True))
        else:
            scale = self.gamma * ops.rsqrt(self.moving_variance + self.epsilon)
            bias = ops.cast(self.beta - self.moving_mean * scale, self.compute_dtype)
            # A depthwise kernel has its channels on the third axis, any other on the last.
            per_channel = ops.reshape(scale, (-1, 1)) if self.depthwise else scale
            kernel = self.kernel * ops.cast(per_channel, self.compute_dtype)
            outputs = self._convolve(inputs, kernel, bias, training)
        return _ACTIVATIONS[self.activation](outputs)

    def _convolve(self, inputs: Any, kernel: Any, bias: Any, training: bool | None) -> Any:
        if self.centred and self.strides > 1 and self.kernel_size % 2:
            # SAME would pad an even size by one pixel less at the top and on the left.
            margin = self.kernel_size // 2
            inputs = ops.pad(inputs, [[0, 0], [margin] * 2, [margin] * 2, [0, 0]])
            convolve = ops.depthwise_conv if self.depthwise else ops.conv
            outputs = convolve(inputs, kernel, strides=self.strides, padding="valid")
            return outputs if bias is None else ops.add(outputs, bias)
        if self.depthwise:
            outputs = depthwise_convolution(inputs, kernel, self.strides, training)
        elif bias is not None and self.kernel_size == self.strides == 1:
            return pointwise_convolution(inputs, kernel, bias, training)
        else:
            outputs = ops.conv(inputs, kernel, strides=self.strides, padding="same")
        return outputs if bias is None else ops.add(outputs, bias)

    def _normalise(self, outputs: Any) -> Any:
        values = ops.cast(outputs, "float32")
        mean, variance = ops.moments(values, axes=(0, 1, 2))
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return ops.cast(values * scale + (self.beta - mean * scale), self.compute_dtype)

    def plain_layers(self) -> list[tuple[str, str, dict[str, Any], list[Any]]]:
        """What this is in inference, in layers that every Keras has, one behind another.

        Returns:
            Of each: its name; its class in ``keras.layers``; its settings; its weights as arrays.
            The norm is folded into the convolution.
        """
        scale = np.asarray(self.gamma) / np.sqrt(np.asarray(self.moving_variance) + self.epsilon)
        bias = np.asarray(self.beta) - np.asarray(self.moving_mean) * scale  # (channels,)
        per_channel = scale[:, None] if self.depthwise else scale
        kernel = np.asarray(self.kernel) * per_channel
        settings = {"kernel_size": self.kernel_size, "strides": self.strides, "padding": "same"}
        if not self.depthwise:
            settings["filters"] = self.filters
        plain: list[tuple[str, str, dict[str, Any], list[Any]]] = []
        if self.centred and self.strides > 1 and self.kernel_size % 2:
            settings["padding"] = "valid"
            margin = {"padding": self.kernel_size // 2}
            plain.append((f"{self.name}_margin", "ZeroPadding2D", margin, []))
        kind = "DepthwiseConv2D" if self.depthwise else "Conv2D"
        plain.append((self.name, kind, settings, [kernel, bias]))
        if self.activation == "relu6":
            plain.append((f"{self.name}_relu", "ReLU", {"max_value": 6.0}, []))
        elif self.activation:
            # Keras 2 calls SiLU by its other name.
            function = {"silu": "swish"}.get(self.activation, self.activation)
            plain.append((f"{self.name}_act", "Activation", {"activation": function}, []))
        return plain

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape after the convolution."""
        step = self.strides
        sides = [None if side is None else -(-side // step) for side in input_shape[1:3]]
        return (input_shape[0], *sides, self.filters or input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """All arguments of the constructor."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": self.activation,
            "train_bn": self.train_bn,
            "epsilon": self.epsilon,
            "momentum": self.momentum,
            "centred": self.centred,
        }
