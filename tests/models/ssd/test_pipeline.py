"""Guards: a pipeline.config of the TF Object Detection API becomes the settings that it means, no
field of it is passed over, and a training by it runs from the records to the weights."""

import re
from pathlib import Path

import pytest

from maskdet.commands.main import main
from maskdet.data.dataset import Dataset
from maskdet.data.formats import tfrecord
from maskdet.data.formats.text_proto import Message, parse_text_proto
from maskdet.data.scenes import write_scenes
from maskdet.errors import ConfigError, WeightsError
from maskdet.models.opening import open_model
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.ssd.pipeline_run import epochs_of, train_pipeline
from maskdet.models.ssd.ssd import SSD
from maskdet.training.schedules import rate_of
from tests.models.ssd.pipeline_sample import PIPELINE

SHARED = Path(__file__).resolve().parents[3] / "../shared"
REAL = {
    name: SHARED / folder / file
    for name, folder, file in (
        ("mobilenet_v1", "data/pipelines", "ssd_mobilenet_v1_coco_2018_01_28.config"),
        ("mobilenet_v2", "data/pipelines", "ssd_mobilenet_v2_320x320_coco17_tpu-8.config"),
        ("inception", "data/pipelines", "ssd_inception_v2_coco_2018_01_28.config"),
        ("wind_turbine", "data/pipelines", "ssd_inception_v2_wind_turbine.config"),
        ("ssdlite", "weights/ssdlite_mobilenet_v2_coco_2018_05_09", "pipeline.config"),
    )
}


def real(name):
    if not REAL[name].is_file():
        pytest.skip(f"{REAL[name].name} is not here")
    return REAL[name]


