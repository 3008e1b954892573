"""The model of a pipeline.config: input, trunk, anchors, heads and what is reported."""

from typing import Any

from maskdet.backbones.registry import get_backbone
from maskdet.errors import ConfigError
from maskdet.models.ssd.anchors import TRUNK_STRIDES
from maskdet.models.ssd.pipeline_fields import Section, lacking, shortest
from maskdet.models.ssd.pipeline_fpn import has_pyramid, take_pyramid

# Channels of the API's maps behind the trunk, at a depth_multiplier of 1.
_EXTRA_CHANNELS = (512, 256, 256, 128)
_PREFIX, _ENDING = "ssd_", "_keras"
# What trunks of the API are called in the registry, before their width.
_TRUNKS = ("mobilenet_v1", "mobilenet_v2", "inception_v2")


def take_model(ssd: Section, config: Any) -> None:
    """Settings of ``model.ssd`` but for those of its loss.

    Raises:
        ConfigError: for a model that there is not here; names field and line.
    """
    classes = ssd.whole("num_classes")
    if classes < 1:
        raise ConfigError(
            f"{ssd.report.path}, line {ssd.line_of('num_classes')}: model.ssd.num_classes is "
            f"{classes}; give the number of classes in the label map."
        )
    config.NUM_CLASSES = classes + 1
    ssd.carried("num_classes", f"NUM_CLASSES = {classes + 1} (with the background)")
    _take_resizer(ssd.section("image_resizer"), config)
    extractor = ssd.section("feature_extractor")
    if has_pyramid(extractor):
        take_pyramid(ssd, config)
    else:
        maps = _take_anchors(ssd.section("anchor_generator"), config)
        _take_extractor(extractor, maps, config)
        _take_heads(ssd.section("box_predictor"), extractor, config)
    _take_box_coder(ssd.section("box_coder"), config)
    _take_matcher(ssd.section("matcher"), config)
    ssd.section("similarity_calculator").section("iou_similarity")
    _take_post_processing(ssd.section("post_processing"), config)
    frozen = ssd.flag("freeze_batchnorm")
    config.TRAIN_BN = False if frozen else None
    name = "freeze_batchnorm" if ssd.has("freeze_batchnorm") else ""
    ssd.carried(
        name,
        f"TRAIN_BN = {config.TRAIN_BN}: statistics of batch norms are "
        + ("kept" if frozen else "trained"),
    )


def _take_resizer(resizer: Section, config: Any) -> None:
    fixed = resizer.section("fixed_shape_resizer")
    kept = resizer.section("keep_aspect_ratio_resizer")
    if fixed.given:
        height, width = fixed.whole("height", 300), fixed.whole("width", 300)
        _set_sides(config, "stretch", max(height, width), max(height, width))
        text = f"IMAGE_RESIZE_MODE = 'stretch', IMAGE_MAX_DIM = {max(height, width)}"
        if height == width:
            fixed.carried("", text)
        else:
            fixed.nearest("", f"{text}: inputs are square here, not {height} x {width}")
        fixed.expect("photos are scaled with smoothing", resize_method="BILINEAR")
    elif kept.given:
        shortest_side = kept.whole("min_dimension", 600)
        longest = kept.whole("max_dimension", 1024)
        _set_sides(config, "corner", min(shortest_side, longest), longest)
        kept.nearest(
            "",
            f"IMAGE_RESIZE_MODE = 'corner', IMAGE_MIN_DIM = {config.IMAGE_MIN_DIM}, "
            f"IMAGE_MAX_DIM = {longest}: padded to a square of that side, in grey",
        )
        kept.expect("inputs have one size here", pad_to_max_dimension=True)
        kept.expect("photos are scaled with smoothing", resize_method="BILINEAR")
    else:
        raise lacking(
            resizer,
            "fixed_shape_resizer or keep_aspect_ratio_resizer",
            "it has no other way to make inputs",
        )


def _set_sides(config: Any, mode: str, shortest_side: int, longest: int) -> None:
    config.IMAGE_RESIZE_MODE = mode
    config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM = shortest_side, longest


