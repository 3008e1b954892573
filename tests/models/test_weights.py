"""Guards: weights come back as they were saved, and a file that does not fit is refused."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from maskdet import MaskRCNN, open_model
from maskdet.errors import MaskdetWarning, UsageError, WeightsError
from maskdet.models.weight_files import read_facts
from maskdet.training.layers import weighted_layers

HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]


def as_the_first_versions_wrote_it(source, target):
    """The weights alone: what is known of them stood in the JSON only."""
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "a") as file:
        del file.attrs["maskdet_facts"]


def weights_of(model):
    return {name: layer.get_weights() for name, layer in weighted_layers(model.keras_model)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory, make_config):
    folder = tmp_path_factory.mktemp("weights")
    model = MaskRCNN(mode="training", config=make_config(), model_dir=folder)
    model.class_names = ("BG", "red", "blue")
    model.save_weights(folder / "model.h5")
    return model, folder / "model.h5"


def test_an_inference_model_takes_all_weights_of_a_training_model(saved, tmp_path, make_config):
    model, path = saved
    other = MaskRCNN(mode="inference", config=make_config(SEED=5), model_dir=tmp_path)
    report = other.load_weights(path)
    assert report.unmatched == [] and report.excluded == []
    found, expected = weights_of(other), weights_of(model)
    assert found.keys() == expected.keys()
    for name, arrays in expected.items():
        for a, b in zip(arrays, found[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert other.class_names == ("BG", "red", "blue")


def test_excluded_layers_keep_their_values_and_every_layer_is_in_one_list(
    saved, tmp_path, make_config
):
    _, path = saved
    other = MaskRCNN(mode="training", config=make_config(NUM_CLASSES=7), model_dir=tmp_path)
    before = weights_of(other)
    report = other.load_weights(path, by_name=True, exclude=HEADS)
    assert set(report.excluded) == {"mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask"}
    np.testing.assert_array_equal(
        before["mrcnn_mask"][0], other.keras_model.get_layer("mrcnn_mask").get_weights()[0]
    )
    names = {layer.name for layer in other.keras_model.layers if layer.weights}
    assert sorted(report.loaded + report.excluded + report.unmatched) == sorted(names)


def test_class_names_of_the_old_set_go_with_the_layers_that_knew_them(saved, tmp_path, make_config):
    _, path = saved
    other = MaskRCNN(mode="inference", config=make_config(), model_dir=tmp_path)
    other.load_weights(path, exclude=HEADS)
    assert other.class_names == () and other.trained.class_names == ("BG", "class 1", "class 2")
    other.load_weights(path)
    assert other.class_names == ("BG", "red", "blue")
    more = MaskRCNN(mode="training", config=make_config(NUM_CLASSES=7), model_dir=tmp_path)
    more.load_weights(path, exclude=HEADS)
    assert more.class_names == ()


def test_excluding_what_the_network_has_not_is_said(saved, tmp_path, make_config):
    _, path = saved
    other = MaskRCNN(mode="inference", config=make_config(), model_dir=tmp_path)
    with pytest.warns(MaskdetWarning, match="exclude names mrcnn_boxes, which"):
        other.load_weights(path, exclude=["mrcnn_boxes", "mrcnn_bbox"])


def test_other_shapes_name_the_layer_and_both_shapes(saved, tmp_path, make_config):
    _, path = saved
    other = MaskRCNN(mode="training", config=make_config(NUM_CLASSES=7), model_dir=tmp_path)
    before = weights_of(other)
    expected = r"layer mrcnn_class_logits.*\(128, 3\) in the file and \(128, 7\) in the network"
    with pytest.raises(WeightsError, match=expected):
        other.load_weights(path, by_name=True)
    after = weights_of(other)
    for name, arrays in before.items():  # nothing was half-loaded
        assert all(np.array_equal(a, b) for a, b in zip(arrays, after[name], strict=True))


def test_a_file_without_some_layers_is_an_error_unless_by_name(saved, tmp_path, make_config):
    _, path = saved
    part = tmp_path / "part.h5"
    part.write_bytes(path.read_bytes())
    with h5py.File(part, "a") as file:
        names = [name for name in file.attrs["layer_names"] if b"mrcnn_mask" not in bytes(name)]
        file.attrs["layer_names"] = names
    other = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    with pytest.raises(WeightsError, match="lacks .* layers.*by_name=True"):
        other.load_weights(part)
    with pytest.warns(MaskdetWarning, match="they keep their values"):
        report = other.load_weights(part, by_name=True)
    assert "mrcnn_mask" in report.unmatched and "stage1_stem" in report.loaded


@pytest.mark.parametrize("content", [None, b"", b"no hdf5 file at all"])
def test_missing_and_damaged_files_are_named(tmp_path, make_config, content):
    path = tmp_path / "weights.h5"
    if content is not None:
        path.write_bytes(content)
    model = MaskRCNN(mode="training", config=make_config(), model_dir=tmp_path)
    with pytest.raises((WeightsError, FileNotFoundError), match="weights.h5"):
        model.load_weights(path)


def test_saving_into_a_folder_that_is_not_there_says_so(saved):
    model, path = saved
    with pytest.raises(UsageError, match="no folder"):
        model.save_weights(path.parent / "nowhere" / "model.h5")


def test_a_failed_save_leaves_the_old_file_whole(saved, monkeypatch):
    model, path = saved
    old = path.read_bytes()

    def full_disk(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full_disk)
    with pytest.raises((OSError, WeightsError)):
        model.save_weights(path)
    assert path.read_bytes() == old
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.h5", "model.h5.json"]


def test_the_json_beside_it_says_what_the_weights_are_for(saved):
    facts = json.loads(Path(f"{saved[1]}.json").read_text())
    assert facts["class_names"] == ["BG", "red", "blue"]
    assert (facts["family"], facts["task"]) == ("mask_rcnn", "detection")
    assert facts["outputs"] == ["boxes", "masks"] and facts["stage"] is None
    assert (
        facts["config"]["NUM_CLASSES"] == 3 and facts["config"]["BACKBONE"] == "efficientnet_lite0"
    )


@pytest.mark.parametrize(("has_masks", "outputs"), [(True, {"boxes", "masks"}), (False, {"boxes"})])
def test_weights_of_the_first_version_open_without_what_they_do_not_say(
    saved, tmp_path, make_config, has_masks, outputs
):
    """Their JSON says has_masks, and neither family, task, outputs nor stage."""
    path = tmp_path / "old.h5"
    as_the_first_versions_wrote_it(saved[1], path)
    facts = json.loads(Path(f"{saved[1]}.json").read_text())
    for name in ("family", "task", "outputs", "stage"):
        del facts[name]
    facts["has_masks"] = has_masks
    Path(f"{path}.json").write_text(json.dumps(facts))
    model = open_model(path)
    assert isinstance(model, MaskRCNN) and model.outputs == outputs
    assert model.class_names == ("BG", "red", "blue")
    assert open_model(path, min_score=0.25).config.DETECTION_MIN_CONFIDENCE == 0.25


def test_weights_alone_say_what_they_are(saved, tmp_path, make_config):
    path = tmp_path / "sent.h5"
    path.write_bytes(saved[1].read_bytes())
    model = open_model(path)
    assert model.class_names == ("BG", "red", "blue")
    assert tuple(model.config.RPN_ANCHOR_SCALES) == make_config().RPN_ANCHOR_SCALES


def test_the_json_of_an_older_file_of_the_name_does_not_count(saved, tmp_path):
    path = tmp_path / "newer.h5"
    path.write_bytes(saved[1].read_bytes())
    facts = json.loads(Path(f"{saved[1]}.json").read_text())
    facts.update(class_names=["BG", "green", "grey"], epoch=90)
    Path(f"{path}.json").write_text(json.dumps(facts))
    assert open_model(path).class_names == ("BG", "red", "blue")


def test_thousands_of_class_names_stand_in_the_file(tmp_path, make_config):
    names = ("BG", *(f"class number {i} of äll" for i in range(1, 3001)))
    model = MaskRCNN("training", make_config(), tmp_path)
    # More than the network has, which the attribute class_names would refuse.
    model.trained = model.trained.with_facts(class_names=names)
    model.save_weights(tmp_path / "many.h5")
    (tmp_path / "many.h5.json").unlink()
    assert tuple(read_facts(tmp_path / "many.h5")["class_names"]) == names


def test_weights_of_the_first_version_without_their_json_cannot_say_what_they_are(saved, tmp_path):
    path = tmp_path / "bare.h5"
    as_the_first_versions_wrote_it(saved[1], path)
    with pytest.raises(UsageError, match="bare.h5.json is missing or damaged; copy it along"):
        open_model(path)
