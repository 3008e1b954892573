"""Layers that compute in float32 whatever their network computes in."""

from typing import Any

import keras


class Float32Layer(keras.layers.Layer):
    """Base of layers that work on boxes, scores and targets.

    bfloat16 keeps 8 bits of a number: a box at 500 pixels would lie up to one off, and of near
    scores it would be a draw which is the higher. Floats that such a layer is given are cast.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
