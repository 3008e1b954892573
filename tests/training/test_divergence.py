"""Promise: a training that diverges leaves whole checkpoints and a network that can train on."""

import keras
import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.errors import UsageError

LAYER = "mrcnn_class_logits"


class Poison(keras.callbacks.Callback):
    """Makes a weight no number in the second epoch, before its step or after it."""

    def __init__(self, moment):
        super().__init__()
        self.moment, self.epoch = moment, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.put(self.moment == "before")

    def on_train_batch_end(self, batch, logs=None):
        self.put(self.moment == "after")

    def put(self, now):
        if now and self.epoch == 1:
            bias = self.model.get_layer(LAYER).bias
            bias.assign(np.full(bias.shape, np.nan))


@pytest.mark.parametrize(
    ("moment", "decay", "said"),
    [("before", 0.9, "mrcnn_class_loss is not a finite number in step 2"), ("after", 0.0, LAYER)],
)
def test_what_diverges_goes_back_to_its_last_checkpoint(
    masked, make_config, tmp_path, moment, decay, said
):
    config = make_config(BACKBONE="mobilenet_v2_0.5", STEPS_PER_EPOCH=1, EMA_DECAY=decay)
    model = MaskRCNN("training", config, tmp_path)
    with pytest.raises(UsageError, match=f"diverged: {said}") as caught:
        model.train(masked, None, 0.001, 3, LAYER, custom_callbacks=[Poison(moment)])
    [checkpoint] = tmp_path.rglob("*.h5")
    assert checkpoint.name.endswith("_0001.h5") and f"of {checkpoint} again" in str(caught.value)
    assert model.epoch == 1

    again = MaskRCNN("training", config, tmp_path)
    again.load_weights(checkpoint)
    pairs = zip(model.network.get_weights(), again.network.get_weights(), strict=True)
    for ours, saved in pairs:
        np.testing.assert_array_equal(ours, saved)
    losses = model.train(masked, None, 0.0005, 2, LAYER)
    assert np.isfinite(losses["loss"]).all() and model.epoch == 2
