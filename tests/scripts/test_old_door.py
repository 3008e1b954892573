"""Promise: scripts written for matterport's mrcnn run, with only their import lines changed.

Each test is one kind of script. Networks are small; what they learn is judged elsewhere.
"""

import importlib
import json
import random
import sys
import types

import keras
import matplotlib
import numpy as np
import pytest
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskdet import Augmentation
from maskdet.errors import MaskdetWarning
from maskdet.mrcnn import model as modellib
from maskdet.mrcnn import utils, visualize
from maskdet.mrcnn.model import MaskRCNN, load_image_gt, log, mold_image
from maskdet.mrcnn.parallel_model import ParallelModel
from maskdet.mrcnn.utils import compute_ap
from tests.scripts.old_world import (
    SIDE,
    BlocksConfig,
    EveryOtherStep,
    InferenceConfig,
    blocks,
    same,
    weights_of,
    write_blocks,
)

HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_blocks(tmp_path_factory.mktemp("old") / "blocks")


@pytest.fixture(scope="module")
def coco_file(tmp_path_factory):
    """Weights of a network with other classes, as the COCO file is one."""

    class OtherConfig(BlocksConfig):
        NAME, NUM_CLASSES = "other", 1 + 7

    path = tmp_path_factory.mktemp("weights") / "mask_rcnn_other.h5"
    MaskRCNN(mode="training", config=OtherConfig(), model_dir="logs").save_weights(path)
    return path


@pytest.fixture(scope="module")
def trained(folder, coco_file, tmp_path_factory):
    """Scripts 1 and 2: the tutorial, then two more stages; the model and what was seen."""
    logs = tmp_path_factory.mktemp("logs")
    train_set, test_set = blocks(folder), blocks(folder, is_train=False)
    config = BlocksConfig()
    model = MaskRCNN(mode="training", model_dir=str(logs), config=config)
    model.load_weights(str(coco_file), by_name=True, exclude=HEADS)
    before = weights_of(model, "conv1", "res3a_branch2a", "res5a_branch2a", "bn5a_branch2a")
    rate = config.LEARNING_RATE
    model.train(train_set, test_set, learning_rate=rate, epochs=2, layers="heads")
    heads = weights_of(model, *before)
    history = dict(model.keras_model.history.history)
    model.train(train_set, test_set, learning_rate=rate / 10, epochs=3, layers="4+")
    upper = weights_of(model, *before)
    model.train(train_set, test_set, learning_rate=rate / 10, epochs=4, layers="all")
    return {
        "model": model,
        "logs": logs,
        "stages": [before, heads, upper, weights_of(model, *before)],
        "history": history,
    }


@pytest.fixture(scope="module")
def detector(trained):
    model = MaskRCNN(mode="inference", config=InferenceConfig(), model_dir=str(trained["logs"]))
    model.load_weights(model.find_last(), by_name=True)
    return model


@pytest.fixture(scope="module")
def test_set(folder):
    return blocks(folder, is_train=False)


def test_tutorial_training_leaves_the_backbone_alone(trained):
    before, heads, *_ = trained["stages"]
    assert same(before, heads)
    history = trained["history"]
    assert len(history["val_loss"]) == 2 and len(history["mrcnn_mask_loss"]) == 2
    assert history["loss"][1] < history["loss"][0]


def test_stages_train_what_their_word_says_up_to_a_total(trained):
    _, heads, upper, everything = trained["stages"]
    lower = ("conv1", "res3a_branch2a")
    assert same({n: heads[n] for n in lower}, {n: upper[n] for n in lower})
    assert not same({"x": heads["res5a_branch2a"]}, {"x": upper["res5a_branch2a"]})
    assert not same({"x": upper["conv1"]}, {"x": everything["conv1"]})
    # TRAIN_BN is False: statistics stay, also where everything trains.
    assert np.array_equal(everything["bn5a_branch2a"][2], heads["bn5a_branch2a"][2])
    assert trained["model"].epoch == 4
    folder = next(trained["logs"].glob("blocks_cfg2*"))
    names = sorted(path.name for path in folder.glob("*.h5"))
    assert names == [f"mask_rcnn_blocks_cfg_{epoch:04d}.h5" for epoch in range(1, 5)]


def test_training_goes_on_where_it_stopped(trained, folder, capsys):
    model = MaskRCNN(mode="training", config=BlocksConfig(), model_dir=str(trained["logs"]))
    last = model.find_last()
    assert last.endswith("mask_rcnn_blocks_cfg_0004.h5")
    model.load_weights(last, by_name=True)
    assert model.epoch == 4 and "Re-starting from epoch 4" in capsys.readouterr().out
    assert model.log_dir == str(next(trained["logs"].glob("blocks_cfg2*")))


