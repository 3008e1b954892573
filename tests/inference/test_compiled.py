"""Guards: the compiled network says what the network says, with the weights of the moment."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from maskdet.convolutions import winograd
from maskdet.convolutions.layer import SwiftConv2D
from maskdet.inference.compiled import compiled


def network(outputs=2):
    image = keras.Input((None, None, 3), name="image")
    scale = keras.Input((1,), name="scale")
    maps = keras.layers.Conv2D(4, 3, name="conv")(image)
    pooled = keras.layers.GlobalAveragePooling2D()(maps) * scale
    return keras.Model([image, scale], [maps, pooled][-outputs:] if outputs > 1 else pooled)


def arrays(shape=(2, 8, 9, 3), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.random(shape, np.float32), rng.random((shape[0], 1), np.float32)]


@pytest.mark.parametrize("outputs", [1, 2])
def test_it_says_what_the_network_says(outputs):
    made = network(outputs)
    wanted = made.predict_on_batch(arrays())
    given = compiled(made)(arrays())
    assert len(given) == outputs
    for ours, theirs in zip(given, wanted if outputs > 1 else [wanted], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_new_weights_count_at_once():
    """Weights loaded, set or trained after the first photo are never stale."""
    made = network()
    before = compiled(made)(arrays())[0]
    made.get_layer("conv").kernel.assign(np.zeros((3, 3, 3, 4)))
    made.get_layer("conv").bias.assign(np.full(4, 7.0))
    after = compiled(made)(arrays())[0]
    assert not np.allclose(before, 7)
    np.testing.assert_array_equal(after, np.full_like(after, 7))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="traces are TensorFlow's")
def test_one_trace_serves_all_sizes_and_batches(monkeypatch):
    made, traces = network(), []
    call = type(made).call

    def counted(self, *arguments, **options):
        traces.append(1)
        return call(self, *arguments, **options)

    monkeypatch.setattr(type(made), "call", counted)
    for shape in ((1, 8, 8, 3), (2, 8, 8, 3), (1, 20, 10, 3), (5, 6, 7, 3)):
        assert compiled(made)(arrays(shape))[0].shape[0] == shape[0]
    assert len(traces) == 1


def test_ten_threads_get_what_one_gets():
    made = network()
    given = [arrays(seed=seed) for seed in range(40)]
    wanted = [made.predict_on_batch(batch)[1] for batch in given]
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda batch: compiled(made)(batch)[1], given))
    np.testing.assert_allclose(results, wanted, atol=1e-6)


def test_a_network_that_nobody_holds_goes():
    """A server that loads one model after another does not fill up."""
    made = network()
    compiled(made)(arrays())
    held = weakref.ref(made)
    del made
    keras.backend.clear_session()
    gc.collect()
    assert held() is None


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tiles are TensorFlow's")
def test_detecting_takes_the_quick_convolutions(monkeypatch):
    """Exports trace the same layers without them, so that a slip here would only be slow."""
    calls, convolve = [], winograd.convolve

    def counted(maps, kernel):
        calls.append(maps.shape)
        return convolve(maps, kernel)

    monkeypatch.setattr(winograd, "on_tensorflow_cpu", lambda: True)
    monkeypatch.setattr(winograd, "convolve", counted)
    image = keras.Input((None, None, 128))
    made = keras.Model(image, SwiftConv2D(128, 3, padding="same")(image))
    maps = np.random.default_rng(0).random((1, 20, 24, 128), np.float32)
    (given,) = compiled(made)([maps])
    assert len(calls) == 1
    np.testing.assert_allclose(given, made.predict_on_batch(maps), atol=1e-3)