def _take_anchors(generator: Section, config: Any) -> int:
    """Settings of the anchors; returns the number of maps that have some."""
    anchors = generator.section("ssd_anchor_generator")
    if not anchors.given:
        raise lacking(generator, "ssd_anchor_generator", "its SSD has no other anchors")
    ratios = anchors.numbers("aspect_ratios")
    if not ratios:
        raise lacking(anchors, "aspect_ratios", "give one or more, such as 1.0")
    if anchors.has("scales"):
        raise lacking(anchors, "min_scale and max_scale", "scales cannot be given one by one")
    maps = anchors.whole("num_layers", 6)
    sizes = anchors.number("min_scale", 0.2), anchors.number("max_scale", 0.95)
    between = anchors.number("interpolated_scale_aspect_ratio", 1.0)
    config.ANCHOR_SIZES, config.ANCHOR_RATIOS = sizes, tuple(ratios)
    config.ANCHOR_BETWEEN = between > 0
    config.ANCHOR_REDUCED = anchors.flag("reduce_boxes_in_lowest_layer", True)
    anchors.carried(
        "",
        f"ANCHOR_SIZES = {sizes}, ANCHOR_RATIOS = {config.ANCHOR_RATIOS}, ANCHOR_BETWEEN = "
        f"{config.ANCHOR_BETWEEN}, ANCHOR_REDUCED = {config.ANCHOR_REDUCED}",
    )
    if between > 0 and between != 1:
        anchors.nearest(
            "interpolated_scale_aspect_ratio", "ANCHOR_BETWEEN = True: the anchor between is square"
        )
    anchors.expect("sizes are shares of the shorter side", base_anchor_height=1.0)
    anchors.expect("sizes are shares of the shorter side", base_anchor_width=1.0)
    return maps


def _take_extractor(extractor: Section, maps: int, config: Any) -> None:
    kind = extractor.text("type")
    width = extractor.number("depth_multiplier", 1.0)
    trunk = kind.removeprefix(_PREFIX).removesuffix(_ENDING)
    name = trunk if width == 1 else f"{trunk}_{width:g}"
    line = extractor.line_of("type")
    if not kind.startswith(_PREFIX) or trunk not in _TRUNKS:
        raise ConfigError(
            f"{extractor.report.path}, line {line}: {extractor.name}.type is {kind!r}, for which "
            f"maskdet has no trunk; its SSD has {', '.join(_TRUNKS)} (as BACKBONE), of any width."
        )
    try:
        get_backbone(name)
    except ConfigError as error:
        raise ConfigError(
            f"{extractor.report.path}, line {extractor.line_of('depth_multiplier')}: "
            f"{extractor.name}.depth_multiplier is {width:g}; use one above 0 and up to 4."
        ) from error
    extractor.whole("num_layers")
    extras = maps - len(TRUNK_STRIDES)
    if not 0 <= extras <= len(_EXTRA_CHANNELS):
        raise ConfigError(
            f"{extractor.report.path}: ssd_anchor_generator.num_layers is {maps}, but {kind} has "
            f"{len(TRUNK_STRIDES)} to {len(TRUNK_STRIDES) + len(_EXTRA_CHANNELS)} maps; give as "
            "many."
        )
    least = extractor.whole("min_depth", 16)
    channels = tuple(max(int(depth * width), least) for depth in _EXTRA_CHANNELS[:extras])
    config.BACKBONE, config.EXTRA_CHANNELS = name, channels
    extractor.carried("type", f"BACKBONE = {name!r}")
    extractor.carried("", f"EXTRA_CHANNELS = {channels}")
    extractor.expect("sides are rounded up", pad_to_multiple=1.0)


