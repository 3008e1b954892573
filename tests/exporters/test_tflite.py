"""Promise: one file, built-in operations only, that gives what the network gives."""

import errno
import json
import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from maskdet.errors import UsageError
from maskdet.exporters import writer
from maskdet.exporters.flatbuffer import operator_names, pack_model, read_model, short_name
from maskdet.exporters.operators import check_operators
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.exporters.tflite import file_runner, tflite_bytes
from maskdet.exporters.verify import output_errors
from maskdet.runtime import Detector
from tests.exporters.conftest import NAMES, TinyConfig, photos

NAMES_IN_ORDER = ["location", "category", "score", "number of detections"]


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_operators_are_built_in(exported, precision):
    names = operator_names(read_model(exported[precision, "instances"].read_bytes()))
    assert {"CONV_2D", "NON_MAX_SUPPRESSION_V5", "GATHER", "TOPK_V2"} <= set(names)
    assert not [n for n in names if "CUSTOM" in n or "FLEX" in n.upper()]
    assert not {"VAR_HANDLE", "WHILE", "IF", "RESIZE_NEAREST_NEIGHBOR"} & set(names)


def test_an_operator_that_a_pi_lacks_is_named_with_its_layer(exported):
    model = read_model(exported["float32", "instances"].read_bytes())
    graph = model.subgraphs[0]
    position = operator_names(model).index("EXP")
    code = model.operatorCodes[graph.operators[position].opcodeIndex]
    code.customCode = b"FlexErf"
    with pytest.raises(UsageError, match=r"FlexErf.*Flex operation.*layer 'ROI"):
        check_operators(model)


def test_a_loop_is_refused(exported):
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(exported["float32", "instances"].read_bytes())
    operator = model.subgraphs[0].operators[-1]
    code = model.operatorCodes[operator.opcodeIndex]
    code.builtinCode = schema.BuiltinOperator.WHILE
    with pytest.raises(UsageError, match="WHILE"):
        check_operators(model)


