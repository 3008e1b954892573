"""Promise: maps that a network doubles by copying stay in integers, and what they were."""

import keras
import numpy as np
import pytest

from maskdet.exporters.copies import concatenate_tiles
from maskdet.exporters.flatbuffer import operator_names, pack_model, read_model
from tests.exporters.lite_files import lite_file


def file_of(layer, shape=(1, 3, 4, 5)):
    image = keras.Input(batch_shape=shape, name="image")
    return lite_file(keras.Model({"image": image}, {"maps": layer(image)}))


def outputs(content):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    image = np.arange(np.prod(detail["shape"]), dtype=np.float32).reshape(detail["shape"])
    interpreter.set_tensor(detail["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("copies", [2, 3])
def test_doubling_is_by_concatenation_and_gives_the_same(copies):
    content = file_of(keras.layers.UpSampling2D(copies))
    model = read_model(content)
    assert "TILE" in operator_names(model)
    assert concatenate_tiles(model)
    assert "TILE" not in operator_names(model)
    np.testing.assert_array_equal(outputs(pack_model(model)), outputs(content))


@pytest.mark.parametrize("repeats", [(1, 2, 2, 1), (1, 9, 1, 1)])
def test_other_tiles_stay(repeats):
    content = file_of(lambda image: keras.ops.tile(image, repeats))
    model = read_model(content)
    assert not concatenate_tiles(model)
    np.testing.assert_array_equal(outputs(pack_model(model)), outputs(content))
