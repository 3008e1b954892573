"""Promise: the history of a training outlives being continued, and says everything of an epoch."""

import json
import math

import keras
import pytest

from maskdet.base_config import BaseConfig
from maskdet.errors import UsageError
from maskdet.training import logs
from maskdet.training.logs import HistoryFile, HistoryLines, read_history, read_lines
from maskdet.training.progress import EpochClock


def epochs(path, stage, first, *losses):
    history = HistoryFile(path, stage)
    for epoch, values in enumerate(losses, start=first):
        history.on_epoch_end(epoch - 1, values)  # Keras counts from 0


def test_a_row_for_each_epoch_counted_from_1(tmp_path):
    path = tmp_path / "history.csv"
    assert read_history(path) == []
    epochs(path, "heads", 1, {"loss": 0.123456789}, {"loss": 2})
    assert path.read_text() == "epoch,stage,loss\n1,heads,0.123457\n2,heads,2\n"


def test_an_epoch_trained_again_replaces_its_row_and_later_ones(tmp_path):
    path = tmp_path / "history.csv"
    epochs(path, "heads", 1, *({"loss": value} for value in (9, 8, 7, 6)))
    epochs(path, "all", 3, {"loss": 1})
    rows = [(row["epoch"], row["stage"], row["loss"]) for row in read_history(path)]
    assert rows == [("1", "heads", "9"), ("2", "heads", "8"), ("3", "all", "1")]


def test_later_stages_add_rows_and_columns(tmp_path):
    path = tmp_path / "history.csv"
    epochs(path, "heads", 1, {"loss": 3})
    epochs(path, "all", 2, {"loss": 2, "val_loss": 4})
    epochs(path, "4+", 3, {"loss": 1})
    assert path.read_text() == "epoch,stage,loss,val_loss\n1,heads,3,\n2,all,2,4\n3,4+,1,\n"


# ---- HistoryLines -----------------------------------------------------------------------------
@pytest.fixture
def lines(tmp_path):
    clock = EpochClock(4)
    callback = HistoryLines(tmp_path / "history.jsonl", "heads", clock)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.25), "mse")
    callback.set_model(model)

    def epoch(number, values):
        clock.on_epoch_begin(number - 1)
        for batch in range(3):
            clock.on_train_batch_end(batch)
        callback.on_epoch_end(number - 1, values)

    return tmp_path / "history.jsonl", epoch


def test_a_line_has_rate_time_and_speed_beside_the_values(lines):
    path, epoch = lines
    epoch(1, {"loss": 2.0, "val_ap": 0.25})
    [line] = read_lines(path)
    assert (line["epoch"], line["stage"]) == (1, "heads")
    assert (line["loss"], line["val_ap"], line["learning_rate"]) == (2.0, 0.25, 0.25)
    assert line["seconds"] >= 0 and line["images_per_second"] > 0


def test_a_line_of_an_epoch_trained_again_replaces_it_and_later_ones(lines):
    path, epoch = lines
    for number, loss in ((1, 9), (2, 8), (3, 7), (2, 1)):
        epoch(number, {"loss": loss})
    assert [(line["epoch"], line["loss"]) for line in read_lines(path)] == [(1, 9), (2, 1)]


def test_what_is_no_number_is_null_and_the_file_stays_json(lines):
    path, epoch = lines
    epoch(1, {"loss": 1.0, "val_ap": math.nan})
    text = path.read_text()
    assert json.loads(text, parse_constant=pytest.fail)["val_ap"] is None


# ---- TensorBoard ------------------------------------------------------------------------------
def test_tensorboard_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(logs.importlib.util, "find_spec", lambda name: None)
    config = BaseConfig()
    logs.check_tensorboard(config)
    config.TENSORBOARD = True
    with pytest.raises(UsageError, match=r"TENSORBOARD is True.*maskdet\[tensorboard\]"):
        logs.check_tensorboard(config)


def test_tensorboards_files_go_into_the_log_folder(tmp_path):
    callback = logs.tensorboard(tmp_path)
    assert isinstance(callback, keras.callbacks.TensorBoard)
    assert callback.log_dir == str(tmp_path) and not callback.write_graph