@pytest.mark.parametrize("profile", ["instances", "detect"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_positions_names_and_sorted_indices_agree(exported, precision, profile):
    interpreter = Interpreter(str(exported[precision, profile]))
    outputs = interpreter.get_output_details()
    wanted = [*NAMES_IN_ORDER, "masks"] if profile == "instances" else NAMES_IN_ORDER
    assert [d["name"] for d in outputs] == wanted
    indices = [d["index"] for d in outputs]
    assert indices == sorted(indices)
    assert all(d["dtype"] == np.float32 for d in outputs)
    count = 20 if profile == "instances" else 25
    shapes = [(1, count, 4), (1, count), (1, count), (1,), (1, count, 28, 28)]
    assert [tuple(d["shape"]) for d in outputs] == shapes[: len(outputs)]
    inputs = interpreter.get_input_details()
    assert inputs[0]["dtype"] == np.uint8
    assert tuple(inputs[0]["shape"]) == (1, 128, 128, 3)
    assert [d["name"] for d in inputs] == ["image", "window"][: len(inputs)]
    assert len(inputs) == (2 if profile == "instances" else 1)
    signature = interpreter.get_signature_list()["serving_default"]
    assert set(signature["outputs"]) == set(wanted)
    assert not any("StatefulPartitionedCall" in d["name"] for d in outputs)


def test_the_signature_runs_by_name(exported):
    interpreter = Interpreter(str(exported["float32", "detect"]))
    runner = interpreter.get_signature_runner("serving_default")
    found = runner(image=np.zeros((1, 128, 128, 3), np.uint8))
    assert found["location"].shape == (1, 25, 4)
    assert found["number of detections"].shape == (1,)


def test_float32_is_the_network(tiny_model, exported):
    """To 5e-6 here; seeded weights amplify rounding, which differs between processors."""
    detector = Detector(exported["float32", "instances"])
    for image, found in zip(photos(4, 5), tiny_model.detections(photos(4, 5)), strict=True):
        here = detector.detect(image)
        # The file gives its 20 best, the network 50.
        expected = found[: len(here)]
        assert len(here) == min(20, len(found)) > 0
        np.testing.assert_allclose(here.boxes, expected.boxes, atol=1e-2)  # pixels
        np.testing.assert_array_equal(here.class_ids, expected.class_ids)
        np.testing.assert_allclose(here.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(here.small_masks, expected.small_masks, atol=1e-4)
        assert here.class_names == NAMES


def test_the_zip_holds_labels_first_then_facts(exported):
    with zipfile.ZipFile(exported["int8", "detect"]) as archive:
        assert archive.namelist()[0] == "labels.txt"
        assert archive.read("labels.txt") == b"cat\nMadchen\nblue bolt\n"
        assert archive.read("labels_numbered.txt") == b"0 cat\n1 Madchen\n2 blue bolt\n"
        facts = json.loads(archive.read("maskdet.json"))
    assert facts["class_names"] == list(NAMES)
    assert facts["config"]["NUM_CLASSES"] == 4
    assert facts["profile"] == "detect"
    assert facts["min_confidence"] == 0.1


def test_the_same_model_gives_the_same_bytes(tiny_model, exported, tmp_path):
    path = tmp_path / "again.tflite"
    tiny_model.export(path, progress=False, verify=False)
    assert path.read_bytes() == exported["float32", "instances"].read_bytes()


def test_int8_holds_convolutions_in_integers_and_geometry_in_floats(exported):
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(exported["int8", "instances"].read_bytes())
    graph = model.subgraphs[0]
    kinds = {}
    for operator, name in zip(graph.operators, operator_names(model), strict=True):
        kinds.setdefault(name, []).append(graph.tensors[operator.outputs[0]].type)
    assert set(kinds["DEPTHWISE_CONV_2D"]) == {schema.TensorType.INT8}
    convolutions = kinds["CONV_2D"]
    # In floats: logits and deltas of the RPN on four levels.
    assert convolutions.count(schema.TensorType.FLOAT32) == 4 * 2
    for name in ("EXP", "NON_MAX_SUPPRESSION_V5", "TOPK_V2", "SOFTMAX", "LOGISTIC"):
        assert schema.TensorType.INT8 not in kinds[name]
    sizes = {key: path.stat().st_size for key, path in exported.items()}
    assert sizes["int8", "instances"] < 0.45 * sizes["float32", "instances"]
    assert sizes["float16", "instances"] < 0.6 * sizes["float32", "instances"]


def test_every_channel_of_a_weight_has_a_scale_of_its_own(exported):
    model = read_model(exported["int8", "instances"].read_bytes())
    graph = model.subgraphs[0]
    for operator, name in zip(graph.operators, operator_names(model), strict=True):
        weights = graph.tensors[operator.inputs[1]] if name == "CONV_2D" else None
        if weights is not None and weights.quantization and weights.quantization.scale is not None:
            assert len(weights.quantization.scale) == weights.shape[0]


def test_masks_cost_nothing_where_there_are_none(tiny_model, tmp_path):
    trained = tiny_model.trained.with_facts(outputs=frozenset({"boxes"}))
    lite = Source(trained, ExportRequest("float32", "instances", 5, 0.05)).lite
    assert "masks" not in lite.output
    assert not [
        layer for layer in lite.layers if "mask" in layer.name and "rcnn_mask_c" in layer.name
    ]


def test_many_classes_take_the_other_mask_head(tmp_path):
    from maskdet import MaskRCNN

    class Many(TinyConfig):
        NUM_CLASSES = 12

    model = MaskRCNN("inference", Many(), model_dir="unused")
    source = Source(model.trained, ExportRequest("float32", "instances", 20, 0.05))
    content = tflite_bytes(source)
    assert "BATCH_MATMUL" in operator_names(read_model(content))
    errors = output_errors(source, file_runner(content), photos(3))
    assert set(errors) == {*NAMES_IN_ORDER, "masks"}
    assert max(errors.values()) < 1e-4


@pytest.mark.slow
def test_resnet_exports_too(tmp_path):
    """Four levels more, means for each channel, full convolutions: the network of old weights."""
    from maskdet import MaskRCNN
    from maskdet.config import Config

    class Old(Config):
        NUM_CLASSES = 3
        BACKBONE = "resnet50"
        IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
        POST_NMS_ROIS_INFERENCE = 20
        DETECTION_MAX_INSTANCES = 10
        DETECTION_MIN_CONFIDENCE = 0

    model = MaskRCNN("inference", Old(), model_dir="unused")
    report = model.export(tmp_path / "old.tflite", count=5, progress=False, verify=False)
    assert report.size > 100_000_000
    int8 = model.export(
        tmp_path / "old8.tflite", calibration=photos(2), count=5, progress=False, verify=False
    )
    assert int8.size < 0.3 * report.size
    Detector(tmp_path / "old8.tflite").detect(photos(1)[0])


# ---- bad input ------------------------------------------------------------------------------
def test_a_model_in_training_mode_is_refused(tmp_path):
    from maskdet import MaskRCNN

    model = MaskRCNN("training", TinyConfig(), model_dir=tmp_path)
    with pytest.raises(UsageError, match="mode='inference'"):
        model.export(tmp_path / "a.tflite")


def test_int8_without_images_is_refused(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="calibration=dataset"):
        tiny_model.export(tmp_path / "a.tflite", precision="int8", progress=False)
    with pytest.raises(UsageError, match="calibration=dataset"):
        tiny_model.export(tmp_path / "a.tflite", calibration=[], progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"precision": "int4"}, "float16, int8"),
        ({"profile": "boxes"}, "instances, detect"),
        ({"count": -3}, "at least one"),
        ({"min_score": 1.5}, "between 0 and 1"),
    ],
)
def test_unknown_words_are_refused(tiny_model, tmp_path, arguments, said):
    with pytest.raises(UsageError, match=said):
        tiny_model.export(tmp_path / "a.tflite", **arguments)


