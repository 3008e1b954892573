"""Guards: training in stages trains what it says, can be stopped and continued, and says so."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.data.requirements import largest_count
from maskdet.errors import ConfigError, UsageError
from maskdet.training.checkpoints import find_last
from maskdet.training.layers import weighted_layers
from maskdet.training.logs import read_history
from tests.models.conftest import MaskedRectangles


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.keras_model)}


def changed(before, after):
    return {
        name
        for name in before
        if not all(np.array_equal(a, b) for a, b in zip(before[name], after[name], strict=True))
    }


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory, masked, make_config):
    folder = tmp_path_factory.mktemp("logs")
    model = MaskRCNN(mode="training", config=make_config(), model_dir=folder)
    start = weights_of(model)
    heads = model.train(masked, masked, 0.002, epochs=1, layers="heads")
    middle = weights_of(model)
    model.train(masked, None, 0.001, epochs=2, layers="all")
    return model, folder, start, middle, weights_of(model), heads


def test_heads_train_and_the_backbone_stays_bit_equal(two_stages):
    _, _, start, middle, _, _ = two_stages
    moved = changed(start, middle)
    assert {"mrcnn_class_logits", "mrcnn_mask", "rpn_class_raw", "fpn_c5p5"} <= moved
    assert not {name for name in moved if name.startswith("stage")}


def test_all_trains_the_backbone_but_not_the_frozen_statistics(two_stages):
    model, _, _, middle, after, _ = two_stages
    moved = changed(middle, after)
    assert "stage1_stem" in moved and "mrcnn_class_logits" in moved
    for name, layer in weighted_layers(model.keras_model):
        for index, variable in enumerate(layer.weights):
            if "moving" in variable.name and name.startswith("stage"):
                assert np.array_equal(middle[name][index], after[name][index]), name


def test_history_names_the_five_losses_and_their_validation(two_stages):
    heads = two_stages[-1]
    for name in ["loss", "rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss"]:
        assert np.isfinite(heads[name]).all() and np.isfinite(heads[f"val_{name}"]).all()
    assert heads["mrcnn_mask_loss"][0] > 0 and heads["mrcnn_bbox_loss"][0] >= 0


def test_checkpoints_and_logs_are_named_as_in_matterport(two_stages):
    model, folder, *_ = two_stages
    last = Path(model.find_last())
    assert last.name == "mask_rcnn_small_0002.h5" and last.parent == Path(model.log_dir)
    assert last.parent.name.startswith("small20") and last == find_last(
        folder, "mask_rcnn", model.config
    )
    facts = json.loads(Path(f"{last}.json").read_text())
    assert facts["epoch"] == 2 and facts["class_names"] == ["BG", "red", "blue"]
    rows = read_history(last.parent / "history.csv")
    assert [(row["epoch"], row["stage"]) for row in rows] == [("1", "heads"), ("2", "all")]


def test_training_continues_from_the_last_checkpoint_at_its_epoch(two_stages, masked, make_config):
    model, folder, *_ = two_stages
    again = MaskRCNN(mode="training", config=make_config(), model_dir=folder)
    report = again.load_weights(model.find_last(), by_name=True)
    assert not report.unmatched and not report.excluded
    assert again.epoch == 2 and again.log_dir == model.log_dir
    assert not changed(weights_of(model), weights_of(again))
    with pytest.raises(UsageError, match="2 epochs are done.*more than 2"):
        again.train(masked, None, 0.001, epochs=2, layers="heads")


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


def test_an_interrupt_leaves_the_last_epochs_checkpoint_and_no_half_file(
    tmp_path, masked, make_config
):
    model = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        model.train(masked, None, 0.002, 3, "heads", custom_callbacks=[Interrupt()])
    files = sorted(path.name for path in Path(model.log_dir).iterdir())
    assert [name for name in files if name.endswith(".h5")] == ["mask_rcnn_small_0001.h5"]
    assert not [name for name in files if name.startswith(".part")]
    again = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    again.load_weights(again.find_last())
    assert again.epoch == 1


def mask_layers(names):
    return {name for name in names if name.startswith("mrcnn_mask")}


def test_a_set_of_boxes_teaches_its_mask_head(tmp_path, boxed, make_config):
    model = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    before = weights_of(model)
    history = model.train(boxed, boxed, 0.002, epochs=1, layers="heads")
    assert 0 < history["mrcnn_mask_loss"][0] < 9 and 0 < history["val_mrcnn_mask_loss"][0] < 9
    assert {"mrcnn_mask", "mrcnn_mask_deconv"} <= changed(before, weights_of(model))
    assert model.has_masks is True
    detector = MaskRCNN(mode="inference", config=make_config(), model_dir=tmp_path)
    detector.load_weights(model.find_last())
    assert detector.has_masks is True


def test_a_set_of_boxes_leaves_the_mask_head_alone_where_that_is_asked_for(
    tmp_path, boxed, make_config
):
    model = MaskRCNN(
        mode="training", config=make_config(MASK_SUPERVISION="none"), model_dir=tmp_path
    )
    before = weights_of(model)
    history = model.train(boxed, None, 0.002, epochs=1, layers="heads")
    assert "mrcnn_mask_loss" not in history
    moved = changed(before, weights_of(model))
    assert "mrcnn_bbox_fc" in moved and not mask_layers(moved)
    assert model.has_masks is False


@pytest.mark.thorough
def test_masks_and_boxes_side_by_side_teach_one_head(tmp_path, make_config):
    """Of every second object the outline is known."""

    class Mixed(MaskedRectangles):
        def load_outlined(self, image_id):
            return np.arange(len(self.image_info[image_id]["rows"])) % 2 == 0

    losses = []
    for rule, weight in (("auto", 1.0), ("auto", 0.0), ("masks", 1.0)):
        config = make_config(
            MASK_SUPERVISION=rule,
            MASK_BOX_LOSS_WEIGHTS=dict.fromkeys(("projection", "outside", "refined"), weight),
            STEPS_PER_EPOCH=1,
        )
        model = MaskRCNN(mode="training", config=config, model_dir=tmp_path / f"{len(losses)}")
        history = model.train(Mixed().fill(8), None, 0.002, epochs=1, layers="heads")
        losses.append(history["mrcnn_mask_loss"][0])
    # What boxes say comes on top of what outlines say, and goes with its weights.
    assert 0 < losses[1] < losses[0] - 0.1
    assert losses[2] == pytest.approx(losses[1], abs=0.1)


@pytest.mark.thorough
def test_one_class_and_images_without_objects_train(tmp_path, one_class, make_config):
    model = MaskRCNN(
        mode="training", config=make_config(NUM_CLASSES=2, OPTIMIZER="sgd"), model_dir=tmp_path
    )
    history = model.train(one_class, None, 0.001, epochs=1, layers="heads")
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"layers": "haeds"}, UsageError, "'haeds' matches no layer.*'heads', '3\\+'"),
        ({"layers": "(mrcnn"}, UsageError, "neither one of 'heads'.*regular expression"),
        ({"epochs": 0}, UsageError, "epochs is the total"),
    ],
    ids=["unknown word", "broken expression", "no epochs"],
)
def test_wrong_calls_say_what_to_do(tmp_path, masked, make_config, arguments, kind, message):
    model = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    call = {"learning_rate": 0.001, "epochs": 1, "layers": "heads"} | arguments
    with pytest.raises(kind, match=message):
        model.train(masked, None, **call)


def test_classes_must_fit_the_config(tmp_path, one_class, make_config):
    model = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    with pytest.raises(ConfigError, match="NUM_CLASSES is 3.*2 classes.*NUM_CLASSES = 2"):
        model.train(one_class, None, 0.001, 1, "heads")


def test_targets_are_padded_to_what_the_set_needs(masked, boxed):
    assert largest_count(masked, 50) == 3
    assert largest_count(boxed, 50) == 3
    assert largest_count(masked, 2) == 2


def test_no_log_folder_and_no_checkpoint_are_told_apart(tmp_path, make_config):
    config = make_config()
    with pytest.raises(FileNotFoundError, match="no log folder that begins with 'small'"):
        find_last(tmp_path, "mask_rcnn", config)
    (tmp_path / "small20260101T0000").mkdir()
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        find_last(tmp_path, "mask_rcnn", config)
