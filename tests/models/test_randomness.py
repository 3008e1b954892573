"""Promise: making a model decides its own first weights and disturbs nobody else's random draws."""

import random

import numpy as np

from maskdet import MaskRCNN


def draws():
    import tensorflow as tf

    return random.random(), float(np.random.rand()), float(tf.random.uniform(()))


def seed():
    import tensorflow as tf

    random.seed(1)
    np.random.seed(2)
    tf.random.set_seed(3)


def test_a_second_model_leaves_the_scripts_draws_alone(make_config, tmp_path):
    seed()
    expected = [draws(), draws()]
    seed()
    first = draws()
    model = MaskRCNN("inference", make_config(BACKBONE="mobilenet_v2_0.5"), tmp_path)
    assert [first, draws()] == expected
    again = MaskRCNN("inference", make_config(BACKBONE="mobilenet_v2_0.5"), tmp_path)
    other = MaskRCNN("inference", make_config(BACKBONE="mobilenet_v2_0.5", SEED=1), tmp_path)
    kernels = [m.network.get_layer("mrcnn_class_logits").get_weights()[0] for m in (model, again)]
    np.testing.assert_array_equal(*kernels)
    assert not np.array_equal(
        kernels[0], other.network.get_layer("mrcnn_class_logits").get_weights()[0]
    )
