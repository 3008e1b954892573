"""A hand-made file in the form of an export, quick enough for thousands of frames."""

import io
import json
import zipfile

import numpy as np
import pytest


def made_file(folder, name="made.tflite", facts=True, count=6, masks=True, labels="cat\ndog\n"):
    """A file that reports bright areas: no training, but real operators and the real contract.

    The four quarters of the 64 x 64 input are its objects, scored by their brightness.
    """
    import tensorflow as tf

    from maskdet.exporters import flatbuffer
    from maskdet.tasks.detection.contract import OUTPUTS

    quarters = np.array(
        [[0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1], [0.5, 0, 1, 0.5], [0.5, 0.5, 1, 1]], np.float32
    )

    def call(image, window):
        del window
        pixels = tf.cast(image, tf.float32) / 255.0
        light = tf.reduce_mean(tf.nn.avg_pool2d(pixels, 32, 32, "VALID"), axis=3)
        scores, order = tf.math.top_k(tf.reshape(light, (4,)), 4)
        there = tf.clip_by_value(tf.cast(tf.greater(scores, 0.1), tf.float32), 0, 1)
        pad = [[0, count - 4]]
        outputs = [
            tf.pad(tf.gather(quarters, order) * there[:, None], [*pad, [0, 0]])[None],
            tf.pad(tf.cast(order % 2, tf.float32) * there, pad)[None],
            tf.pad(scores * there, pad)[None],
            tf.reshape(tf.reduce_sum(there), (1,)),
        ]
        if masks:
            outputs.append(tf.ones((1, count, 28, 28)) * outputs[2][:, :, None, None])
        return outputs

    function = tf.function(call).get_concrete_function(
        tf.TensorSpec((1, 64, 64, 3), tf.uint8, name="image"),
        tf.TensorSpec((1, 4), tf.float32, name="window"),
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    model = flatbuffer.read_model(converter.convert())
    names = [output.name for output in OUTPUTS.values()][: 5 if masks else 4]
    flatbuffer.name_ends(model, ["image", "window"], names)
    file = io.BytesIO(flatbuffer.pack_model(model))
    if facts or labels:
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("labels.txt", labels)
            if facts:
                archive.writestr(
                    "maskdet.json",
                    json.dumps(
                        {
                            "format": "maskdet.tflite",
                            "version": 1,
                            "class_names": ["BG", "cat", "dog"],
                            "min_confidence": 0.5,
                            "min_dim": 64,
                            "max_dim": 64,
                            "min_scale": 0,
                            "has_masks": masks,
                        }
                    ),
                )
    path = folder / name
    path.write_bytes(file.getvalue())
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    return made_file(tmp_path_factory.mktemp("made"))


def picture(*bright, size=(64, 64)):
    """A dark picture with some of its quarters (0..3) bright."""
    image = np.zeros((*size, 3), np.uint8)
    height, width = size[0] // 2, size[1] // 2
    for quarter in bright:
        y, x = divmod(quarter, 2)
        image[y * height : (y + 1) * height, x * width : (x + 1) * width] = 250
    return image
