"""Promise: files of the TF Object Detection API are read by their names, or refused with a sentence
that says what they hold.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from maskdet.errors import WeightsError
from maskdet.pretrained.detection_api import find_api_file, read_api_detector
from tests.pretrained.api_files import ApiGraph

v1 = tf.compat.v1
PUBLISHED = (
    Path(__file__).resolve().parents[2] / "../shared/weights/ssdlite_mobilenet_v2_coco_2018_05_09"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    ApiGraph("ssd_mobilenet_v1", 0.25).write(folder)
    return folder


def graph_of(path, arrays):
    """Write a frozen graph that holds constants."""
    with tf.Graph().as_default() as graph:
        for name, array in arrays.items():
            tf.constant(np.asarray(array, "f4"), name=name)
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_the_names_written_in_these_tests_are_the_published_ones():
    if not PUBLISHED.is_dir():
        pytest.skip("the published index is not here")
    reader = tf.train.load_checkpoint(str(PUBLISHED / "model.ckpt"))
    published = {
        name: tuple(shape)
        for name, shape in reader.get_variable_to_shape_map().items()
        if name != "global_step"
    }
    assert ApiGraph("ssdlite_mobilenet_v2", slots=91, side=64).shapes == published


def test_a_checkpoint_without_its_values_says_which_file_lacks():
    if not PUBLISHED.is_dir():
        pytest.skip("the published index is not here")
    with pytest.raises(WeightsError, match=r"model\.ckpt\.data-00000-of-00001.*missing"):
        read_api_detector(PUBLISHED / "model.ckpt")


def test_the_checkpoint_and_the_graph_hold_the_same(folder):
    first = read_api_detector(folder / "frozen_inference_graph.pb")
    other = read_api_detector(folder / "model.ckpt")
    assert first.layers.keys() == other.layers.keys()
    assert (first.backbone, first.slots, first.anchors) == (
        "mobilenet_v1_0.25",
        4,
        (3, 6, 6, 6, 6, 6),
    )
    for name, arrays in first.layers.items():
        for array, same in zip(arrays, other.layers[name], strict=True):
            np.testing.assert_array_equal(array, same)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["frozen_inference_graph.pb", "model.ckpt.index"], "frozen_inference_graph.pb"),
        (["model.ckpt-500.index", "model.ckpt-10000.index"], "model.ckpt-10000"),
        (["detect.tflite", "labelmap.txt"], "detect.tflite"),
    ],
)
def test_a_folder_gives_its_best_file(names, found, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    assert find_api_file(tmp_path) == tmp_path / found


@pytest.mark.parametrize(
    ("names", "words"), [([], "holds none"), (["a.pb", "b.tflite"], r"several \(a.pb, b.tflite\)")]
)
def test_a_folder_without_a_choice_is_refused(names, words, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=words):
        find_api_file(tmp_path)


def test_what_is_no_file_of_the_api_is_left_alone(tmp_path):
    assert find_api_file(tmp_path / "mask_rcnn_shapes_0010.h5") is None
    assert find_api_file("coco") is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["FirstStageFeatureExtractor/InceptionV2/Conv2d_2b_1x1/weights"], "two-stage detector"),
        (["FeatureExtractor/resnet_v1_50/conv1/weights"], "the trunk resnet_v1_50"),
        (["FeatureExtractor/MobilenetV1/Conv2d_0/weights"], "without SSD's heads"),
        (["dense/kernel/weights"], r"another kind \(dense\)"),
        (["dense/kernel"], "another kind"),
    ],
)
def test_another_network_is_named(names, words, tmp_path):
    path = graph_of(tmp_path / "some.pb", {name: np.zeros((1, 1, 3, 2)) for name in names})
    with pytest.raises(WeightsError, match=words):
        read_api_detector(path)


@pytest.mark.parametrize(
    "gone",
    [
        "FeatureExtractor/MobilenetV1/Conv2d_5_pointwise/weights",
        "FeatureExtractor/MobilenetV1/Conv2d_5_depthwise/BatchNorm/moving_mean",
        "FeatureExtractor/MobilenetV1/Conv2d_5_depthwise/BatchNorm/gamma",
        "BoxPredictor_3/ClassPredictor/biases",
        "FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_2_Conv2d_3_3x3_s2_64/BatchNorm/beta",
    ],
)
def test_a_variable_that_lacks_is_named(gone, folder, tmp_path):
    graph = v1.GraphDef.FromString((folder / "frozen_inference_graph.pb").read_bytes())
    kept = v1.GraphDef(node=[node for node in graph.node if node.name != gone])
    (tmp_path / "some.pb").write_bytes(kept.SerializeToString())
    with pytest.raises(WeightsError, match=f"does not hold a whole SSD.*{gone}' is not in it"):
        read_api_detector(tmp_path / "some.pb")


def test_norms_without_gamma_have_ones(folder, tmp_path):
    graph = v1.GraphDef.FromString((folder / "frozen_inference_graph.pb").read_bytes())
    kept = v1.GraphDef(node=[node for node in graph.node if not node.name.endswith("/gamma")])
    (tmp_path / "some.pb").write_bytes(kept.SerializeToString())
    layers = read_api_detector(tmp_path / "some.pb").layers
    assert (layers["stage1_stem"][1] == 1).all() and (layers["extra3_wide"][1] == 1).all()


def test_a_cut_graph_is_refused(folder, tmp_path):
    content = (folder / "frozen_inference_graph.pb").read_bytes()
    (tmp_path / "some.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="no whole frozen graph"):
        read_api_detector(tmp_path / "some.pb")


def test_a_graph_that_is_not_frozen_is_refused(tmp_path):
    with tf.Graph().as_default() as graph:
        v1.get_variable("FeatureExtractor/MobilenetV1/Conv2d_0/weights", (3, 3, 3, 32))
    (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(WeightsError, match="values are not in it"):
        read_api_detector(tmp_path / "graph.pb")


def test_a_checkpoint_with_cut_values_is_refused(folder, tmp_path):
    (tmp_path / "some.index").write_bytes((folder / "model.ckpt.index").read_bytes())
    values = next(folder.glob("model.ckpt.data*")).read_bytes()
    (tmp_path / "some.data-00000-of-00001").write_bytes(values[: len(values) // 2])
    with pytest.raises(WeightsError, match="missing or damaged"):
        read_api_detector(tmp_path / "some")


def test_a_checkpoint_of_tensorflow_2_is_named(tmp_path):
    prefix = tf.train.Checkpoint(step=tf.Variable(1.0)).save(str(tmp_path / "ckpt"))
    with pytest.raises(WeightsError, match="checkpoint of TensorFlow 2"):
        read_api_detector(prefix)


def test_a_saved_model_of_tensorflow_2_is_named(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(np.zeros(3, "f4"))
    module.run = tf.function(lambda x: x + module.weight, [tf.TensorSpec((3,))])
    tf.saved_model.save(module, str(tmp_path), signatures=module.run.get_concrete_function())
    with pytest.raises(WeightsError, match=r"saved_model\.pb holds .*"):
        read_api_detector(find_api_file(tmp_path))
