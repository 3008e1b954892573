"""How the TF Object Detection API calls the variables of its single-shot detectors in TensorFlow 2.

As its own classes name them (``keras_models``, ``feature_map_generators``,
``convolutional_keras_box_predictor``); what stands before a name, such as the extractor's scope, is
passed over.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from maskdet.pretrained.detection_names import BLOCK_STAGES, EXTRA, FIRST_EXTRA, PAIR_STAGES

#: A layer of each trunk that no other has, and what the trunk is called in our registry. Detectors
#: on ResNets bound their activations.
TRUNKS = {
    "block_1_expand": "mobilenet_v2",
    "conv_pw_1": "mobilenet_v1",
    "conv4_block23_1_conv": "resnet101_relu6",
    "conv2_block1_1_conv": "resnet50_relu6",
}
#: Our layer with a width of its own, and its channels at width 1.
WIDTH_LAYERS = {
    "mobilenet_v1": ("stage4_pair11_pointwise", 512),
    "mobilenet_v2": ("stage5_block16_project", 320),
}
_BRANCHES = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}
_DEEPEST = 5
_PARTS = "kernel|depthwise_kernel|pointwise_kernel|bias|gamma|beta|moving_mean|moving_variance"
#: Variables that may be a detector's, among an optimizer's and others.
WANTED = rf"(?:.*/)?[^/]+/(?:{_PARTS})"


class Place(NamedTuple):
    """Where a variable goes: our layer's name, and the part of its weights."""

    layer: str
    part: str


class Levels(NamedTuple):
    """What the numbers of a pyramid's layers mean.

    Attributes:
        projections: levels of the trunk.
        coarse: numbers in the names of the convolutions behind the trunk's levels, in order.
    """

    projections: int
    coarse: tuple[int, ...]

    @property
    def finest(self) -> int:
        """The finest level."""
        return _DEEPEST + 1 - self.projections

    @property
    def coarsest(self) -> int:
        """The coarsest level."""
        return _DEEPEST + len(self.coarse)


def pyramid_levels(names: Iterable[str]) -> Levels:
    """The levels that variables' names tell of."""
    names = list(names)
    projections = {match[1] for match in map(_PROJECTION.search, names) if match}
    coarse = {int(match[1]) for match in map(_COARSE.search, names) if match}
    return Levels(len(projections), tuple(sorted(coarse)))


def place_of(name: str, trunk: str, levels: Levels) -> Place | None:
    """Where a variable of a detector on a trunk of :data:`TRUNKS` goes; None for any other."""
    layer, _, part = name.rpartition("/")
    plain = re.sub("^.*_kernel", "kernel", part)
    for pattern, rename in (*_TRUNK_RULES[trunk], *_RULES):
        match = re.search(rf"(?:^|/){pattern}$", layer)
        if match:
            ours = rename(match, levels)
            if ours.endswith("?"):  # one layer there, a depthwise and a 1 x 1 one here
                ours = ours[:-1] + ("_depthwise" if part == "depthwise_kernel" else "")
            return Place(ours, plain)
    return None


# ---- trunks ------------------------------------------------------------------------------------
_Match = re.Match[str]
_Rename = Callable[[_Match, Levels], str]


def _block(match: _Match, _: Levels) -> str:
    number = int(match[1] or 0)
    return f"stage{BLOCK_STAGES[number]}_block{number}_{match[2]}"


def _pair(match: _Match, _: Levels) -> str:
    number = int(match[2])
    kind = "depthwise" if match[1] == "dw" else "pointwise"
    return f"stage{PAIR_STAGES[number - 1]}_pair{number}_{kind}"


def _top(match: _Match, levels: Levels) -> str:
    return "fpn5_top" if levels.projections else "stage5_top"


def _branch(match: _Match, _: Levels) -> str:
    kind = "res" if match[4] == "conv" else "bn"
    letter = chr(ord("a") + int(match[2]) - 1)
    return f"{kind}{match[1]}{letter}_branch{_BRANCHES[match[3]]}"