def written(folder, *changes, text=PIPELINE):
    """A pipeline.config with (old, new) pieces of text exchanged."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "mine.config"
    path.write_text(text)
    return path


@pytest.fixture
def read(tmp_path):
    return lambda *changes: SsdConfig.from_pipeline(written(tmp_path, *changes))


def settings(config, names):
    return {name: getattr(config, name) for name in names}


def leaves(message, prefix=""):
    """(line, full name) of every field that holds no others."""
    for field in message.fields:
        name = f"{prefix}{field.name}"
        if isinstance(field.value, Message) and field.value.fields:
            yield from leaves(field.value, f"{name}.")
        else:
            yield field.line, name


# ---- the files of the published models --------------------------------------------------------
COMMON = {
    "IMAGE_RESIZE_MODE": "stretch",
    "IMAGE_MAX_DIM": 300,
    "EXTRA_CHANNELS": (512, 256, 256, 128),
    "ANCHOR_SIZES": (0.2, 0.95),
    "ANCHOR_RATIOS": (1.0, 2.0, 0.5, 3.0, 0.3333),
    "ANCHOR_BETWEEN": True,
    "ANCHOR_REDUCED": True,
    "BBOX_STD_DEV": (0.1, 0.1, 0.2, 0.2),
    "MATCH_IOU": 0.5,
    "DETECTION_NMS_THRESHOLD": 0.6,
    "DETECTION_MAX_INSTANCES": 100,
    "TRAIN_BN": None,
    "AUGMENTATION": "default",
    "BACKBONE_RATE": 1.0,
}
OF_2018 = {
    "CLASS_LOSS": "sigmoid",
    "NEGATIVES_PER_POSITIVE": 3.0,
    "LOSS_WEIGHTS": {"ssd_class_loss": 1.0, "ssd_box_loss": 1.0},
    "IMAGES_PER_GPU": 24,
    "DETECTION_MIN_CONFIDENCE": 0.3,
    "LEARNING_RATE": 0.004,
    "LEARNING_RATE_SCHEDULE": "constant",  # its first drop comes after num_steps
    "WARMUP_STEPS": 0,
    "OPTIMIZER": "sgd",
}
EXPECTED = {
    "mobilenet_v1": {
        **OF_2018,
        "NUM_CLASSES": 91,
        "BACKBONE": "mobilenet_v1",
        "HEAD_KERNEL": 1,
        "SEPARABLE_HEADS": False,
    },
    "ssdlite": {
        **OF_2018,
        "NUM_CLASSES": 12,
        "BACKBONE": "mobilenet_v2",
        "HEAD_KERNEL": 3,
        "SEPARABLE_HEADS": True,
    },
    "mobilenet_v2": {
        "NUM_CLASSES": 91,
        "BACKBONE": "mobilenet_v2",
        "HEAD_KERNEL": 1,
        "SEPARABLE_HEADS": False,
        "CLASS_LOSS": "focal",
        "FOCAL_ALPHA": 0.75,
        "FOCAL_GAMMA": 2.0,
        "NEGATIVES_PER_POSITIVE": 0.0,
        # The API divides a box's loss by its four numbers there.
        "LOSS_WEIGHTS": {"ssd_class_loss": 1.0, "ssd_box_loss": 0.25},
        "IMAGES_PER_GPU": 512,
        "DETECTION_MIN_CONFIDENCE": 1e-8,
        "OPTIMIZER": "sgd",
        "LEARNING_MOMENTUM": 0.9,
        "LEARNING_RATE": 0.8,
        "LEARNING_RATE_SCHEDULE": "cosine",
        "WARMUP_STEPS": 2000,
        "EMA_DECAY": 0.0,
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_published_files(name):
    config = SsdConfig.from_pipeline(real(name))
    expected = {**COMMON, **EXPECTED[name]}
    assert settings(config, expected) == expected


@pytest.mark.parametrize("name", ["inception", "wind_turbine"])
def test_inception(name):
    config = SsdConfig.from_pipeline(real(name))
    assert settings(config, COMMON) == COMMON
    assert (config.BACKBONE, config.HEAD_KERNEL) == ("inception_v2", 3)
    assert config.pipeline.flip_vertical is (name == "wind_turbine")
    if name == "wind_turbine":
        pipeline = config.pipeline
        assert (pipeline.classes, pipeline.steps) == ((1, 9), 200000)
        assert (pipeline.checkpoint.text, pipeline.checkpoint.line) == (
            "pre-trained-model/model.ckpt",
            151,
        )
        assert [path.text for path in pipeline.train.records] == ["annotations/train.record"]
        assert pipeline.evaluation.label_map.text == "annotations/label_map.pbtxt"


@pytest.mark.parametrize("name", [*EXPECTED, "wind_turbine"])
def test_no_field_is_passed_over(name, tmp_path):
    """A field that nobody knows is listed by its line, in whichever message of a file it stands."""
    text = re.sub(r"{(?=\n)", "{\nnew_field: 1", real(name).read_text())
    report = SsdConfig.from_pipeline(written(tmp_path, text=text)).pipeline.report
    listed = {(line, field) for line, field, _ in report.left if field.endswith("new_field")}
    expected = {leaf for leaf in leaves(parse_text_proto(text, "")) if "new_field" in leaf[1]}
    assert listed == expected and len(listed) > 40
    shown = str(report)
    for line, field, why in report.left:
        assert f"line {line:<4} {field}: {why}" in shown
    # Whatever else the file has of these messages is of no use here, and listed too.
    useless = re.compile("conv_hyperparams|eval_config|fine_tune_checkpoint_|num_readers|shuffle")
    left = {(line, field) for line, field, _ in report.left}
    assert {leaf for leaf in leaves(parse_text_proto(text, "")) if useless.search(leaf[1])} <= left


# ---- single fields ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "fixed_shape_resizer { height: 96 width: 96 }",
            "keep_aspect_ratio_resizer { min_dimension: 64 max_dimension: 96 "
            "pad_to_max_dimension: true }",
            {"IMAGE_RESIZE_MODE": "corner", "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 96},
        ),
        ("width: 96 }", "width: 64 }", {"IMAGE_MIN_DIM": 96, "IMAGE_MAX_DIM": 96}),
        (
            "depth_multiplier: 0.25",
            "depth_multiplier: 0.5",
            {"BACKBONE": "mobilenet_v1_0.5", "EXTRA_CHANNELS": (256, 128)},
        ),
        (
            "'ssd_mobilenet_v1' depth_multiplier: 0.25",
            "'ssd_inception_v2' depth_multiplier: 0.3",
            {"BACKBONE": "inception_v2_0.3", "EXTRA_CHANNELS": (153, 76)},
        ),
        ("num_layers: 4", "num_layers: 2", {"EXTRA_CHANNELS": ()}),
        (
            "num_layers: 4",
            "num_layers: 4 reduce_boxes_in_lowest_layer: false "
            "interpolated_scale_aspect_ratio: 0.0",
            {"ANCHOR_REDUCED": False, "ANCHOR_BETWEEN": False},
        ),
        ("height_scale: 5.0", "height_scale: 4.0", {"BBOX_STD_DEV": (0.1, 0.1, 0.25, 0.2)}),
        ("matched_threshold: 0.5", "matched_threshold: 0.6", {"MATCH_IOU": 0.6}),
        ("weighted_sigmoid {}", "weighted_softmax {}", {"CLASS_LOSS": "softmax"}),
        (
            "weighted_sigmoid {}",
            "weighted_sigmoid_focal { alpha: 0.25 gamma: 1.5 }",
            {"CLASS_LOSS": "focal", "FOCAL_ALPHA": 0.25, "FOCAL_GAMMA": 1.5},
        ),
        (
            "loss {\n",
            "freeze_batchnorm: true loss { classification_weight: 2.0 localization_weight: 0.5\n",
            {"LOSS_WEIGHTS": {"ssd_class_loss": 2.0, "ssd_box_loss": 0.5}, "TRAIN_BN": False},
        ),
        ("kernel_size: 1", "kernel_size: 3 use_depthwise: true", {"SEPARABLE_HEADS": True}),
        (
            "momentum_optimizer {",
            "rms_prop_optimizer { epsilon: 1.0 ",
            {"OPTIMIZER": "sgd", "LEARNING_MOMENTUM": 0.9},
        ),
        ("momentum_optimizer {", "rms_prop_optimizer { epsilon: 1e-7 ", {"OPTIMIZER": "adamw"}),
        ("momentum_optimizer {", "adam_optimizer {", {"OPTIMIZER": "adamw", "WEIGHT_DECAY": 0.0}),
        (
            "batch_size: 4",
            "batch_size: 4 data_augmentation_options { random_horizontal_flip {} }",
            {"AUGMENTATION": "light"},
        ),
        ("batch_size: 4", "batch_size: 4", {"AUGMENTATION": "none", "WARMUP_STEPS": 0}),
        (
            "batch_size: 4",
            "batch_size: 4 gradient_clipping_by_norm: 2.5",
            {"GRADIENT_CLIP_NORM": 2.5},
        ),
    ],
)
def test_what_a_field_becomes(read, old, new, expected):
    assert settings(read((old, new)), expected) == expected


RATES = "constant_learning_rate {\n    learning_rate: 0.004 }"


@pytest.mark.parametrize(
    ("rate", "steps", "expected"),
    [
        # (step, rate) as the API computes them.
        (
            "exponential_decay_learning_rate { initial_learning_rate: 0.01 decay_steps: 100 "
            "decay_factor: 0.5 }",
            400,
            [(0, 0.01), (99, 0.01), (100, 0.005), (250, 0.0025), (399, 0.00125)],
        ),
        (
            "manual_step_learning_rate { initial_learning_rate: 0.01 schedule { step: 100 "
            "learning_rate: 0.001 } schedule { step: 300 learning_rate: 0.0001 } }",
            400,
            [(0, 0.01), (99, 0.01), (100, 0.001), (299, 0.001), (300, 0.0001)],
        ),
        (
            "manual_step_learning_rate { initial_learning_rate: 0.1 schedule { step: 0 "
            "learning_rate: 0.01 } schedule { step: 900 learning_rate: 0.001 } }",
            400,
            [(0, 0.01), (399, 0.01)],
        ),
        (
            "cosine_decay_learning_rate { learning_rate_base: 0.08 total_steps: 400 "
            "warmup_learning_rate: 0.008 warmup_steps: 40 }",
            400,
            [(0, 0.008), (40, 0.08), (220, 0.0404)],
        ),
    ],
)
def test_rates_over_the_training(read, rate, steps, expected):
    config = read((RATES, rate), ("num_steps: 2", f"num_steps: {steps}"))
    course = rate_of(config, config.LEARNING_RATE, steps)
    rates = [(step, float(course(step) if callable(course) else course)) for step, _ in expected]
    assert rates == [(step, pytest.approx(value, rel=1e-3)) for step, value in expected]
    assert not config.pipeline.report.nearest


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("num_layers: 4", "num_layers: 4\nfoo_bar: 1", "line 14   model.ssd.anchor_generator"
         ".ssd_anchor_generator.foo_bar: not known here"),
        ("batch_size: 4", "batch_size: 4 freeze_variables: 'x'", "train_config.freeze_variables: "),
        ("force_match_for_each_row: true", "", "best anchor is always its own"),
        ("kernel_size: 1", "kernel_size: 5", "HEAD_KERNEL = 3: heads' windows are 1 or 3 wide"),
        ("kernel_size: 1", "use_dropout: true", "use_dropout: heads have no dropout"),
        ("momentum_optimizer {", "adam_optimizer {", "OPTIMIZER = 'adamw', WEIGHT_DECAY = 0.0: A"),
        ("batch_size: 4", "batch_size: 4 data_augmentation_options { random_rotation90 { "
         "probability: 1.0 } }", "random_rotation90.probability: the preset has its own"),
        ("width: 96 }", "width: 64 }", "inputs are square here, not 96 x 64"),
        ("weighted_smooth_l1 {}", "weighted_l2 {}", "localization_loss.weighted_l2: not known"),
    ],
)  # fmt: skip
def test_what_is_lost_is_said(read, old, new, line):
    assert line in str(read((old, new)).pipeline.report)


def test_a_file_that_fits_has_nothing_to_say(read):
    report = read().pipeline.report
    assert (report.nearest, report.left) == ([], [])
    assert "line 4    model.ssd.num_classes: NUM_CLASSES = 6" in str(report)


# ---- what cannot be ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("num_classes: 5", "num_classes: }", "line 4 has '}' where a value is expected"),
        ("num_classes: 5", "num_classes: 'x'", "line 4: model.ssd.num_classes is 'x'; give a whol"),
        ("num_classes: 5", "num_classes: 5 num_classes: 4", "line 4: model.ssd.num_classes stands"),
        ("num_classes: 5", "", "line 3: model.ssd.num_classes is 0"),
        ("  ssd {", "  faster_rcnn {", "line 3 is of model.faster_rcnn, but maskdet reads model.s"),
        ("'ssd_mobilenet_v1'", "'ssd_resnet50_v1_fpn'", "line 11: .*has ssd_anchor_generator, but"),
        ("'ssd_mobilenet_v1'", "'ssd_yolox_nano'", "line 6: .*'ssd_yolox_nano'.* mobilenet_v1,"),
        ("depth_multiplier: 0.25", "depth_multiplier: 5", "line 6: .*depth_multiplier is 5; use"),
        ("num_layers: 4", "num_layers: 9", "num_layers is 9, but ssd_mobilenet_v1 has 2 to 6"),
        ("convolutional_box_predictor", "weight_shared_convolutional_box_predictor", "line 19: "),
        ("y_scale: 10.0", "y_scale: 0.0", "line 8: .*y_scale is 0; give a number above 0"),
        ("matched_threshold: 0.5", "matched_threshold: 50", "MATCH_IOU"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_its_line(read, tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message) as raised:
        read((old, new))
    assert "\n" not in str(raised.value)
    if "line" in message:
        assert str(raised.value).startswith(str(tmp_path / "mine.config"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.config cannot be read"):
        SsdConfig.from_pipeline(tmp_path / "none.config")


# ---- training ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("steps", "photos", "batch", "expected"),
    [
        (200, 80, 8, (20, 10)),  # epochs are passes
        (205, 80, 8, (21, 10)),
        (3, 80, 8, (1, 3)),  # less than a pass
        (200_000, 80, 8, (100, 2000)),  # not twenty thousand checkpoints
        (5, 3, 8, (5, 1)),  # a batch larger than the set
    ],
)
def test_steps_as_epochs(steps, photos, batch, expected):
    assert epochs_of(steps, photos, batch) == expected


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with records of a dozen photos, where there are no published weights."""
    write_scenes(tmp_path / "scenes", 12, size=(96, 96), progress=False)
    dataset = Dataset.load(tmp_path / "scenes")
    tfrecord.write(dataset.subset(range(8)), tmp_path, name="train.record")
    tfrecord.write(dataset.subset(range(8, 12)), tmp_path, name="val", shards=2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SSD, "load_weights", without_published(SSD.load_weights))
    return tmp_path