@pytest.mark.parametrize("init_with", ["imagenet", "coco", "last"])
def test_the_switch_of_initial_weights(init_with, trained, coco_file, monkeypatch, tmp_path):
    model = MaskRCNN(mode="training", config=BlocksConfig(), model_dir=str(trained["logs"]))
    if init_with == "imagenet":
        trained["model"].save_weights(tmp_path / "resnet.h5")
        monkeypatch.setattr(modellib, "fetch_weights", lambda name: tmp_path / "resnet.h5")
        model.load_weights(model.get_imagenet_weights(), by_name=True)
    elif init_with == "coco":
        report = model.load_weights(str(coco_file), by_name=True, exclude=HEADS)
        assert set(report.excluded) >= {"mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask"}
        return
    else:
        model.load_weights(model.find_last(), by_name=True)
    names = ("conv1", "res5a_branch2a", "mrcnn_bbox_fc")
    assert same(weights_of(model, *names), weights_of(trained["model"], *names))


def test_one_image_is_detected_and_shown(detector, test_set):
    image = test_set.load_image(random.choice(test_set.image_ids))
    results = detector.detect([image], verbose=1)
    r = results[0]
    count = len(r["rois"])
    assert count > 0
    assert r["rois"].dtype == r["class_ids"].dtype == np.int32
    assert r["scores"].dtype == np.float32 and (np.diff(r["scores"]) <= 0).all()
    assert r["masks"].shape == (*image.shape[:2], count) and r["masks"].dtype == bool
    _, ax = matplotlib.pyplot.subplots(1)
    names = test_set.class_names
    visualize.display_instances(
        image, r["rois"], r["masks"], r["class_ids"], names, r["scores"], ax=ax
    )
    assert len(ax.patches) == count and len(ax.texts) == count
    matplotlib.pyplot.close("all")


def evaluate_model(dataset, model, cfg):
    aps = []
    for image_id in dataset.image_ids:
        image, _, gt_class_id, gt_bbox, gt_mask = load_image_gt(
            dataset, cfg, image_id, use_mini_mask=False
        )
        scaled_image = mold_image(image, cfg)
        sample = np.expand_dims(scaled_image, 0)
        yhat = model.detect(sample, verbose=0)
        r = yhat[0]
        assert r["masks"].shape[:2] == image.shape[:2]
        ap, _, _, _ = compute_ap(
            gt_bbox, gt_class_id, gt_mask, r["rois"], r["class_ids"], r["scores"], r["masks"]
        )
        truth, *_ = compute_ap(
            gt_bbox, gt_class_id, gt_mask, gt_bbox, gt_class_id, np.ones(len(gt_bbox)), gt_mask
        )
        assert truth == 1.0
        aps.append(ap)
    return np.mean(aps)


def test_the_tutorials_evaluation_loop(detector, test_set):
    assert 0.0 <= evaluate_model(test_set, detector, InferenceConfig()) <= 1.0


def color_splash(image, mask):
    gray = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    if mask.shape[-1] > 0:
        mask = np.sum(mask, -1, keepdims=True) >= 1
        return np.where(mask, image, gray).astype(np.uint8)
    return gray.astype(np.uint8)


def test_a_video_loop_with_colour_splash(detector, test_set):
    frames = [test_set.load_image(i)[..., ::-1] for i in test_set.image_ids]  # BGR, as OpenCV's
    for frame in frames:
        image = frame[..., ::-1]
        r = detector.detect([image], verbose=0)[0]
        splash = color_splash(image, r["masks"])
        inside = r["masks"].any(axis=2)
        assert (splash[inside] == image[inside]).all()
        outside = splash[~inside]
        assert (outside[:, 0] == outside[:, 1]).all()


def test_configs_for_inference(capsys):
    config = InferenceConfig()
    assert config.BATCH_SIZE == 1 and BlocksConfig().BATCH_SIZE == 2
    assert list(config.IMAGE_SHAPE) == [SIDE, SIDE, 3] and config.IMAGE_META_SIZE == 12 + 3
    config.IMAGES_PER_GPU = 3  # changed on an instance: had no effect once
    assert config.BATCH_SIZE == 3
    config.display()
    shown = capsys.readouterr().out
    assert "BATCH_SIZE" in shown and "NAME                           blocks_cfg" in shown


