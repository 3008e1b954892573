"""How the TF Object Detection API calls the layers of its single-shot detectors."""

import re
from collections.abc import Iterable
from typing import NamedTuple

#: What its variables of the trunk and of the extra maps begin with, before the trunk's name.
EXTRACTOR = "FeatureExtractor/"
BASES = {
    "MobilenetV1": "mobilenet_v1",
    "MobilenetV2": "mobilenet_v2",
    "InceptionV2": "inception_v2",
}
#: A number and a kind, then the width: "..._1_Conv2d_2_1x1_256", "..._2_Conv2d_2_3x3_s2_512".
EXTRA = (
    r"(?:Conv2d_13_pointwise|layer_19|Mixed_5c)_([12])_Conv2d_(\d)_(?:1x1|3x3_s2)_\d+(_depthwise)?"
)
_HEAD = re.compile(r"BoxPredictor_(\d+)/(BoxEncoding|Class)Predictor(_depthwise)?")
#: Stage of each pair of MobileNetV1, of each block of MobileNetV2.
PAIR_STAGES = (1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5)
BLOCK_STAGES = (1, 2, 2, 3, 3, 3, *(4,) * 7, *(5,) * 4)
# Inception's blocks of plain convolutions and the two that halve the map.
_BRANCHES = (("0a_1x1",), ("0a_1x1", "0b_3x3"), ("0a_1x1", "0b_3x3", "0c_3x3"), ("0b_1x1",))
_HALVING = (("0a_1x1", "1a_3x3"), ("0a_1x1", "0b_3x3", "1a_3x3"))
_BLOCKS = ("3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c")
_HALVING_BLOCKS = ("4a", "5a")
#: Extra maps are counted on from the trunk's two, theirs from 2.
FIRST_EXTRA = 3


class Unit(NamedTuple):
    """One convolution.

    Attributes:
        ours: our layer's name.
        theirs: the API's, without what all names of the trunk begin with.
        kind: "plain", "depthwise", or "separable" (depthwise and 1 x 1 with nothing between them).
    """

    ours: str
    theirs: str
    kind: str = "plain"


def trunk_units(base: str) -> list[Unit]:
    """The convolutions of a trunk of :data:`BASES`, all of them with norms."""
    if base == "MobilenetV1":
        return _first_mobilenet()
    return _mobilenet() if base == "MobilenetV2" else _inception()


def _first_mobilenet() -> list[Unit]:
    units = [Unit("stage1_stem", "Conv2d_0")]
    for number, stage in enumerate(PAIR_STAGES, start=1):
        ours, theirs = f"stage{stage}_pair{number}", f"Conv2d_{number}"
        units.append(Unit(f"{ours}_depthwise", f"{theirs}_depthwise", "depthwise"))
        units.append(Unit(f"{ours}_pointwise", f"{theirs}_pointwise"))
    return units


def _mobilenet() -> list[Unit]:
    units = [Unit("stage1_stem", "Conv"), Unit("stage5_top", "Conv_1")]
    for number, stage in enumerate(BLOCK_STAGES):
        ours = f"stage{stage}_block{number}"
        theirs = f"expanded_conv_{number}" if number else "expanded_conv"
        if number:  # the first one widens nothing
            units.append(Unit(f"{ours}_expand", f"{theirs}/expand"))
        units.append(Unit(f"{ours}_depthwise", f"{theirs}/depthwise", "depthwise"))
        units.append(Unit(f"{ours}_project", f"{theirs}/project"))
    return units


def _inception() -> list[Unit]:
    units = [
        Unit("stage1_stem", "Conv2d_1a_7x7", "separable"),
        Unit("stage2_narrow", "Conv2d_2b_1x1"),
        Unit("stage2_wide", "Conv2d_2c_3x3"),
    ]
    for block in _BLOCKS:
        for number, convolutions in enumerate(_HALVING if block in _HALVING_BLOCKS else _BRANCHES):
            for index, convolution in enumerate(convolutions):
                ours = f"stage{block[0]}_mixed{block}_branch{number}_conv{index}"
                theirs = f"Mixed_{block}/Branch_{number}/Conv2d_{convolution}"
                units.append(Unit(ours, theirs))
    return units


def extra_units(names: Iterable[str]) -> list[Unit]:
    """The convolutions of the extra maps among names of the trunk's scope.

    They are found, not listed, because their names hold their widths.
    """
    units = []
    for name in sorted(set(names)):
        part = re.fullmatch(EXTRA, name)
        if part:
            ours = f"extra{int(part[2]) - 2 + FIRST_EXTRA}"
            if part[3]:
                units.append(Unit(f"{ours}_depthwise", name, "depthwise"))
            else:
                units.append(Unit(f"{ours}_{'narrow' if part[1] == '1' else 'wide'}", name))
    return units


def head_units(names: Iterable[str]) -> list[Unit]:
    """The convolutions of the heads among whole names; only depthwise ones have norms."""
    units = []
    for name in sorted(set(names)):
        part = _HEAD.fullmatch(name)
        if part:
            what = "deltas" if part[2] == "BoxEncoding" else "class_logits"
            ours = f"head{int(part[1]) + 1}_{what}{part[3] or ''}"
            units.append(Unit(ours, name, "depthwise" if part[3] else "plain"))
    return units
