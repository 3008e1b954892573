"""Promise: a class is seen where its feature is, as Grad-CAM's equations say."""

import keras
import numpy as np

from maskdet.layers.class_activation import grad_cam


def test_by_hand():
    """Two channels; class 0 goes by the first, class 1 against it and by the second, twice."""
    image = keras.Input((2, 2, 2))
    maps = keras.layers.Activation("relu", name="maps")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    dense = keras.layers.Dense(3)
    network = keras.Model(image, dense(pooled))
    dense.set_weights([np.array([[1.0, -1.0, -1.0], [0.0, 2.0, 0.0]]), np.zeros(3)])
    values = np.zeros((1, 2, 2, 2), np.float32)
    values[0, 0, 0, 0], values[0, 1, 1, 1] = 3.0, 2.0
    first, second, never = grad_cam(network, maps, network.output, [values], [0, 1, 2])
    np.testing.assert_allclose(first, [[1, 0], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(second, [[0, 0], [0, 1]], atol=1e-6)
    np.testing.assert_array_equal(never, np.zeros((2, 2)))
