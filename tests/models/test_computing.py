"""Guards: in bfloat16 every family's network says nearly what it says in float32, boxes and scores
are not rounded, weights and exports are the same, and what costs accuracy is refused."""

import keras
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet import SSD, YOLOX, Classifier, MaskRCNN
from maskdet.compute_dtype import computing_in
from maskdet.errors import MaskdetWarning, UsageError
from maskdet.inference.compiled import compiled
from maskdet.layers.float32 import Float32Layer
from maskdet.layers.roi_align import PyramidROIAlign
from maskdet.models import computing
from tests.models.classifier.conftest import SmallConfig as SmallClassifier
from tests.models.conftest import SmallConfig, SmallMobileConfig, with_settings
from tests.models.ssd.conftest import SmallSsd, spread
from tests.models.yolox.conftest import SmallYolox

# Kind, Config, and layers that say what the network makes of an image before anything is chosen.
FAMILIES = {
    "mask_rcnn": (MaskRCNN, SmallConfig, ("rpn_class", "rpn_bbox")),
    "mask_rcnn_without_anchors": (MaskRCNN, SmallMobileConfig, ("rpn_cells", "rpn_bbox")),
    "ssd": (SSD, SmallSsd, ("class_rows", "delta_rows")),
    "yolox": (YOLOX, SmallYolox, ("class_rows", "delta_rows", "object_rows")),
    "classifier": (Classifier, SmallClassifier, ("classifier_logits",)),
}


def made(kind, config, folder, dtype, mode="inference", **settings):
    model = kind(mode, with_settings(config(), {"COMPUTE_DTYPE": dtype, **settings}), folder)
    if kind is Classifier:  # whose fresh last layer is all zeros
        layer = model.network.get_layer("classifier_logits")
        draws = np.random.default_rng(0)
        layer.set_weights([draws.normal(size=w.shape).astype("f4") for w in layer.get_weights()])
    return model


def values_of(model, picture, layers=()):
    """Arrays of these layers, or of the network's outputs, for one picture."""
    family, config = model.family, model.config
    rule = config.placement_rule(detecting=True)
    placement = rule(picture.shape)
    canvas = np.zeros((1, *config.input_sides, 3), np.uint8)
    height, width = (min(a, b) for a, b in zip(picture.shape, config.input_sides, strict=False))
    canvas[0, :height, :width] = picture[:height, :width]
    inputs = family.inference_inputs(canvas, [placement], config)
    if not layers:
        return compiled(model.network)(inputs)
    tensors = [model.network.get_layer(name).output for name in layers]
    return keras.Model(model.network.inputs, tensors).predict_on_batch(inputs)


@pytest.fixture(scope="module", params=FAMILIES)
def both(request, tmp_path_factory):
    """A family's models in float32 and in bfloat16, with the same weights, and what to look at."""
    kind, config, layers = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp("both")
    settings = {} if kind is Classifier else {"DETECTION_MIN_CONFIDENCE": 0.0}
    exact, quick = (made(kind, config, folder, d, **settings) for d in ("float32", "bfloat16"))
    return exact, quick, layers


def test_the_trunk_computes_in_bfloat16_on_weights_in_float32(both):
    _, quick, _ = both
    weighted = [layer for layer in quick.network.layers if layer.weights]
    halved = [layer for layer in weighted if layer.compute_dtype == "bfloat16"]
    assert len(halved) > 0.5 * len(weighted)
    assert {weight.dtype for layer in weighted for weight in layer.weights} == {"float32"}


def test_bfloat16_says_nearly_what_float32_says(both, masked):
    exact, quick, layers = both
    picture = masked.load_image(3)
    expected, found = (values_of(model, picture, layers) for model in (exact, quick))
    pairs = [(expected, found)] if len(layers) == 1 else zip(expected, found, strict=True)
    for name, (a, b) in zip(layers, pairs, strict=True):
        error = np.std(np.asarray(a) - np.asarray(b)) / np.std(a)
        assert 0 < error < 0.05, name


def test_no_output_is_rounded_to_bfloat16(both, masked):
    _, quick, _ = both
    for tensor, values in zip(
        quick.network.outputs, values_of(quick, masked.load_image(3)), strict=True
    ):
        assert values.dtype == np.float32, tensor.name
        different = np.unique(values)
        if len(different) > 8:
            rounded = different.astype(ml_dtypes.bfloat16).astype(np.float32)
            assert np.mean(rounded != different) > 0.5, tensor.name


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "classifier"])
def test_boxes_and_targets_are_worked_on_in_float32(name, tmp_path):
    kind, config, _ = FAMILIES[name]
    for mode in ("training", "inference"):
        network = made(kind, config, tmp_path, "bfloat16", mode).network
        exact = [layer for layer in network.layers if isinstance(layer, Float32Layer)]
        assert exact and {layer.compute_dtype for layer in exact} == {"float32"}
        outputs = keras.tree.flatten(network.output)
        assert {tensor.dtype for tensor in outputs} <= {"float32", "int32"}
        # Nothing that they get was bfloat16 on its way, but for the maps that crops are cut from.
        given = [t for layer in exact for t in keras.tree.flatten(layer.input)]
        assert {tensor.dtype for tensor in given if len(tensor.shape) < 4} <= {"float32", "int32"}