def _take_heads(predictor: Section, extractor: Section, config: Any) -> None:
    heads = predictor.section("convolutional_box_predictor")
    if not heads.given:
        raise lacking(
            predictor, "convolutional_box_predictor", "its SSD has heads of their own on each map"
        )
    kernel = heads.whole("kernel_size", 1)
    separable, wide = heads.flag("use_depthwise"), extractor.flag("use_depthwise")
    config.HEAD_KERNEL, config.SEPARABLE_HEADS = (1 if kernel == 1 else 3), separable
    text = f"HEAD_KERNEL = {config.HEAD_KERNEL}"
    if kernel in (1, 3):
        heads.carried("kernel_size", text)
    else:
        heads.nearest("kernel_size", f"{text}: heads' windows are 1 or 3 wide")
    heads.carried("use_depthwise", f"SEPARABLE_HEADS = {separable}")
    if separable != wide:
        extractor.nearest(
            "use_depthwise",
            f"SEPARABLE_HEADS = {separable}: maps and heads are alike, and as the heads' "
            f"use_depthwise, {str(separable).lower()}, says",
        )
    dropout = heads.flag("use_dropout")
    keep = heads.number("dropout_keep_probability")
    if dropout:
        heads.dropped("use_dropout", f"heads have no dropout, so of keeping {keep:g} neither")
    none = "heads are a single convolution"
    heads.expect(none, min_depth=0, max_depth=0, num_layers_before_predictor=0)
    heads.expect("a box is four numbers", box_code_size=4)
    heads.expect("scores follow CLASS_LOSS", apply_sigmoid_to_scores=False)
    heads.expect("rare classes begin with a hundredth", class_prediction_bias_init=-4.6)


def _take_box_coder(coder: Section, config: Any) -> None:
    scales = coder.section("faster_rcnn_box_coder")
    if coder.given and not scales.given:
        raise lacking(coder, "faster_rcnn_box_coder", "boxes are coded as centre and size")
    names = ("y_scale", "x_scale", "height_scale", "width_scale")
    values = [scales.number(n, d) for n, d in zip(names, (10.0, 10.0, 5.0, 5.0), strict=True)]
    for name, value in zip(names, values, strict=True):
        if value <= 0:
            raise ConfigError(
                f"{scales.report.path}, line {scales.line_of(name)}: {scales.full(name)} is "
                f"{value:g}; give a number above 0."
            )
    config.BBOX_STD_DEV = tuple(shortest(1 / value) for value in values)
    if scales.given:
        scales.carried("", f"BBOX_STD_DEV = {config.BBOX_STD_DEV}")


def _take_matcher(matcher: Section, config: Any) -> None:
    argmax = matcher.section("argmax_matcher")
    if matcher.given and not argmax.given:
        matcher.nearest("", f"MATCH_IOU = {config.MATCH_IOU}: anchors learn what they overlap")
        return
    threshold = argmax.number("matched_threshold", 0.5)
    lower = argmax.number("unmatched_threshold", 0.5)
    config.MATCH_IOU = threshold
    argmax.carried("matched_threshold", f"MATCH_IOU = {threshold}")
    if lower != threshold:
        argmax.dropped(
            "unmatched_threshold", f"is {lower:g}, but all below MATCH_IOU is background here"
        )
    argmax.expect("MATCH_IOU always counts", ignore_thresholds=False)
    argmax.expect("what is below MATCH_IOU is background", negatives_lower_than_unmatched=True)
    if argmax.given and not argmax.flag("force_match_for_each_row"):
        argmax.nearest(
            "", "an object's best anchor is always its own here (force_match_for_each_row)"
        )


def _take_post_processing(post: Section, config: Any) -> None:
    nms = post.section("batch_non_max_suppression")
    for name, setting, default in (
        ("score_threshold", "DETECTION_MIN_CONFIDENCE", 0.0),
        ("iou_threshold", "DETECTION_NMS_THRESHOLD", 0.6),
    ):
        value = nms.number(name, default)
        if nms.has(name):
            setattr(config, setting, value)
            nms.carried(name, f"{setting} = {value}")
    most = nms.whole("max_total_detections", 100)
    each = nms.whole("max_detections_per_class", 100)
    config.DETECTION_MAX_INSTANCES = most
    nms.carried("max_total_detections", f"DETECTION_MAX_INSTANCES = {most}")
    if each < most:
        nms.dropped("max_detections_per_class", f"is {each}, but only the total is limited here")
    nms.expect("classes are suppressed each for itself", use_class_agnostic_nms=False)
