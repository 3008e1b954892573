"""What Winograd's tiles promise: a quicker way to the same maps, gradients and losses, taken only
where an engine asks for it."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.convolutions import winograd
from maskdet.convolutions.layer import SwiftConv2D

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tiles are TensorFlow's"
)


def direct(maps, kernel):
    return tf.nn.conv2d(maps, kernel, 1, "SAME")


def with_gradients(convolve, maps, kernel, upstream):
    with tf.GradientTape() as tape:
        tape.watch([maps, kernel])
        outputs = convolve(maps, kernel)
        total = tf.reduce_sum(outputs * upstream)
    return [outputs, *tape.gradient(total, [maps, kernel])]


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 15), st.integers(1, 15), st.integers(1, 5)),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_maps_and_gradients_are_those_of_a_direct_convolution(shape, filters, seed):
    """Any sides, also such as four does not divide: nobody's boxes move."""
    rng = np.random.default_rng(seed)
    maps, kernel, upstream = (
        tf.constant(rng.standard_normal(sides), tf.float32)
        for sides in (shape, (3, 3, shape[3], filters), (*shape[:3], filters))
    )
    made = with_gradients(winograd.convolve, maps, kernel, upstream)
    wanted = with_gradients(direct, maps, kernel, upstream)
    for ours, theirs in zip(made, wanted, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * max(1.0, float(tf.norm(theirs))))


def test_sides_that_a_graph_does_not_know():
    """Photos of every size go through one graph."""
    rng = np.random.default_rng(0)
    kernel = tf.constant(rng.standard_normal((3, 3, 4, 5)), tf.float32)
    spec = tf.TensorSpec((None, None, None, 4), tf.float32)
    graph = tf.function(lambda maps: winograd.convolve(maps, kernel), input_signature=[spec])
    for shape in ((1, 7, 10, 4), (3, 16, 4, 4)):
        maps = tf.constant(rng.standard_normal(shape), tf.float32)
        np.testing.assert_allclose(graph(maps), direct(maps, kernel), atol=1e-3)


def operations(layer, shape, asked):
    """Kinds of the operations that a layer's graph has, on one processor without a GPU."""

    def forward(maps):
        if not asked:
            return layer(maps)
        with winograd.winograd_convolutions():
            return layer(maps)

    graph = tf.function(forward).get_concrete_function(tf.TensorSpec(shape, tf.float32)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr(winograd, "on_tensorflow_cpu", lambda: True)


def made(filters=128, size=3, **options):
    layer = SwiftConv2D(filters, size, **{"padding": "same", **options})
    layer.build((None, None, None, 128))
    return layer


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize(
    ("layer", "shape", "tiled"),
    [
        (made(), (1, 64, 64, 128), True),
        (made(), (None, None, None, 128), True),
        (made(), (None, 14, 14, 128), True),
        (made(), (1, 8, 8, 128), False),
        (made(filters=16), (1, 64, 64, 128), False),
        (made(size=1), (1, 64, 64, 128), False),
        (made(size=5), (1, 64, 64, 128), False),
        (made(strides=2), (1, 64, 64, 128), False),
        (made(dilation_rate=2), (1, 64, 64, 128), False),
        (made(padding="valid"), (1, 64, 64, 128), False),
        (made(groups=2), (1, 64, 64, 128), False),
        (made(dtype="mixed_bfloat16"), (1, 64, 64, 128), False),
    ],
)
def test_tiles_only_where_they_can_and_pay(layer, shape, tiled):
    """A small map, few channels, a stride or another dtype stay as they were."""
    products = {"BatchMatMulV2", "BatchMatMulV3"}  # one a place in a tile
    assert bool(products & operations(layer, shape, asked=True)) == tiled


@pytest.mark.usefixtures("on_cpu")
def test_what_nobody_asked_for_stays_plain():
    """Exports trace the same layers, and a file holds convolutions."""
    assert "Conv2D" in operations(made(), (1, 64, 64, 128), asked=False)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("options", [{}, {"activation": "relu"}, {"use_bias": False}])
def test_a_layer_says_the_same_either_way(options):
    layer = made(**options)
    if layer.use_bias:
        layer.bias.assign(np.linspace(-1, 1, 128))
    maps = tf.constant(np.random.default_rng(0).standard_normal((2, 40, 36, 128)), tf.float32)
    plain = layer(maps)
    with winograd.winograd_convolutions():
        tiled = layer(maps)
    assert not np.array_equal(tiled, plain)  # the other way was taken
    np.testing.assert_allclose(tiled, plain, atol=1e-3)


def test_a_network_with_such_layers_is_written_and_read_by_keras(tmp_path):
    image = keras.Input((8, 8, 3))
    network = keras.Model(image, SwiftConv2D(4, 3, padding="same")(image))
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    maps = np.ones((1, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(again.predict_on_batch(maps), network.predict_on_batch(maps))
