"""Guards: detect() takes any number of images of any size and answers in their own pixels."""

import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.errors import ConfigError, UsageError
from maskdet.geometry.placement import place
from maskdet.models.mask_rcnn.family import MaskRCNNFamily


@pytest.fixture(scope="module")
def detector(tmp_path_factory, make_config):
    folder = tmp_path_factory.mktemp("detector")
    return MaskRCNN(mode="inference", config=make_config(), model_dir=folder)


def pictures():
    rng = np.random.default_rng(0)
    shapes = [(120, 128), (300, 200), (64, 500), (128, 128), (20, 20)]
    return [rng.integers(0, 255, (*shape, 3), dtype=np.uint8) for shape in shapes]


def test_any_number_of_images_of_any_size(detector):
    images = pictures()
    results = detector.detect(images)
    assert len(results) == 5  # the batch size is 4
    for image, result in zip(images, results, strict=True):
        count = len(result["rois"])
        assert result["masks"].shape == (*image.shape[:2], count)
        assert result["masks"].dtype == bool and result["rois"].dtype == np.int32
        assert result["class_ids"].shape == result["scores"].shape == (count,)
        assert (np.diff(result["scores"]) <= 0).all()
        height, width = image.shape[:2]
        assert (result["rois"] >= 0).all() and (result["rois"] <= [height, width] * 2).all()


def test_an_image_alone_and_in_a_batch_gives_the_same(detector):
    images = pictures()
    together = detector.detect(images)[1]
    alone = detector.detect([images[1]])[0]
    np.testing.assert_allclose(together["scores"], alone["scores"], atol=1e-5)
    np.testing.assert_array_equal(together["class_ids"], alone["class_ids"])


def test_no_images_give_no_results(detector):
    assert detector.detect([]) == []


@pytest.mark.parametrize(
    "image", [np.zeros((5, 5, 7), np.uint8), np.zeros((0, 5, 3), np.uint8), "x"]
)
def test_what_is_no_image_is_refused_with_its_shape(detector, image):
    with pytest.raises(UsageError, match="H x W x 3.*shape"):
        detector.detect([image])


def test_grey_float_and_alpha_images_work(detector):
    image = pictures()[0]
    plain = detector.detect([np.repeat(image[..., :1], 3, axis=2)])[0]
    grey = detector.detect([image[..., 0]])[0]
    np.testing.assert_array_equal(plain["rois"], grey["rois"])
    with_alpha = np.concatenate([image, image[..., :1]], axis=2)
    detected = detector.detect([with_alpha, image.astype(np.float64)])
    np.testing.assert_array_equal(detected[0]["rois"], detected[1]["rois"])


def test_modes_are_not_mixed_up(detector, masked, tmp_path, make_config):
    with pytest.raises(UsageError, match="mode='training'"):
        detector.train(masked, None, 0.1, 1, "heads")
    with pytest.raises(UsageError, match="'trainig'"):
        MaskRCNN(mode="trainig", config=make_config(), model_dir=tmp_path)


def test_evaluation_gives_scores_between_0_and_1(detector, masked):
    result = detector.evaluate(masked, progress=False)
    for part in (result.box, result.mask):
        assert 0 <= part.ap <= part.ap50 <= 1
    assert 0 <= result.matterport_ap <= 1


def test_evaluating_another_set_of_classes_is_refused(detector, one_class):
    with pytest.raises(ConfigError, match="NUM_CLASSES = 2"):
        detector.evaluate(one_class)


def test_boxes_and_masks_return_through_the_placement(make_config):
    config = make_config()
    placement = place((100, 200), 128, 128)  # 64 x 128 in the middle of the canvas
    rows = np.zeros((1, 5, 6), np.float32)
    # The lower right quarter of the window: pixels 64..96 by 64..128 of the canvas.
    rows[0, 0] = [64 / 127, 64 / 127, 95 / 127, 127 / 127, 2, 0.9]
    masks = np.zeros((1, 5, 28, 28, 3), np.float32)
    masks[0, 0, :14, :, 2] = 1
    outputs = [rows, None, None, masks]
    names = ("BG", "red", "blue")
    (found,) = MaskRCNNFamily().decode(
        outputs, [placement], config, names, frozenset({"boxes", "masks"})
    )
    np.testing.assert_allclose(found.boxes, [[50, 100, 100, 200]], atol=0.9)
    assert found.names == ["blue"]
    mask = found.masks[..., 0]
    assert mask[55:70, 105:195].all() and not mask[80:].any() and not mask[:, :98].any()


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("IMAGE_MAX_DIM", 300, "64 does not divide.*320"),
        ("IMAGE_RESIZE_MODE", "strech", "square, corner, pad64, none, crop"),
        ("IMAGE_CHANNEL_COUNT", 4, "MEAN_PIXEL has 3 numbers for 4 channels"),
        ("ON_ERROR", "ignore", "'raise' or 'skip'"),
        ("RPN_ANCHOR_SCALES", (32, 64), "2 sizes for 4 levels"),
        ("NUM_CLASSES", 1, "counts the background"),
        ("OPTIMIZER", "adam", "'sgd' or 'adamw'"),
        ("BACKBONE", "efficientnet_lite", "efficientnet_lite0"),
        ("BACKBONE_STRIDES", [4, 8], "BACKBONE_STRIDES"),
    ],
)
def test_settings_that_do_not_fit_are_refused_when_the_model_is_made(
    tmp_path, make_config, setting, value, message
):
    with pytest.raises(ConfigError, match=message):
        MaskRCNN(mode="inference", config=make_config(**{setting: value}), model_dir=tmp_path)


def test_photos_without_any_object_are_no_trouble(make_config, tmp_path):
    """A photo in which nothing is found, alone in its batch: the mask head has nothing to do."""
    widths = {"TOP_DOWN_PYRAMID_SIZE": 24, "MASK_HEAD_CHANNELS": 40}
    config = make_config(DETECTION_MIN_CONFIDENCE=1.0, **widths)
    model = MaskRCNN(mode="inference", config=config, model_dir=tmp_path)
    [detections] = model.detections([np.zeros((64, 64, 3), np.uint8)])
    assert len(detections) == 0 and detections.masks.shape == (64, 64, 0)
