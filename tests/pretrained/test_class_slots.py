"""Promise: slots of COCO's detectors keep their meaning."""

import re
from pathlib import Path

import numpy as np
import pytest

from maskdet.pretrained.class_slots import with_coco_classes
from maskdet.pretrained.coco_names import COCO_NAMES, COCO_SLOTS

LABELS = (
    Path(__file__).resolve().parents[2]
    / "../shared/weights/ssdlite_mobilenet_v2_coco_2018_05_09/mscoco_label_map.pbtxt"
)


def test_slots_are_the_ids_of_the_published_label_map():
    if not LABELS.is_file():
        pytest.skip("the published label map is not here")
    items = re.findall(r'id: (\d+)\s+display_name: "([^"]+)"', LABELS.read_text(encoding="utf-8"))
    published = {int(number): name for number, name in items}
    assert dict(zip(COCO_SLOTS[1:], COCO_NAMES[1:], strict=True)) == published


def test_each_anchors_own_slots_are_picked():
    bias = np.arange(2 * 91, dtype="f4")  # two anchors
    kernel = np.stack([bias, bias + 1000])[None, None]  # (1, 1, 2, 182)
    deltas = [np.zeros(3, "f4")]
    layers, count = with_coco_classes(
        {"head1_class_logits": [kernel, bias], "head1_deltas": deltas}
    )
    assert count == 81
    wanted = [*COCO_SLOTS, *(91 + slot for slot in COCO_SLOTS)]
    np.testing.assert_array_equal(layers["head1_class_logits"][1], wanted)
    np.testing.assert_array_equal(layers["head1_class_logits"][0][0, 0, 1], np.add(wanted, 1000))
    assert layers["head1_deltas"] is deltas