def test_keras_model_saves_and_loads_by_name(trained, tmp_path):
    path = str(tmp_path / "mask_rcnn_saved.h5")
    trained["model"].keras_model.save_weights(path)
    fresh = MaskRCNN(mode="inference", config=InferenceConfig(), model_dir=str(tmp_path))
    fresh.load_weights(path, by_name=True)
    names = ("conv1", "bn3a_branch2a", "fpn_p3", "mrcnn_class_conv1", "mrcnn_mask")
    assert same(weights_of(fresh, *names), weights_of(trained["model"], *names))
    other = MaskRCNN(mode="inference", config=InferenceConfig(), model_dir=str(tmp_path))
    other.keras_model.load_weights(path, by_name=True)
    assert same(weights_of(other, *names), weights_of(fresh, *names))


@pytest.mark.thorough
def test_callbacks_of_keras(folder, tmp_path):
    model = MaskRCNN(mode="training", config=BlocksConfig(), model_dir=str(tmp_path))
    mine = EveryOtherStep()
    path = str(tmp_path / "best.weights.h5")
    model.train(
        blocks(folder),
        blocks(folder, is_train=False),
        learning_rate=0.001,
        epochs=2,
        layers="heads",
        augmentation=Augmentation.preset("light"),
        custom_callbacks=[
            mine,
            keras.callbacks.ReduceLROnPlateau(patience=1),
            keras.callbacks.EarlyStopping(patience=5),
            keras.callbacks.ModelCheckpoint(path, save_weights_only=True),
        ],
    )
    # 2 epochs of 3 steps, each halving the rate; the optimizer is where scripts look for it.
    assert mine.rates[:2] == pytest.approx((0.0005, 0.00025)) and len(mine.rates) == 6
    assert float(model.keras_model.optimizer.lr) <= mine.rates[-1]
    assert len(model.keras_model.history.history["val_loss"]) == 2


class Fliplr:
    """What imgaug's augmenter of this name does, for a test without imgaug."""

    def to_deterministic(self):
        return self

    def augment_image(self, image, hooks=None):
        if hooks is not None and not hooks.activator([image], self, [], True):
            return image
        return np.ascontiguousarray(np.fliplr(image))


class Brighter(Fliplr):
    def augment_image(self, image, hooks=None):
        if hooks is not None and not hooks.activator([image], self, [], True):
            return image
        return np.clip(image.astype(int) + 20, 0, 255).astype(image.dtype)


def stand_in():
    module = types.ModuleType("imgaug")
    module.HooksImages = lambda activator: types.SimpleNamespace(activator=activator)
    return module


@pytest.mark.thorough
def test_augmenters_of_imgaug(folder, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "imgaug", stand_in())
    dataset, config = blocks(folder), BlocksConfig()
    plain = load_image_gt(dataset, config, 1)
    flipped = load_image_gt(dataset, config, 1, augmentation=Fliplr())
    assert (flipped[0] == np.fliplr(plain[0])).all() and (flipped[4] == np.fliplr(plain[4])).all()
    assert (flipped[3][:, 1] == SIDE - plain[3][:, 3]).all()
    brighter = load_image_gt(dataset, config, 1, augmentation=Brighter())
    assert brighter[0].mean() > plain[0].mean() and (brighter[4] == plain[4]).all()
    ours = load_image_gt(dataset, config, 1, augmentation=Augmentation(flip=1.0))
    assert np.abs(ours[4].astype(int) - np.fliplr(plain[4])).mean() < 0.01

    class OneStepConfig(BlocksConfig):
        STEPS_PER_EPOCH, VALIDATION_STEPS = 1, 0

    model = MaskRCNN(mode="training", config=OneStepConfig(), model_dir=str(tmp_path))
    history = model.train(
        dataset, None, 0.001, 1, "heads", Fliplr(), no_augmentation_sources=["other"]
    )
    assert np.isfinite(history["loss"]).all()


def build_coco_results(dataset, image_ids, rois, class_ids, scores, masks):
    results = []
    for image_id in image_ids:
        for i in range(rois.shape[0]):
            class_id, score = class_ids[i], scores[i]
            bbox = np.around(rois[i], 1)
            results.append(
                {
                    "image_id": image_id,
                    "category_id": dataset.get_source_class_id(class_id, "dataset"),
                    "bbox": [bbox[1], bbox[0], bbox[3] - bbox[1], bbox[2] - bbox[0]],
                    "score": float(score),
                    "segmentation": mask_utils.encode(np.asfortranarray(masks[:, :, i])),
                }
            )
    return results


