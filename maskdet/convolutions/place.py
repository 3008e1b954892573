"""Where convolutions run."""

from functools import cache

import keras


@cache
def on_tensorflow_cpu() -> bool:
    """Whether Keras runs on TensorFlow and TensorFlow has no accelerator."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")