def test_an_unwritable_place_is_said_before_the_work(tiny_model, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="is a folder"):
        writer.check_path(tmp_path)
    folder = tmp_path / "model.tflite"
    folder.mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        tiny_model.export(folder, progress=False)
    monkeypatch.setattr("os.access", lambda *arguments: False)
    with pytest.raises(UsageError, match="cannot be written"):
        tiny_model.export(tmp_path / "a.tflite", progress=False)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UsageError, match="No space left on device.*make room"):
        writer.write_file(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]


def test_a_file_that_differs_is_not_written(tiny_model, tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    from maskdet.exporters import tflite

    def other(content):
        run = file_runner(content)
        return lambda sample: [array + np.float32(0.01) for array in run(sample)]

    monkeypatch.setattr(tflite, "file_runner", other)
    with pytest.raises(UsageError, match=r"output 'location' is off by 0\.01 \(allowed 1e-05"):
        tiny_model.export(path, progress=False)
    assert path.read_bytes() == b"old"


def test_an_unknown_ending_is_refused(tiny_model, tmp_path):
    with pytest.raises(UsageError, match=r"\.tflite"):
        tiny_model.export(tmp_path / "a.pb2", progress=False)


# ---- the flatbuffer -------------------------------------------------------------------------
def test_reading_and_packing_keep_every_weight(exported):
    content = exported["int8", "instances"].read_bytes()
    again = pack_model(read_model(content))
    image = photos(1)[0]
    results = []
    for data in (content, again):
        interpreter = Interpreter(model_content=data)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            value = np.zeros(detail["shape"], detail["dtype"])
            if value.ndim == 4:
                value[0, :90, :120] = image[:90]
            else:
                value[:] = [[0, 0, 1, 1]]
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        results.append(
            [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        )
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_names_keep_the_layer():
    name = "mask_rcnn_lite_1/stage1_stem_1/Relu6;mask_rcnn_lite_1/stage1_stem_1/BiasAdd"
    assert short_name(name) == "stage1_stem/Relu6"
    assert short_name("arith.constant24") == "arith.constant24"


def test_a_layer_that_tflite_lacks_is_named(tiny_model):
    from maskdet.exporters.convert import convert

    class Odd(keras.layers.Layer):
        def call(self, image):
            import tensorflow as tf

            return tf.math.igamma(image, image)

    image = keras.Input(batch_shape=(1, 8, 8, 3), name="image")
    network = keras.Model({"image": image}, {"boxes": Odd(name="odd_one")(image)})
    source = Source(tiny_model.trained, ExportRequest("float32", "instances", 5, 0.05))
    source.__dict__["lite"] = network
    with pytest.raises(UsageError, match=r"cannot be converted to TFLite: .*Igamma"):
        convert(source, from_bytes=False)
