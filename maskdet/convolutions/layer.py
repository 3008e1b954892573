"""Keras' Conv2D that takes the quickest way to its result."""

from typing import Any

import keras
from keras import layers

from maskdet.convolutions import winograd


@keras.saving.register_keras_serializable("maskdet")
class SwiftConv2D(layers.Conv2D):
    """Keras' layer, by Winograd's tiles inside :func:`winograd.winograd_convolutions` where those
    are quicker; everywhere else, in exports too, the same plain operation as Keras'.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        if self._tiled and winograd.pays(inputs.shape, self.filters):
            return winograd.convolve(inputs, kernel)
        return super().convolution_op(inputs, kernel)

    @property
    def _tiled(self) -> bool:
        """Whether tiles can do what this layer's settings say."""
        return (
            self.kernel_size == (3, 3)
            and self.padding == "same"
            and self.data_format == "channels_last"
            and self.compute_dtype == "float32"
            and {*self.strides, *self.dilation_rate, self.groups} == {1}
        )