# ---- pyramids ----------------------------------------------------------------------------------
def _lateral(match: _Match, levels: Levels) -> str:
    return f"fpn{levels.finest + int(match[1]) - 1}_lateral"


def _smooth(match: _Match, levels: Levels) -> str:
    return f"fpn{levels.finest + int(match[1]) - 1}_smooth?"


def _coarse(match: _Match, levels: Levels) -> str:
    return f"fpn{_DEEPEST + 1 + levels.coarse.index(int(match[1]))}_coarse?"


_TOWERS = {"PredictionTower": "", "BoxPredictionTower": "deltas_"}


def _tower(match: _Match, _: Levels) -> str:
    return f"head0_{_TOWERS.get(match[1], 'class_logits_')}conv{int(match[2]) + 1}?"


def _tower_norm(match: _Match, levels: Levels) -> str:
    tower = _TOWERS.get(match[1], "class_logits_")
    return f"head{levels.finest + int(match[3])}_{tower}norm{int(match[2]) + 1}"


# ---- heads of their own on each map ------------------------------------------------------------
def _extra(match: _Match, _: Levels) -> str:
    ours = f"extra{int(match[2]) - 2 + FIRST_EXTRA}"
    return f"{ours}_depthwise" if match[3] else f"{ours}_{'narrow' if match[1] == '1' else 'wide'}"


def _own_head(match: _Match, _: Levels) -> str:
    what = "deltas" if match[1] == "Box" else "class_logits"
    return f"head{int(match[2]) + 1}_{what}{match[3] or ''}"


def _named(ours: str) -> _Rename:
    return lambda match, levels: ours


_PROJECTION = re.compile(r"(?:^|/)top_down/projection_(\d+)(?:$|/)")
_COARSE = re.compile(r"(?:^|/)bottom_up_(?:Conv2d_|block)(\d+)_")
_TOWER = r"((?:Box|Class)?PredictionTower)/conv2d_(\d+)"
_SHARED = "WeightSharedConvolutional"
_TRUNK_RULES: dict[str, tuple[tuple[str, _Rename], ...]] = {
    "mobilenet_v1": (
        (r"conv1(?:_bn)?", _named("stage1_stem")),
        (r"conv_(dw|pw)_(\d+)(?:_bn)?", _pair),
    ),
    "mobilenet_v2": (
        (r"(?:bn_)?Conv1", _named("stage1_stem")),
        (r"(?:expanded_conv|block_(\d+))_(expand|depthwise|project)(?:_BN)?", _block),
        (r"Conv_1(?:_bn)?", _top),
    ),
}
for _name in ("resnet50_relu6", "resnet101_relu6"):
    _TRUNK_RULES[_name] = (
        (r"conv1_conv", _named("conv1")),
        (r"conv1_bn", _named("bn_conv1")),
        (r"conv(\d)_block(\d+)_([0-3])_(conv|bn)", _branch),
    )
_RULES: tuple[tuple[str, _Rename], ...] = (
    (r"top_down/projection_(\d+)", _lateral),
    (r"smoothing_(\d+)_(?:conv|depthwise_conv|batchnorm)", _smooth),
    (r"bottom_up_(?:Conv2d_|block)(\d+)_(?:conv|depthwise_conv|batchnorm)", _coarse),
    (_TOWER, _tower),
    (rf"{_TOWER}/BatchNorm/feature_(\d+)", _tower_norm),
    (rf"{_SHARED}BoxHead/BoxPredictor", _named("head0_deltas?")),
    (rf"{_SHARED}ClassHead/ClassPredictor", _named("head0_class_logits?")),
    (rf"{EXTRA}_(?:conv|batchnorm)", _extra),
    (
        r"Convolutional(Box|Class)Head_(\d+)/(?:BoxEncoding|Class)Predictor"
        r"(?:(_depthwise)(?:_batchnorm)?)?",
        _own_head,
    ),
)
