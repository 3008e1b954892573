"""Guards: GPU_COUNT above 1 spreads a batch over devices, and says so where there are too few."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskdet import MobileConfig
from maskdet.errors import MaskdetWarning
from maskdet.training.devices import building_scope

ROOT = Path(__file__).resolve().parents[2]

# Two logical processors stand for two GPUs; they must be set up before TensorFlow starts.
TWO_DEVICES = """
import sys; sys.path.insert(0, "tests/models")
import maskdet, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from conftest import MaskedRectangles, SmallConfig
class TwoConfig(SmallConfig):
    GPU_COUNT, IMAGES_PER_GPU, STEPS_PER_EPOCH = 2, 2, 2
    EMA_DECAY, EVALUATE_EVERY = 0.9, 1
model = maskdet.MaskRCNN("training", TwoConfig(), sys.argv[1])
dataset = MaskedRectangles().fill(8)
history = model.train(dataset, dataset, 0.001, 1, "heads")
assert list(history["val_mask_ap"]) and model.best_path, history
parts = sum(history[name][0] for name in history if name.endswith("_loss") and "val" not in name)
print("RESULT", model.network.distribute_strategy.num_replicas_in_sync, history["loss"][0], parts)
"""


def test_too_few_devices_are_named():
    class ManyConfig(MobileConfig):
        GPU_COUNT = 64

    with pytest.warns(MaskdetWarning, match="GPU_COUNT is 64, but 0 can be used"):
        building_scope(ManyConfig())


@pytest.mark.slow
def test_two_devices_train_one_network(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    replicas, loss, parts = done.stdout.split("RESULT")[1].split()
    assert int(replicas) == 2
    assert float(loss) == pytest.approx(float(parts), rel=0.02)
