"""Guards: heads that run on the RoIs of all images at once give each image its own rows back."""

import keras
import numpy as np
import pytest

from maskdet.layers.split_rois import SplitRois
from maskdet.layers.whole_conv import WholeConv2D


def test_a_whole_convolution_is_the_convolution():
    crops = np.random.default_rng(0).normal(size=(4, 3, 3, 5)).astype("f4")
    convolution, product = keras.layers.Conv2D(6, 3), WholeConv2D(6, 3)
    expected = convolution(crops)
    product.build(crops.shape)
    product.set_weights(convolution.get_weights())
    assert product(crops).shape == (4, 1, 1, 6)
    np.testing.assert_allclose(product(crops), expected, atol=1e-5)


def test_rows_go_back_to_their_image():
    crops = np.arange(2 * 3 * 4, dtype="f4").reshape(2, 3, 4)
    rows = np.asarray(SplitRois((2, 2))([crops.reshape(6, 4), crops]))
    np.testing.assert_array_equal(rows, crops.reshape(2, 3, 2, 2))


@pytest.mark.parametrize(
    ("layer", "name"),
    [(WholeConv2D(6, 3), "maskdet>WholeConv2D"), (SplitRois((2, 2)), "maskdet>SplitRois")],
    ids=["WholeConv2D", "SplitRois"],
)
def test_saved_networks_find_their_layers_by_name(layer, name):
    assert keras.saving.get_registered_name(type(layer)) == name
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
