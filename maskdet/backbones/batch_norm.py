"""Batch normalisation whose statistics stay frozen when they should."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("maskdet")
class BatchNorm(keras.layers.BatchNormalization):
    """keras' layer, with the choice made once instead of at every call.

    A functional model that runs in training mode hands that mode to every layer in it, also to one
    that was called with ``training=False``: so a call's argument cannot freeze statistics.

    Args:
        train_bn: matterport's TRAIN_BN. False: stored statistics are used and never move. None:
            batch statistics in training, stored ones in inference. True: always batch statistics.
    """

    def __init__(self, train_bn: bool | None = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.train_bn = train_bn

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        mode = training if self.train_bn is None else self.train_bn
        if self._in_one_pass and len(inputs.shape) == 4 and not (mode and self.trainable):
            return self._by_stored_statistics(inputs)
        return super().call(inputs, training=mode, mask=mask)

    @property
    def _in_one_pass(self) -> bool:
        """Whether TensorFlow's fused norm, bfloat16 in and out, takes the place of Keras' passes:
        to float32, times, plus, and back, which cost as much as a 1 x 1 convolution."""
        return (
            self.compute_dtype == "bfloat16"
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and keras.backend.backend() == "tensorflow"
        )

    def _by_stored_statistics(self, inputs: Any) -> Any:
        """Maps (B, H, W, C) bfloat16, scaled and shifted in float32."""
        import tensorflow as tf

        values = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        scale, offset, mean, variance = (variable.value for variable in values)
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=False,
        ).y

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "train_bn": self.train_bn}
