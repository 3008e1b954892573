"""Promise: the stages of a network, each run alone with its own layers and weights, do together
what the network does; those of every family are found in its networks.
"""

import keras
import numpy as np
import pytest

from maskdet import SSD, YOLOX, Classifier, ClassifierConfig, MaskRCNN, SsdConfig, YoloxConfig
from maskdet.profiles import ProfileStage
from maskdet.profiling.stages import calls_by_stage, layer_calls
from tests.families.toy_classifier import ToyClassifier, ToyClassifierConfig
from tests.families.toy_detector import ToyDetector, ToyDetectorConfig
from tests.models.conftest import SmallConfig
from tests.models.single_shot import SmallSettings

BEFORE_MASKS = ["backbone", "neck", "RPN", "proposals", "RoI Align", "box head", "detections"]


class SmallSsd(SmallSettings, SsdConfig):
    pass


class SmallYolox(SmallSettings, YoloxConfig):
    pass


class SmallClassifier(ClassifierConfig):
    NUM_CLASSES = 3
    IMAGE_MAX_DIM = 64


FAMILIES = [
    pytest.param(
        MaskRCNN, SmallConfig, [*BEFORE_MASKS, "RoI Align, masks", "mask head"], id="mask_rcnn"
    ),
    pytest.param(SSD, SmallSsd, ["backbone", "extra maps", "heads", "detections"], id="ssd"),
    pytest.param(YOLOX, SmallYolox, ["backbone", "neck", "heads", "detections"], id="yolox"),
    pytest.param(Classifier, SmallClassifier, ["backbone", "head"], id="classifier"),
    pytest.param(
        ToyDetector, ToyDetectorConfig, ["backbone", "heads", "detections"], id="toy_detector"
    ),
    pytest.param(ToyClassifier, ToyClassifierConfig, ["backbone", "head"], id="toy_classifier"),
]


@pytest.mark.parametrize(("model_class", "config_class", "names"), FAMILIES)
def test_a_family_has_its_stages_and_every_layer_is_in_one(
    model_class, config_class, names, tmp_path
):
    model = model_class("inference", config_class(), tmp_path)
    parts = calls_by_stage(model.network, model.family.profile_stages)
    assert [part.stage.name for part in parts] == names
    found = [id(call.outputs[0]) for part in parts for call in part.calls]
    assert sorted(found) == sorted(id(call.outputs[0]) for call in layer_calls(model.network))
    # The backbone is the first stage whole, and holds nothing of the heads.
    backbone = {call.operation.name for call in parts[0].calls}
    heads = {call.operation.name for part in parts[1:] for call in part.calls}
    assert not backbone & heads
    trained = {layer.name for layer in model.network.layers if layer.weights}
    assert trained & backbone and trained & heads


def branching():
    """conv -> fpn_a -> detection, whose other input is conv's; and an output halfway. What stands
    behind conv and fpn_a is called after neither."""
    image = keras.Input((8, 8, 3), name="image")
    conv = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    relu = keras.ops.relu(conv)
    level = keras.layers.Conv2D(4, 1, name="fpn_a")(relu)
    level = keras.ops.sigmoid(level)
    last = keras.layers.Concatenate(name="detection")([level, relu])
    return keras.Model([image], [last, level])


STAGES = (
    ProfileStage("backbone"),
    ProfileStage("neck", "fpn_"),
    ProfileStage("unused", "nothing_of_that_name"),
    ProfileStage("boxes", "detection"),
)


def test_stages_one_after_another_give_what_the_network_gives():
    network = branching()
    parts = calls_by_stage(network, STAGES)
    assert [part.stage.name for part in parts] == ["backbone", "neck", "boxes"]
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype("f4")
    values = {id(network.inputs[0]): image}
    for part in parts:
        alone = part.network()
        outputs = alone([values[id(tensor)] for tensor in part.starts])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        values |= zip(map(id, part.ends), outputs, strict=True)
        own = {call.operation for call in part.calls}
        assert {layer for layer in alone.layers if layer.weights} <= own
    for tensor, expected in zip(network.outputs, network([image]), strict=True):
        np.testing.assert_array_equal(np.asarray(values[id(tensor)]), np.asarray(expected))
    # The boxes take the backbone's map past the neck.
    assert len(parts[2].starts) == 2 and len(parts[0].ends) == 1
