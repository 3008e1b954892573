"""The feature pyramid of a pipeline.config: trunk, levels, anchors and shared heads."""

from typing import Any

from maskdet.backbones.efficientnet_lite import round_channels
from maskdet.errors import ConfigError
from maskdet.models.ssd.config import DEEPEST_STAGE
from maskdet.models.ssd.pipeline_fields import Section, lacking

_ENDING = "_fpn"
# The API's trunks under a pyramid, by their types; what each is called as BACKBONE.
_TRUNKS = {
    "ssd_mobilenet_v1": "mobilenet_v1",
    "ssd_mobilenet_v2": "mobilenet_v2",
    "ssd_resnet50_v1": "resnet50",
    "ssd_resnet101_v1": "resnet101",
}
_RESNETS = ("resnet50", "resnet101")
# Channels of MobileNetV2's last 1 x 1 convolution, and of TensorFlow 1's where it is depthwise.
_TOP_CHANNELS, _LIGHT_TOP_CHANNELS = 1280, 256


def has_pyramid(extractor: Section) -> bool:
    """Whether ``model.ssd.feature_extractor`` has a feature pyramid."""
    return _plain(extractor.text("type")).endswith(_ENDING)


def _plain(kind: str) -> str:
    return kind.removesuffix("_keras")


def take_pyramid(ssd: Section, config: Any) -> None:
    """Settings of ``model.ssd``'s extractor, anchors and heads.

    Raises:
        ConfigError: for what there is not here; names field and line.
    """
    extractor = ssd.section("feature_extractor")
    _take_levels(extractor, config)
    _take_anchors(ssd.section("anchor_generator"), config)
    separable = _take_heads(ssd.section("box_predictor"), config)
    light = extractor.flag("use_depthwise")
    if light != separable:
        extractor.nearest(
            "use_depthwise",
            f"SEPARABLE_HEADS = {separable}: pyramid and heads are alike, and as the heads' "
            f"use_depthwise, {str(separable).lower()}, says",
        )
    _take_trunk(extractor, light, config)


def _take_levels(extractor: Section, config: Any) -> None:
    fpn = extractor.section("fpn")
    levels = fpn.whole("min_level", 3), fpn.whole("max_level", 7)
    width, least = extractor.number("depth_multiplier", 1.0), extractor.whole("min_depth", 16)
    channels = max(int(fpn.whole("additional_layer_depth", 256) * width), least)
    config.FPN_LEVELS, config.FPN_CHANNELS = levels, channels
    (fpn if fpn.given else extractor).carried(
        "", f"FPN_LEVELS = {levels}, FPN_CHANNELS = {channels}"
    )
    multiple = extractor.whole("pad_to_multiple", 1)
    if multiple > 1 and config.IMAGE_MAX_DIM % multiple:
        extractor.dropped("pad_to_multiple", f"is {multiple}, but sides are as they are given")


def _take_trunk(extractor: Section, light: bool, config: Any) -> None:
    kind, width = extractor.text("type"), extractor.number("depth_multiplier", 1.0)
    trunk = _TRUNKS.get(_plain(kind).removesuffix(_ENDING), "")
    if not trunk or (trunk in _RESNETS and width != 1):
        wide = "" if width == 1 else f" with a depth_multiplier of {width:g}"
        raise ConfigError(
            f"{extractor.report.path}, line {extractor.line_of('type')}: {extractor.name}.type is "
            f"{kind!r}{wide}, for which maskdet has no trunk; under a feature pyramid it has those "
            f"of {', '.join(f'{name}{_ENDING}' for name in _TRUNKS)}."
        )
    if trunk in _RESNETS:
        own = extractor.flag("override_base_feature_extractor_hyperparams")
        hyperparams = extractor.section("conv_hyperparams")
        bounded = own and hyperparams.text("activation", "RELU") == "RELU_6"
        trunk = f"{trunk}_relu6" if bounded else trunk
        if bounded:
            hyperparams.carried("activation", f"BACKBONE = {trunk!r}")
    config.BACKBONE = trunk if width == 1 else f"{trunk}_{width:g}"
    extractor.carried("type", f"BACKBONE = {config.BACKBONE!r}")
    config.FPN_TOP_CHANNELS = 0
    if trunk == "mobilenet_v2" and config.FPN_LEVELS[1] >= DEEPEST_STAGE:
        slim = light and kind == _plain(kind)
        top = _LIGHT_TOP_CHANNELS if slim else _TOP_CHANNELS
        config.FPN_TOP_CHANNELS = round_channels(top * min(width, 1.0))
        extractor.carried("", f"FPN_TOP_CHANNELS = {config.FPN_TOP_CHANNELS}")
    if trunk == "mobilenet_v1" and light:
        extractor.nearest(
            "use_depthwise", "the trunk's last maps keep their channels, where theirs have 512, 256"
        )


