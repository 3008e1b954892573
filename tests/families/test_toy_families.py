"""Promise: a new family or task is a folder and a line; every engine, the command line and the
runtime run it as they run Mask R-CNN."""

import json

import h5py
import numpy as np
import pytest

from maskdet import Detections, MaskRCNN, MobileConfig, open_model
from maskdet.commands.main import main
from maskdet.errors import ConfigError, UsageError, WeightsError
from maskdet.images import read_image, write_image
from maskdet.runtime import Classifier, Detector, open_file
from maskdet.runtime.__main__ import main as runtime
from maskdet.tasks.classification.labels import Labels
from maskdet.training.logs import read_history
from tests.families.toy_classifier import ToyClassifier, ToyClassifierConfig
from tests.families.toy_detector import ToyDetector, ToyDetectorConfig


@pytest.fixture(scope="module")
def detector(trained_detector):
    return open_model(trained_detector[0])


@pytest.fixture(scope="module")
def classifier(trained_classifier):
    return open_model(trained_classifier[0])


@pytest.fixture(scope="module")
def detector_file(detector, rectangles, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "toy.tflite"
    return path, detector.export(path, dataset=rectangles, progress=False)


@pytest.fixture(scope="module")
def classifier_file(classifier, coloured, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "folders.tflite"
    return path, classifier.export(path, dataset=coloured, progress=False)


# ---- training --------------------------------------------------------------------------------
def test_the_detector_trains_on_boxes_and_says_so(trained_detector):
    path, history, model = trained_detector
    assert set(history) >= {"loss", "toy_class_loss", "toy_box_loss", "val_toy_box_loss"}
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    facts = json.loads(path.with_name("toy.h5.json").read_text())
    assert (facts["family"], facts["task"]) == ("toy_detector", "detection")
    assert facts["outputs"] == ["boxes"] and not model.has_masks
    assert facts["class_names"] == ["BG", "red", "blue"]
    rows = read_history(path.parent / model.log_dir / "history.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]


def test_loss_weights_count_for_any_family(trained_detector):
    _, history, _ = trained_detector
    parts = history["toy_class_loss"][0] + 2.0 * history["toy_box_loss"][0]
    assert history["loss"][0] == pytest.approx(parts, rel=1e-4)


def test_the_classifier_trains_on_folders(trained_classifier):
    path, history, _ = trained_classifier
    assert history["label_loss"][-1] < 0.3
    facts = json.loads(path.with_name("folders.h5.json").read_text())
    assert (facts["family"], facts["task"]) == ("toy_classifier", "classification")
    assert facts["outputs"] == ["labels"]


# ---- inference and evaluation ----------------------------------------------------------------
def test_the_detector_finds_boxes_in_the_images_own_pixels(detector, rectangles):
    assert isinstance(detector, ToyDetector)
    [detections] = detector.detections([rectangles.load_image(3)])
    assert isinstance(detections, Detections) and detections.image_shape == (120, 128)
    assert detections.class_names == ("BG", "red", "blue") and not detections.has_masks
    evaluation = detector.evaluate(rectangles, progress=False)
    assert evaluation.box.ap50 > 0.5 and evaluation.mask is None


def test_the_classifier_names_what_it_sees(classifier, coloured):
    assert isinstance(classifier, ToyClassifier)
    results = list(classifier.results(coloured.load_image(i) for i in coloured.image_ids))
    assert all(isinstance(result, Labels) for result in results)
    names = [coloured.class_names[coloured.load_label(i)] for i in coloured.image_ids]
    assert [result.name for result in results] == names
    accuracy = classifier.evaluate(coloured, progress=False)
    assert accuracy.accuracy == 1.0 and accuracy.confusion.tolist() == [[6, 0], [0, 6]]
    assert "blue" in accuracy.table()


# ---- export and runtime ----------------------------------------------------------------------
def test_the_detectors_file_is_compared_scored_and_run(detector_file, detector, rectangles):
    path, report = detector_file
    assert report.verified and report.comparison.agreement.expected > 0
    assert "box AP50" in report.table() and "mask" not in report.table()
    runner = open_file(path)
    assert isinstance(runner, Detector) and not runner.has_masks
    image = rectangles.load_image(3)
    [expected] = detector.detections([image])
    detections = runner.detect(image)
    assert detections.names == expected.names
    np.testing.assert_allclose(detections.boxes, expected.boxes, atol=0.05)


def test_the_classifiers_file_is_compared_scored_and_run(classifier_file, classifier, coloured):
    path, report = classifier_file
    assert report.verified and "accuracy" in report.table()
    runner = open_file(path)
    assert isinstance(runner, Classifier)
    image = coloured.load_image(0)
    [expected] = classifier.results([image])
    labels = runner.classify(image)
    assert labels.name == expected.name
    np.testing.assert_allclose(labels.scores, expected.scores, atol=1e-4)


@pytest.mark.thorough
def test_int8_files_of_both(detector, classifier, rectangles, coloured, tmp_path):
    sizes = {}
    for precision in ("float32", "int8"):
        path = tmp_path / f"{precision}.tflite"
        report = detector.export(
            path, precision, calibration=rectangles, verify=False, progress=False
        )
        sizes[precision] = report.size
    assert "QUANTIZE" in report.operators or "DEQUANTIZE" in report.operators
    assert sizes["int8"] < sizes["float32"]
    classifier.export(tmp_path / "b.tflite", calibration=coloured, progress=False)
    labels = Classifier(tmp_path / "b.tflite").classify(coloured.load_image(0))
    assert labels.name == coloured.class_names[coloured.load_label(0)]


@pytest.mark.thorough
def test_a_saved_model_of_a_classifier(classifier, coloured, tmp_path):
    report = classifier.export(
        tmp_path / "saved", format="saved_model", dataset=coloured, progress=False
    )
    assert report.verified and (tmp_path / "saved" / "saved_model.pb").exists()


def test_a_file_of_the_other_task_is_refused_by_name(detector_file, classifier_file):
    with pytest.raises(WeightsError, match=r"is a file for classification, not for detection"):
        Detector(classifier_file[0])
    with pytest.raises(WeightsError, match=r"is a file for detection.*open_file"):
        Classifier(detector_file[0])


# ---- command line ----------------------------------------------------------------------------
@pytest.mark.thorough
def test_detect_and_export_open_whatever_family_a_file_is_of(
    trained_detector, trained_classifier, coloured, tmp_path, capsys
):
    photo = tmp_path / "photo.png"
    write_image(photo, coloured.load_image(0))
    for weights, words in ((trained_detector[0], "->"), (trained_classifier[0], "blue")):
        out = tmp_path / weights.stem
        assert main(["detect", str(weights), str(photo), "--out", str(out)]) == 0
        assert words in capsys.readouterr().out
        assert read_image(out / "photo.jpg").shape == (60, 90, 3)
        target = tmp_path / f"{weights.stem}.tflite"
        assert main(["export", str(weights), str(target), "--no-verify"]) == 0
        assert target.stat().st_size > 100_000
        assert runtime([str(target), str(photo), "--out", str(out)]) == 0
        assert "photo.png" in capsys.readouterr().out
        assert json.loads((out / "photo.json").read_text())["image_shape"] == [60, 90]


def test_frames_through_a_classifier(classifier_file, coloured, tmp_path, capsys):
    for number in range(2):
        write_image(tmp_path / "frames" / f"{number}.png", coloured.load_image(number))
    arguments = [str(classifier_file[0]), f"play:{tmp_path / 'frames'}", "--frames", "4"]
    assert runtime(arguments) == 0
    assert "seen in all: 4 blue" in capsys.readouterr().out


# ---- bad input -------------------------------------------------------------------------------
def test_weights_of_another_family_are_refused_with_both_names(trained_detector, tmp_path):
    class Own(MobileConfig):
        NUM_CLASSES = 3
        IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128

    model = MaskRCNN("inference", Own(), tmp_path)
    with pytest.raises(WeightsError, match=r"'toy_detector'.*MaskRCNN is of 'mask_rcnn'"):
        model.load_weights(trained_detector[0])


def test_weights_of_another_task_are_refused_with_both_names(trained_classifier, tmp_path):
    model = ToyDetector("inference", ToyDetectorConfig(), tmp_path)
    with pytest.raises(WeightsError, match=r"\(for classification\).*\(for detection\)"):
        model.load_weights(trained_classifier[0])


@pytest.mark.parametrize("config", [MobileConfig, ToyClassifierConfig])
def test_a_config_of_another_family_is_refused_with_both_names(config, tmp_path):
    settings = config()
    settings.NUM_CLASSES = 3
    message = rf"'{config.family_name}'.*ToyDetector is of 'toy_detector'.*ToyDetectorConfig"
    with pytest.raises(ConfigError, match=message):
        ToyDetector("inference", settings, tmp_path)


def test_an_unknown_family_lists_the_known(trained_detector, tmp_path):
    path = tmp_path / "odd.h5"
    path.write_bytes(trained_detector[0].read_bytes())
    facts = json.loads(trained_detector[0].with_name("toy.h5.json").read_text())
    facts["family"] = "yolo"
    path.with_name("odd.h5.json").write_text(json.dumps(facts))
    with h5py.File(path, "a") as file:
        del file.attrs["maskdet_facts"]
    with pytest.raises(WeightsError, match=r"no family 'yolo'.*mask_rcnn.*toy_detector"):
        open_model(path)


def test_objects_are_no_classes_of_whole_images(rectangles, tmp_path):
    model = ToyClassifier("training", ToyClassifierConfig(), tmp_path)
    with pytest.raises(UsageError, match=r"BoxedRectangles.*one class an image"):
        model.train(rectangles, None, 0.01, 1, "heads")


def test_a_setting_that_the_family_lacks_is_refused(trained_classifier):
    with pytest.raises(UsageError, match="DETECTION_MIN_CONFIDENCE is no setting"):
        open_model(trained_classifier[0], DETECTION_MIN_CONFIDENCE=0.3)
