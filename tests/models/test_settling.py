"""Promise: a training of minutes gives a file that works: batch norms get their own statistics."""

import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.training.checkpoints import read_sidecar
from maskdet.training.loaders import make_loader
from maskdet.training.settling import settled
from maskdet.training.statistics import moving_layers, reestimate


def statistics(trained):
    return {
        layer.name: [np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)]
        for layer in moving_layers(trained.network)
    }


@pytest.fixture(scope="module")
def reestimated(tmp_path_factory, masked, make_config):
    config = make_config()
    model = MaskRCNN("inference", config, tmp_path_factory.mktemp("logs"))
    before = {v.path: np.asarray(v) for v in model.network.variables}
    loader = make_loader(model.family, config, masked)
    count = reestimate(model.trained, masked, loader, progress=False)
    return model, before, count, masked


def test_statistics_leave_their_first_values_and_nothing_else_moves(reestimated):
    model, before, count, _ = reestimated
    names = {layer.name for layer in moving_layers(model.network)}
    assert count == len(names) > 0
    assert all(name.startswith("mrcnn_") for name in names)  # the backbone's are frozen
    for variable in model.network.variables:
        value = np.asarray(variable)
        if "moving" in variable.path and "mrcnn" in variable.path:
            assert np.isfinite(value).all()
            assert not np.array_equal(value, before[variable.path]), variable.path
        else:
            np.testing.assert_array_equal(value, before[variable.path])


def test_every_batch_counts_the_same_so_a_second_time_changes_little(reestimated):
    model, _, _, masked = reestimated
    first = statistics(model.trained)
    loader = make_loader(model.family, model.config, masked)
    reestimate(model.trained, masked, loader, progress=False)
    for name, (mean, variance) in statistics(model.trained).items():
        scale = np.sqrt(first[name][1]).mean()
        assert np.abs(mean - first[name][0]).mean() < 0.3 * scale
        ratio = variance.mean() / first[name][1].mean()
        assert 0.5 < ratio < 2


def test_steps_are_counted_and_kept_with_the_weights(tmp_path, masked, make_config):
    config = make_config()
    config.STEPS_PER_EPOCH = 2
    model = MaskRCNN("training", config, tmp_path)
    assert model.steps == 0
    model.train(masked, None, 0.001, epochs=2, layers="mrcnn_class_logits")
    assert model.steps == 4
    model.save_weights(tmp_path / "a.h5")
    assert read_sidecar(tmp_path / "a.h5")["steps"] == 4
    other = MaskRCNN("inference", make_config(), tmp_path)
    other.load_weights(tmp_path / "a.h5")
    assert other.steps == 4
    # An export with a data set takes them anew, in a copy: the user's model stays as it is.
    before = statistics(other.trained)
    copy = settled(other.trained, masked, progress=False)
    after = statistics(copy)
    assert any(not np.array_equal(before[name][0], after[name][0]) for name in before)
    unchanged = statistics(other.trained)
    assert all(np.array_equal(before[name][0], unchanged[name][0]) for name in before)
    assert other.steps == 4
    # Photos alone have no objects to choose RoIs by.
    assert settled(other.trained, [masked.load_image(0)], progress=False) is other.trained