def _take_anchors(generator: Section, config: Any) -> None:
    anchors = generator.section("multiscale_anchor_generator")
    if not anchors.given:
        raise lacking(
            generator, "multiscale_anchor_generator", "its feature pyramid has no other anchors"
        )
    levels = anchors.whole("min_level", 3), anchors.whole("max_level", 7)
    if levels != config.FPN_LEVELS:
        raise ConfigError(
            f"{anchors.report.path}, line {anchors.line}: {anchors.name} has the levels "
            f"{levels[0]} to {levels[1]}, but feature_extractor.fpn has {config.FPN_LEVELS[0]} to "
            f"{config.FPN_LEVELS[1]}; give the same."
        )
    ratios = anchors.numbers("aspect_ratios")
    if not ratios:
        raise lacking(anchors, "aspect_ratios", "give one or more, such as 1.0")
    config.ANCHOR_RATIOS = tuple(ratios)
    config.FPN_ANCHOR_SCALE = anchors.number("anchor_scale", 4.0)
    config.FPN_SCALES_PER_OCTAVE = anchors.whole("scales_per_octave", 2)
    anchors.carried(
        "",
        f"ANCHOR_RATIOS = {config.ANCHOR_RATIOS}, FPN_ANCHOR_SCALE = {config.FPN_ANCHOR_SCALE}, "
        f"FPN_SCALES_PER_OCTAVE = {config.FPN_SCALES_PER_OCTAVE}",
    )
    anchors.expect("anchors are shares of the input's sides", normalize_coordinates=True)


def _take_heads(predictor: Section, config: Any) -> bool:
    """Settings of the heads; returns whether they are depthwise."""
    heads = predictor.section("weight_shared_convolutional_box_predictor")
    if not heads.given:
        raise lacking(
            predictor,
            "weight_shared_convolutional_box_predictor",
            "levels of its feature pyramid share their heads",
        )
    count, depth = heads.whole("num_layers_before_predictor"), heads.whole("depth")
    if count and not depth:
        raise lacking(heads, "depth", "give the channels of the heads' convolutions, such as 128")
    config.FPN_HEAD_LAYERS = count
    heads.carried("num_layers_before_predictor", f"FPN_HEAD_LAYERS = {count}")
    if depth:
        config.FPN_HEAD_CHANNELS = depth
        heads.carried("depth", f"FPN_HEAD_CHANNELS = {depth}")
    shared, separable = heads.flag("share_prediction_tower"), heads.flag("use_depthwise")
    config.FPN_SHARED_TOWER, config.SEPARABLE_HEADS = shared, separable
    heads.carried("share_prediction_tower", f"FPN_SHARED_TOWER = {shared}")
    heads.carried("use_depthwise", f"SEPARABLE_HEADS = {separable}")
    kernel = heads.whole("kernel_size", 3)
    config.HEAD_KERNEL = 1 if kernel == 1 else 3
    if kernel in (1, 3):
        heads.carried("kernel_size", f"HEAD_KERNEL = {kernel}")
    else:
        heads.nearest("kernel_size", "HEAD_KERNEL = 3: heads' windows are 1 or 3 wide")
    if not heads.section("conv_hyperparams").has("batch_norm"):
        heads.nearest("conv_hyperparams", "heads have batch norms all the same")
    if heads.flag("use_dropout"):
        keep = heads.number("dropout_keep_probability", 0.8)
        heads.dropped("use_dropout", f"heads have no dropout, so of keeping {keep:g} neither")
    heads.expect("a box is four numbers", box_code_size=4)
    heads.expect("rare classes begin with a hundredth", class_prediction_bias_init=-4.6)
    return separable