def without_published(load):
    def load_weights(self, path, *args, **kwargs):
        if str(path) in ("coco", "imagenet"):
            raise WeightsError(f"No {path} weights here.")
        return load(self, path, *args, **kwargs)

    return load_weights


@pytest.mark.thorough
def test_a_training_from_the_command_line(folder, capsys, monkeypatch):
    """From the config to weights that find objects; files lie beside the config, not here."""
    config = written(folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["train", "--pipeline", str(config), "--model-dir", "out"]) == 0
    said = capsys.readouterr().out
    for text in (
        "NUM_CLASSES = 6 (with",
        "train_input_reader: 8 photos",
        "eval_input_reader: 4 photos",
        "fine_tune_checkpoint (line 31) is 'PATH_TO_BE_CONFIGURED/model.ckpt', which is not there",
        "Starts from random weights. No coco weights here. No imagenet weights here.",
        "num_steps, 2: epochs 1, steps of each 2.",
        "box AP50",
    ):
        assert text in said
    (weights,) = elsewhere.glob("out/*/trained.h5")
    assert f"weights: {weights.relative_to(elsewhere)}" in said
    names = Dataset.load(folder / "scenes").class_names
    assert list(open_model(weights).class_names) == list(names)

    # Another set of classes starts from those weights, all but what knows the classes.
    again = written(
        folder,
        ("PATH_TO_BE_CONFIGURED/model.ckpt", str(weights)),
        ("num_classes: 5", "num_classes: 9"),
        ("num_steps: 2", ""),
    )
    renamed = Dataset.load(folder / "scenes")
    for info in renamed.class_info[1:]:
        info["name"] = f"new {info['name']}"
    for path in (folder / "label_map.pbtxt", folder / "train.record", *folder.glob("val-*")):
        path.unlink()
    for name, shards in (("train.record", 1), ("val", 2)):
        tfrecord.write(renamed, folder, name=name, shards=shards)
    train_pipeline(again, "again", epochs=1)
    said = capsys.readouterr().out
    assert f"Starts from {weights}" in said and "classes are learned anew" in said
    assert "The label map names 5 classes, so NUM_CLASSES = 6" in said
    assert len(list(elsewhere.glob("again/*/trained.h5"))) == 1