def test_crops_of_bfloat16_maps_lie_where_their_boxes_are():
    # Columns 224 .. 255 of a map count from 0 to 31: what is read there says where it was read,
    # to a sixteenth of a column. A box in bfloat16 would be up to half a column off.
    ramp = np.tile(np.maximum(np.arange(256.0) - 224, 0)[None, None, :, None], (1, 256, 1, 1))
    for left in np.linspace(0.9, 0.95, 7):
        box = np.array([[[0.1, left, 0.9, left + 0.03]]], "f4")
        with computing_in("bfloat16"):
            align = PyramidROIAlign(4, (1024, 1024))
        crops = np.asarray(align([box, keras.ops.cast(ramp, "bfloat16")]), "f4")
        points = np.linspace(left, left + 0.03, 4) * 255 - 224
        assert np.abs(crops[0, 0, :, :, 0] - points).max() < 0.07


@pytest.mark.parametrize("first", ["float32", "bfloat16"])
def test_weights_go_from_either_into_the_other(first, tmp_path):
    second = {"float32": "bfloat16", "bfloat16": "float32"}[first]
    model = made(SSD, SmallSsd, tmp_path, first)
    model.save_weights(tmp_path / "a.h5")
    other = made(SSD, SmallSsd, tmp_path, second, SEED=7)
    assert other.load_weights(tmp_path / "a.h5").unmatched == []
    for mine, theirs in zip(model.network.get_weights(), other.network.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)


def test_an_exported_file_is_the_same_byte_for_byte(tmp_path):
    files = []
    for dtype in ("float32", "bfloat16"):
        model = made(SSD, SmallSsd, tmp_path, dtype)
        model.export(tmp_path / dtype / "a.tflite", verify=False, progress=False)
        files.append((tmp_path / dtype / "a.tflite").read_bytes())
        assert model.config.COMPUTE_DTYPE == dtype
    assert files[0] == files[1]


def test_an_exported_file_is_checked_against_the_network_in_float32(tmp_path, masked):
    model = made(SSD, SmallSsd, tmp_path, "bfloat16")
    spread(model, masked.load_image(3))
    report = model.export(tmp_path / "a.tflite", dataset=masked, progress=False)
    assert report.comparison is not None  # within float32's limits, or there were no file


@pytest.mark.parametrize("name", ["mask_rcnn", "ssd"])
def test_a_step_in_bfloat16_has_finite_losses_and_moves_weights(name, tmp_path, masked):
    kind, config, _ = FAMILIES[name]
    model = made(kind, config, tmp_path, "bfloat16", "training", STEPS_PER_EPOCH=1)
    before = model.network.get_weights()
    history = model.train(masked, None, 0.001, 1, "all")
    assert all(np.isfinite(values).all() for values in history.values())
    after = model.network.get_weights()
    assert all(np.isfinite(array).all() for array in after)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert np.mean(moved) > 0.4  # statistics of norms stay


# ---- compute_in ------------------------------------------------------------------------------
class Figures:
    """In place of the evaluations: a figure for each dtype."""

    def __init__(self, float32, bfloat16):
        self.by_dtype = {"float32": float32, "bfloat16": bfloat16}

    def __call__(self, dataset, prepare):
        return lambda trained, picture: {"val_ap": self.by_dtype[trained.config.COMPUTE_DTYPE]}


@given(st.floats(0, 1), st.floats(-0.01, 0.01))
def test_more_than_three_tenths_of_a_point_are_refused_and_less_are_not(exact, change):
    report = computing.ComputeReport("bfloat16", "ap", exact, exact + change)
    if exact - report.present > 0.003 + 1e-12:
        with pytest.raises(UsageError, match=r"bfloat16 the network's ap falls from .*float32"):
            computing.check_fall(report)
    elif exact - report.present < 0.003 - 1e-12:
        computing.check_fall(report)


@pytest.mark.parametrize(("present", "refused"), [(0.4968, True), (0.4972, False)])
def test_a_refusal_leaves_the_model_as_it_was(tmp_path, masked, monkeypatch, present, refused):
    monkeypatch.setattr(computing, "Evaluator", Figures(0.5, present))
    model = made(SSD, SmallSsd, tmp_path, "float32")
    network = model.network
    if refused:
        with pytest.raises(UsageError, match=r"falls from 0.5000 to 0.4968"):
            model.compute_in("bfloat16", masked)
    else:
        assert model.compute_in("bfloat16", masked) == computing.ComputeReport(
            "bfloat16", "ap", 0.5, present
        )
    assert (model.network is network) == refused
    assert model.config.COMPUTE_DTYPE == model.trained.config.COMPUTE_DTYPE
    assert model.config.COMPUTE_DTYPE == ("float32" if refused else "bfloat16")


def test_the_model_computes_in_it_from_then_on_with_its_weights(tmp_path, masked):
    config = SmallSsd()
    model = SSD("inference", config, tmp_path)
    weights = [array + 0.25 for array in model.network.get_weights()]  # not those it began with
    model.network.set_weights(weights)
    with pytest.warns(MaskdetWarning, match="nothing was measured"):
        report = model.compute_in("bfloat16")
    assert (report.dtype, report.figure) == ("bfloat16", None)
    assert any(layer.compute_dtype == "bfloat16" for layer in model.keras_model.layers)
    assert all(map(np.array_equal, weights, model.network.get_weights()))
    assert config.COMPUTE_DTYPE == "float32"  # the user's, which other models may have
    assert len(list(model.detections([masked.load_image(3)]))) == 1
    model.compute_in("float32")
    assert all(layer.compute_dtype == "float32" for layer in model.keras_model.layers)


def test_a_set_without_objects_measures_nothing_and_is_refused(tmp_path, masked):
    model = made(SSD, SmallSsd, tmp_path, "float32")
    with pytest.raises(UsageError, match="nothing to find"):
        model.compute_in("bfloat16", masked.subset([0]))


def test_a_model_in_training_is_refused(tmp_path):
    with pytest.raises(UsageError, match="mode='training'"):
        made(SSD, SmallSsd, tmp_path, "float32", "training").compute_in("bfloat16")