def test_coco_evaluation(test_set, tmp_path, capsys):
    annotations, results, number = [], [], 1
    for image_id in test_set.image_ids:
        masks, class_ids = test_set.load_mask(image_id)
        boxes = utils.extract_bboxes(masks)
        scores = np.linspace(0.9, 0.8, len(boxes))
        found = build_coco_results(test_set, [int(image_id)], boxes, class_ids, scores, masks)
        results += found
        for entry in found:
            rle = {**entry["segmentation"], "counts": entry["segmentation"]["counts"].decode()}
            area = float(entry["bbox"][2] * entry["bbox"][3])
            annotations.append(
                {**entry, "id": number, "iscrowd": 0, "area": area, "segmentation": rle}
            )
            number += 1
    truth = {
        "images": [{"id": int(i), "height": 128, "width": 128} for i in test_set.image_ids],
        "annotations": json.loads(json.dumps(annotations, default=float)),
        "categories": [{"id": 1, "name": "red"}, {"id": 2, "name": "blue"}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    coco = COCO(str(tmp_path / "truth.json"))
    evaluation = COCOeval(coco, coco.loadRes(results), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[1] == pytest.approx(1.0)


def test_looking_inside_like_a_notebook(detector, test_set, capsys):
    image = test_set.load_image(0)
    network = detector.keras_model
    pillar = network.get_layer("ROI").output
    nms_node = detector.ancestor(pillar, "ROI/rpn_non_max_suppression:0")
    rpn = detector.run_graph(
        [image],
        [
            ("rpn_class", network.get_layer("rpn_class").output),
            ("pre_nms_anchors", detector.ancestor(pillar, "ROI/pre_nms_anchors:0")),
            ("refined_anchors", detector.ancestor(pillar, "ROI/refined_anchors:0")),
            ("clipped", detector.ancestor(pillar, "ROI/refined_anchors_clipped:0")),
            ("post_nms_anchor_ix", nms_node),
            ("proposals", pillar),
        ],
    )
    assert list(rpn) == [
        "rpn_class", "pre_nms_anchors", "refined_anchors", "clipped", "post_nms_anchor_ix",
        "proposals",
    ]  # fmt: skip
    assert rpn["clipped"].min() >= 0 and rpn["clipped"].max() <= 1
    first = rpn["clipped"][0, rpn["post_nms_anchor_ix"][:5]]
    np.testing.assert_allclose(first, rpn["proposals"][0, :5], atol=1e-6)
    mrcnn = detector.run_graph(
        [image],
        [
            ("probs", network.get_layer("mrcnn_class").output),
            ("logits", network.get_layer("mrcnn_class_logits").output),
            ("deltas", network.get_layer("mrcnn_bbox").output),
            ("masks", network.get_layer("mrcnn_mask").output),
            ("detections", network.get_layer("mrcnn_detection").output),
        ],
    )
    config = detector.config
    rois, classes = config.POST_NMS_ROIS_INFERENCE, config.NUM_CLASSES
    assert mrcnn["probs"].shape == mrcnn["logits"].shape == (1, rois, classes)
    assert mrcnn["deltas"].shape == (1, rois, classes, 4)
    assert mrcnn["masks"].shape == (1, config.DETECTION_MAX_INSTANCES, 28, 28, classes)
    assert mrcnn["detections"].shape == (1, config.DETECTION_MAX_INSTANCES, 6)
    assert "shape: (1, 30, 3)" in capsys.readouterr().out
    with pytest.warns(MaskdetWarning, match="keras_model.get_layer"):
        assert detector.ancestor(pillar, "ROI/no_such_thing:0") is None
    visualize.display_weight_stats(detector)
    assert "mrcnn_class_conv1" in capsys.readouterr().out


def test_training_data_like_a_notebook(folder, capsys):
    dataset, config = blocks(folder), BlocksConfig()
    shapes = modellib.compute_backbone_shapes(config, config.IMAGE_SHAPE)
    anchors = utils.generate_pyramid_anchors(
        config.RPN_ANCHOR_SCALES,
        config.RPN_ANCHOR_RATIOS,
        shapes,
        config.BACKBONE_STRIDES,
        config.RPN_ANCHOR_STRIDE,
    )
    generator = modellib.data_generator(
        dataset, config, shuffle=True, random_rois=40, batch_size=2, detection_targets=True
    )
    inputs, outputs = next(generator)
    images, metas, rpn_match, rpn_bbox, class_ids, boxes, masks, rpn_rois, rois = inputs
    mrcnn_class_ids, mrcnn_bbox, mrcnn_mask = outputs
    log("rois", rois)
    assert "rois" in capsys.readouterr().out
    assert images.shape == (2, SIDE, SIDE, 3) and rpn_match.shape == (2, len(anchors), 1)
    positive = np.where(rpn_match[0] == 1)[0]
    refined = utils.apply_box_deltas(
        anchors[positive], rpn_bbox[0, : len(positive)] * config.RPN_BBOX_STD_DEV
    )
    # The positive anchors, moved by their targets, are the objects.
    truth = boxes[0][class_ids[0] > 0]
    assert utils.compute_overlaps(refined, truth).max(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert rpn_rois.shape == (2, 40, 4) and mrcnn_mask.shape[2:] == (28, 28, 3)
    for row in np.flatnonzero(mrcnn_class_ids[0, :, 0] > 0):
        kind = int(mrcnn_class_ids[0, row, 0])
        delta = mrcnn_bbox[0, row, kind] * config.BBOX_STD_DEV
        moved = utils.apply_box_deltas(rois[0, row][None], delta[None])
        assert utils.compute_overlaps(moved, truth).max() == pytest.approx(1.0, abs=1e-3)
    assert parse(metas)["image_shape"][0].tolist() == [SIDE, SIDE, 3]


def parse(metas):
    return modellib.parse_image_meta(metas)


@pytest.mark.thorough
@pytest.mark.parametrize("channels", [1, 4])
def test_other_channel_counts(channels, folder, trained, tmp_path):
    class ChannelConfig(InferenceConfig):
        IMAGE_CHANNEL_COUNT = channels
        MEAN_PIXEL = np.full(channels, 110.0)
        STEPS_PER_EPOCH, VALIDATION_STEPS = 1, 0

    dataset = blocks(folder)
    whole = dataset.load_image

    def load_image(image_id):
        image = whole(image_id)
        return np.repeat(image.mean(axis=2, keepdims=True), channels, axis=2).astype(np.uint8)

    dataset.load_image = load_image
    path = str(tmp_path / "rgb.h5")
    trained["model"].save_weights(path)
    model = MaskRCNN(mode="training", config=ChannelConfig(), model_dir=str(tmp_path))
    model.load_weights(path, by_name=True, exclude=["conv1"])
    history = model.train(dataset, None, 0.001, 1, "all")
    assert np.isfinite(history["loss"]).all()
    model.save_weights(tmp_path / "done.h5")
    detector = MaskRCNN(mode="inference", config=ChannelConfig(), model_dir=str(tmp_path))
    detector.load_weights(tmp_path / "done.h5", by_name=True)
    image = load_image(1)
    assert detector.detect([image])[0]["masks"].shape[:2] == image.shape[:2]


def rle_encode(mask):
    flat = np.concatenate([[0], mask.T.flatten(), [0]])
    ends = np.where(np.diff(flat) != 0)[0] + 1
    ends[1::2] -= ends[::2]
    return " ".join(str(x) for x in ends)


def test_masks_for_a_submission(detector, test_set):
    r = detector.detect([test_set.load_image(1)])[0]
    order = np.argsort(r["scores"])[::-1] + 1
    numbered = np.max(r["masks"] * np.reshape(order, [1, 1, -1]), -1)
    lines = [rle_encode(np.where(numbered == o, 1, 0)) for o in order]
    covered = np.zeros(numbered.size, int)
    for line in lines:
        values = [int(v) for v in line.split()]
        for start, length in zip(values[::2], values[1::2], strict=True):
            covered[start - 1 : start - 1 + length] += 1
    assert covered.max() <= 1 and covered.sum() == (numbered > 0).sum() > 0


def test_every_way_to_import():
    for name in ("config", "model", "utils", "visualize", "parallel_model"):
        module = importlib.import_module(f"maskdet.mrcnn.{name}")
        assert module.__doc__
    assert modellib.utils is utils and utils.COCO_MODEL_URL.endswith("mask_rcnn_coco.h5")
    assert issubclass(modellib.MaskRCNN, object) and len(visualize.random_colors(3)) == 3


@pytest.mark.parametrize(
    ("mode", "shape"), [("pad64", (100, 120)), ("none", (128, 192)), ("crop", (128, 140))]
)
def test_resize_modes_detect_whole_images(mode, shape, trained, tmp_path):
    class ModeConfig(InferenceConfig):
        IMAGE_RESIZE_MODE = mode

    model = MaskRCNN(mode="inference", config=ModeConfig(), model_dir=str(tmp_path))
    model.load_weights(trained["model"].find_last(), by_name=True)
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    small = image[:128, :128]
    found = model.detect([image, small, image])
    for r, photo in zip(found, (image, small, image), strict=True):
        assert r["masks"].shape[:2] == photo.shape[:2]
        assert (r["rois"][:, 2:] <= photo.shape[:2]).all()
    np.testing.assert_array_equal(found[0]["rois"], found[2]["rois"])


def test_more_and_fewer_images_than_a_batch(trained, folder, tmp_path):
    class PairConfig(InferenceConfig):
        IMAGES_PER_GPU = 2

    model = MaskRCNN(mode="inference", config=PairConfig(), model_dir=str(tmp_path))
    model.load_weights(trained["model"].find_last(), by_name=True)
    dataset = blocks(folder)
    images = [dataset.load_image(i) for i in range(3)]
    together, alone = model.detect(images), [model.detect([image])[0] for image in images]
    for a, b in zip(together, alone, strict=True):
        # Equal scores may change places.
        rows = [np.column_stack([r["class_ids"], r["rois"]]) for r in (a, b)]
        rows = [row[np.lexsort(row.T[::-1])] for row in rows]
        assert len(rows[0]) == len(rows[1]) > 0
        assert np.abs(rows[0] - rows[1]).max() <= 1
    assert model.detect([]) == []


@pytest.mark.thorough
def test_training_by_batches_without_the_rpns_proposals(folder, tmp_path):
    class OutsideConfig(BlocksConfig):
        USE_RPN_ROIS = False
        USE_MINI_MASK = False
        POST_NMS_ROIS_TRAINING = 40

    config, dataset = OutsideConfig(), blocks(folder)
    model = MaskRCNN(mode="training", config=config, model_dir=str(tmp_path))
    model.set_trainable(r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)", verbose=0)
    model.compile(0.01, 0.9)
    generator = modellib.data_generator(dataset, config, batch_size=2, random_rois=40)
    before = weights_of(model, "conv1", "mrcnn_class_conv1")
    history = model.keras_model.fit(generator, steps_per_epoch=6, epochs=2, verbose=0)
    after = weights_of(model, "conv1", "mrcnn_class_conv1")
    assert np.array_equal(before["conv1"][0], after["conv1"][0])
    assert not np.array_equal(before["mrcnn_class_conv1"][0], after["mrcnn_class_conv1"][0])
    assert history.history["loss"][1] < history.history["loss"][0]
    assert history.history["mrcnn_mask_loss"][0] > 0
    inputs, outputs = next(generator)
    values = model.keras_model.predict(inputs, verbose=0)
    assert len(values) == 14 and values[7].shape == (2, 40, 4)


def test_a_parallel_model_gives_what_the_model_gives(detector, folder, tmp_path):
    dataset = blocks(folder)
    molded, metas, _ = detector.mold_inputs([dataset.load_image(0), dataset.load_image(1)])
    anchors = detector.get_anchors(molded.shape[1:])
    inputs = [molded.astype("f4"), metas.astype("f4"), np.stack([anchors, anchors])]
    parallel = ParallelModel(detector.keras_model, 2)
    alone = detector.keras_model.predict_on_batch(inputs)
    shared = parallel.predict_on_batch(inputs)
    assert [np.shape(x) for x in shared] == [np.shape(x) for x in alone]
    for number in (5, 6):  # rpn_class and rpn_bbox; later ones follow the order of equal scores
        np.testing.assert_allclose(np.asarray(shared[number]), np.asarray(alone[number]), atol=1e-4)
    for number in (0, 4):
        rows = [np.sort(np.asarray(x[number]), axis=1) for x in (shared, alone)]
        np.testing.assert_allclose(*rows, atol=1e-3)
    assert parallel.inner_model is detector.keras_model
    parallel.save_weights(str(tmp_path / "p.h5"))
    assert (tmp_path / "p.h5").stat().st_size > 10_000


def test_load_image_gt_names_masks_of_another_size(folder):
    class Shrunk(type(blocks(folder))):
        def load_image(self, image_id):
            return super().load_image(image_id)[::2, ::2]

    dataset = Shrunk()
    dataset.__dict__.update(blocks(folder).__dict__)
    with pytest.raises(
        ValueError, match=r"The masks of .* pixels \(height, width\), but the image"
    ):
        load_image_gt(dataset, BlocksConfig(), 1)
