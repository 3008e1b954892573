"""Run by another Python, that of the camera's tools: builds a network in Keras 2, quantises it, and
answers with what it gives. Knows nothing of maskdet; see :mod:`maskdet.exporters.imx500_process`.

    python imx500_child.py FOLDER

FOLDER holds network.json, weights.npz, calibration.npy (images uint8) and check.npz;
quantised.keras is written beside them. One JSON object a line goes out: first the largest
differences of the network's raw outputs from check.npz; then that it is quantised; then, for each
line that comes in, a path of an image (1, H, W, 3) uint8 as .npy, that its outputs lie beside it as
.npz.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def build(description: dict[str, Any], weights: Any) -> Any:
    """The network of a description (:class:`maskdet.exporters.layer_list.LayerList`) in Keras."""
    import tensorflow as tf

    keras = tf.keras
    image = keras.Input(tuple(description["input_shape"]), name="image")
    layers = {
        name: getattr(keras.layers, layer["kind"])(name=name, **_as_tuples(layer["settings"]))
        for name, layer in description["layers"].items()
    }
    tensors = {"input": image}
    for call in description["calls"]:
        inputs = [tensors[name] for name in call["inputs"]]
        output = layers[call["layer"]](inputs if len(inputs) > 1 else inputs[0])
        tensors[call["output"]] = output
    network = keras.Model(image, [tensors[name] for name in description["outputs"]])
    for name, layer in layers.items():
        count = len(layer.weights)
        if count:
            layer.set_weights([weights[f"{name}/{number}"] for number in range(count)])
    return network


def _as_tuples(settings: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples, and some of Keras 2's checks want them."""
    return {
        name: _tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
    }


def _tuple(value: Any) -> Any:
    return tuple(_tuple(part) for part in value) if isinstance(value, list) else value


def with_detections(network: Any, decoding: dict[str, Any]) -> Any:
    """The network with the camera's own non-maximum suppression behind its logits and deltas.

    Where it tells objects from background apart from their classes, scores are products.

    Outputs: boxes (B, N, 4) y1, x1, y2, x2 as shares of the input's sides, scores (B, N), classes
    (B, N) from 0 without the background, number of objects (B, 1).
    """
    import tensorflow as tf
    from edgemdt_cl.keras import SSDPostProcess

    logits, deltas, *objectness = network.outputs
    activation = decoding["activation"]
    scores = logits
    if objectness:
        sigmoid = tf.keras.activations.sigmoid
        class_scores = tf.keras.layers.Activation(sigmoid, name="class_scores")(logits)
        objects = tf.keras.layers.Activation(sigmoid, name="object_scores")(objectness[0])
        scores = tf.keras.layers.Multiply(name="joint_scores")([class_scores, objects])
        activation = "linear"
    detections = SSDPostProcess(
        anchors=np.asarray(decoding["anchors"], np.float32),
        scale_factors=tuple(decoding["scale_factors"]),
        clip_size=(1, 1),
        score_converter=activation,
        score_threshold=decoding["min_score"],
        iou_threshold=decoding["nms_threshold"],
        max_detections=decoding["count"],
        remove_background=decoding["background"],
        name="detections",
    )([deltas, scores])
    return tf.keras.Model(network.inputs, list(detections))


def quantised(network: Any, images: Array, scale: Any) -> Any:
    """The network in the camera's integers, measured on images (N, H, W, 3) uint8."""
    import model_compression_toolkit as mct

    def batches() -> Iterator[list[Array]]:
        for image in images:
            yield [scale(image[None])]

    tools = mct.get_target_platform_capabilities("tensorflow", "imx500")
    model, _ = mct.ptq.keras_post_training_quantization(
        network, batches, target_platform_capabilities=tools
    )
    return model


def save(model: Any, path: Path) -> None:
    """As .keras, which the converter reads."""
    import model_compression_toolkit as mct

    mct.exporter.keras_export_model(
        model=model,
        save_model_path=str(path),
        quantization_format=mct.exporter.QuantizationFormat.MCTQ,
    )


def as_graph(model: Any) -> Any:
    """A model as a function that is traced once: quantisers are slow one by one."""
    import tensorflow as tf

    return tf.function(lambda image: model(image, training=False))


def main() -> None:
    # Libraries print as they like; what goes to the parent is ours alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    folder = Path(sys.argv[1])
    facts = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    mean, std = np.asarray(facts["mean"], np.float32), np.float32(facts["std"])

    def scale(images: Array) -> Array:
        return (images.astype(np.float32) - mean) / std

    with np.load(folder / "weights.npz") as weights:
        network = build(facts["network"], weights)
    with np.load(folder / "check.npz") as check:
        outputs = network.predict(scale(check["images"]), verbose=0)
        differences = [
            float(np.abs(output - check[str(number)]).max())
            for number, output in enumerate(outputs)
        ]
    print(json.dumps({"differences": differences}), file=answers)
    images = np.load(folder / "calibration.npy")
    model = quantised(with_detections(network, facts["decoding"]), images, scale)
    save(model, folder / "quantised.keras")
    print(json.dumps({"quantised": "quantised.keras"}), file=answers)
    run = as_graph(model)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        arrays = [np.asarray(array) for array in run(scale(np.load(path)))]
        np.savez(path.with_suffix(".npz"), *arrays)
        print(json.dumps({"outputs": len(arrays)}), file=answers)


if __name__ == "__main__":
    main()