def test_a_checkpoint_that_cannot_be_read_is_said_to_be_none(folder, capsys):
    from maskdet.models.ssd.pipeline_run import start

    (folder / "model.ckpt.index").touch()
    config = SsdConfig.from_pipeline(written(folder, ("PATH_TO_BE_CONFIGURED/", "")))
    start(SSD("training", config, folder / "logs"), config.pipeline, None)
    said = capsys.readouterr().out
    assert re.search(r"\(line 31\) is 'model.ckpt', not used: .*model.ckpt", said)
    assert "Starts from" in said


def test_records_of_other_classes_than_the_label_map(folder, capsys):
    text = (folder / "label_map.pbtxt").read_text()
    (folder / "label_map.pbtxt").write_text(text.replace("mug", "cup"))
    assert main(["train", "--pipeline", str(written(folder))]) == 2
    assert "(mug); known are ball, book, bottle, leaf, cup" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train.record", "PATH_TO_BE_CONFIGURED/t.record", "line 34: .*path is 'PATH.* still;"),
        ("train.record", "no.record", "line 34: train_input_reader.* 'no.record', but there is no"),
        ("val-?????-of-00002", "v-?????-of-00009", "line 38: eval_input_reader.tf_record_input_re"),
        ('"train.record"', "7", "line 34: .*input_path is 7; give text in quotes"),
        ("num_classes: 5", "num_classes: 2", "line 4: .*num_classes is 2, but .*the id 5 "),
        ("train_input_reader", "train_reader", "has no train_input_reader; add it"),
        ("input_path: \"train.record\"", "", "line 33: train_input_reader has no tf_record_input"),
    ],
)  # fmt: skip
def test_missing_files_and_classes(folder, capsys, old, new, message):
    path = written(folder, (old, new))
    assert main(["train", "--pipeline", str(path)]) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err), captured.err
    assert captured.err.count("\n") == 1
    assert not (folder / "logs").exists()


def test_records_of_other_people(tmp_path, monkeypatch, capsys):
    """The real record and its label map, and a config with more ids than there are names."""
    data = SHARED / "data/pipelines"
    if not data.is_dir():
        pytest.skip("../shared/data/pipelines is not here")
    from maskdet.models.ssd.pipeline_run import fit_classes, load_sets

    record, label_map = data / "wind_turbine_test.record", data / "wind_turbine_label_map.pbtxt"
    path = written(
        tmp_path,
        ("train.record", str(record)),
        ("val-?????-of-00002", str(record)),
        text=PIPELINE.replace("label_map.pbtxt", str(label_map)),
    )
    config = SsdConfig.from_pipeline(path)
    train_set, val_set = load_sets(config.pipeline)
    fit_classes(config, train_set)
    assert config.NUM_CLASSES == 2
    assert list(train_set.class_names)[1:] == ["wind turbine"]
    boxes, class_ids = train_set.load_boxes(0)
    assert len(val_set.image_ids) == 80 and set(class_ids) == {1} and boxes.shape[1] == 4
