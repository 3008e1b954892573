"""Promise: the quantised detector on COCO is the same network here, in floats."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from maskdet import SSD
from maskdet.errors import WeightsError
from maskdet.models.ssd.anchors import anchors_as_shares
from maskdet.pretrained.coco_names import COCO_NAMES, COCO_SLOTS

NAME = "ssd_mobilenet_v1_0.75_coco_quant.tflite"
FILE = Path(__file__).resolve().parents[2] / "../shared/weights" / NAME


class Written:
    """The file's own graph with its constants as floats; operations run as TensorFlow's."""

    def __init__(self):
        if not FILE.is_file():
            pytest.skip("the quantised SSD MobileNetV1 is not here")
        schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(FILE.read_bytes(), 0))
        self.graph = self.model.subgraphs[0]
        self.codes = {
            value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
        }

    def stored(self, index):
        """A constant as its file has it; None for what is worked out."""
        tensor = self.graph.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        if data is None:
            return None
        kind = {2: "<i4", 3: "u1"}[tensor.type]
        return np.frombuffer(bytes(data), kind).reshape(tensor.shape)

    def floats(self, index):
        coding = self.graph.tensors[index].quantization
        values = self.stored(index).astype("f8")
        return ((values - coding.zeroPoint[0]) * coding.scale[0]).astype("f4")

    def run(self, image):
        """What the last operation, which picks boxes, is given: encodings, scores, anchors."""
        values = {self.graph.inputs[0]: image}
        for operator in self.graph.operators:
            code = self.model.operatorCodes[operator.opcodeIndex]
            name = self.codes[max(code.builtinCode, code.deprecatedBuiltinCode)]
            inputs = [values.get(index) for index in operator.inputs]
            if name == "CUSTOM":
                return inputs[0], inputs[1], self.graph.tensors[operator.inputs[2]]
            values[operator.outputs[0]] = self._run_one(name, operator, inputs)
        raise AssertionError("the file picks no boxes")

    def _run_one(self, name, operator, inputs):
        options, output = operator.builtinOptions, self.graph.tensors[operator.outputs[0]]
        if name == "RESHAPE":
            return tf.reshape(inputs[0], output.shape)
        if name == "CONCATENATION":
            return tf.concat(inputs, options.axis)
        if name == "LOGISTIC":
            return tf.sigmoid(inputs[0])
        kernel, bias = (self.floats(index) for index in operator.inputs[1:3])
        stride, padding = options.strideH, {0: "SAME", 1: "VALID"}[options.padding]
        if name == "CONV_2D":
            x = tf.nn.conv2d(inputs[0], kernel.transpose(1, 2, 3, 0), stride, padding)
        else:
            assert name == "DEPTHWISE_CONV_2D"
            kernel, strides = kernel.transpose(1, 2, 3, 0), (1, stride, stride, 1)
            x = tf.nn.depthwise_conv2d(inputs[0], kernel, strides, padding)
        x = x + bias
        # A range of 0 to 6 is what is left of a ReLU6 that the converter merged away.
        coding = output.quantization
        range_of_6 = coding.zeroPoint[0] == 0 and abs(coding.scale[0] * 255 - 6) < 0.01
        return tf.nn.relu6(x) if range_of_6 or options.fusedActivationFunction == 3 else x


@pytest.fixture(scope="module")
def written():
    return Written()


def test_raw_encodings_and_scores_are_the_files_own(written):
    image = np.random.default_rng(3).integers(0, 256, (1, 300, 300, 3))
    image = ((image - 128) / 128).astype("f4")
    boxes, scores, _ = written.run(image)
    model = SSD.from_tflite(FILE)
    assert model.class_names == COCO_NAMES
    pixels = model.family.pixels(model.config)
    assert (pixels.mean, pixels.std) == ((128.0,) * 3, 128.0)
    rows = [model.network.get_layer(name).output for name in ("delta_rows", "class_rows")]
    deltas, logits = keras.Model(model.network.inputs, rows).predict_on_batch(image)
    np.testing.assert_allclose(deltas, np.reshape(boxes, deltas.shape), atol=1e-4)
    expected = np.asarray(scores)[..., list(COCO_SLOTS)]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, atol=1e-4)


def test_anchors_are_the_files_own_to_the_last_step(written):
    anchors = next(t for t in written.graph.tensors if t.name == b"anchors")
    theirs = written.stored(list(written.graph.tensors).index(anchors))
    y1, x1, y2, x2 = anchors_as_shares(SSD.from_tflite(FILE).config).T.astype("f8")
    centres = np.stack([(y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1], axis=1)
    steps = centres / anchors.quantization.scale[0] + anchors.quantization.zeroPoint[0]
    np.testing.assert_array_equal(np.clip(np.round(steps), 0, 255).astype("u1"), theirs)


def test_another_file_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(WeightsError, match=r"is no \.tflite; use SSD.load"):
        SSD.from_tflite("frozen_inference_graph.pb")
    (tmp_path / "cut.tflite").write_bytes(b"\0\0\0\0TFL3 and nothing more")
    with pytest.raises(WeightsError, match="no whole TFLite file"):
        SSD.from_tflite(tmp_path / "cut.tflite")
    with pytest.raises(WeightsError, match=r"none\.tflite cannot be read"):
        SSD.from_tflite(tmp_path / "none.tflite")
