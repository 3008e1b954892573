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
        return super().call(inputs, training=mode, mask=mask)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "train_bn": self.train_bn}
