"""The training of a pipeline.config: loss, batches, optimizer, augmentation."""

from typing import Any

from maskdet.base_config import BaseConfig
from maskdet.data.formats.text_proto import Message
from maskdet.models.ssd.pipeline_fields import Section
from maskdet.models.ssd.pipeline_rates import take_rate

_LOSSES = {
    "weighted_sigmoid": "sigmoid",
    "weighted_softmax": "softmax",
    "weighted_sigmoid_focal": "focal",
}
# The score_converter that goes with each loss.
_SCORES = {"sigmoid": "SIGMOID", "focal": "SIGMOID", "softmax": "SOFTMAX"}
# Numbers of a box: what normalize_loc_loss_by_codesize divides by.
_CODE_SIZE = 4
_BARE = frozenset({"random_horizontal_flip"})
_STRONG = frozenset({"random_patch_gaussian", "random_self_concat_image", "autoaugment_image"})
# The one that is here as it is there.
_VERTICAL = "random_vertical_flip"


def take_loss(ssd: Section, config: Any) -> None:
    """Settings of ``model.ssd.loss`` and what belongs to it."""
    loss = ssd.section("loss")
    _take_class_loss(loss.section("classification_loss"), config)
    boxes = loss.section("localization_loss")
    boxes.section("weighted_smooth_l1").expect("the loss bends at 1", delta=1.0)
    weight = loss.number("localization_weight", 1.0)
    by_code = ssd.flag("normalize_loc_loss_by_codesize")
    weights = {
        "ssd_class_loss": loss.number("classification_weight", 1.0),
        "ssd_box_loss": weight / _CODE_SIZE if by_code else weight,
    }
    config.LOSS_WEIGHTS = weights
    loss.carried(
        "classification_weight", f"LOSS_WEIGHTS['ssd_class_loss'] = {weights['ssd_class_loss']}"
    )
    loss.carried("localization_weight", f"LOSS_WEIGHTS['ssd_box_loss'] = {weights['ssd_box_loss']}")
    if by_code:
        ssd.carried(
            "normalize_loc_loss_by_codesize", f"in LOSS_WEIGHTS, a box's loss by {_CODE_SIZE}"
        )
    ssd.expect("losses are divided by anchors with objects", normalize_loss_by_num_matches=True)
    _take_miner(loss.section("hard_example_miner"), config)
    ssd.section("post_processing").expect(
        f"scores follow CLASS_LOSS, {config.CLASS_LOSS!r}",
        score_converter=_SCORES[config.CLASS_LOSS],
    )
    if config.CLASS_LOSS != "softmax":
        ssd.expect("the background is no class of its own", encode_background_as_zeros=True)


def _take_class_loss(loss: Section, config: Any) -> None:
    found = next((name for name in _LOSSES if loss.has(name)), "")
    section = loss.section(found) if found else loss
    config.CLASS_LOSS = _LOSSES.get(found, "sigmoid")
    text = f"CLASS_LOSS = {config.CLASS_LOSS!r}"
    if not found:
        if loss.given:
            loss.nearest("", f"{text}: other losses there are not here")
        return
    if found == "weighted_sigmoid_focal":
        config.FOCAL_GAMMA = section.number("gamma", 2.0)
        has_alpha = section.has("alpha")
        config.FOCAL_ALPHA = section.number("alpha", 0.5)
        text += f", FOCAL_ALPHA = {config.FOCAL_ALPHA}, FOCAL_GAMMA = {config.FOCAL_GAMMA}"
        if not has_alpha:
            section.nearest("", f"{text}: without alpha both sides count alike, here a half each")
            return
    section.expect("logits are taken as they are", logit_scale=1.0, anchorwise_output=True)
    section.carried("", text)


def _take_miner(miner: Section, config: Any) -> None:
    share = miner.number("max_negatives_per_positive")
    config.NEGATIVES_PER_POSITIVE = share
    if not miner.given:
        return
    miner.carried("max_negatives_per_positive", f"NEGATIVES_PER_POSITIVE = {share}")
    miner.expect("the worst are chosen by their class loss", loss_type="CLASSIFICATION")
    why = "the worst are as many as NEGATIVES_PER_POSITIVE says, overlapping or not"
    for name in ("num_hard_examples", "iou_threshold"):
        if miner.has(name):
            miner.dropped(name, why)
    if miner.whole("min_negatives_per_image"):
        miner.dropped("min_negatives_per_image", "photos without objects have as many as for one")


def take_training(train: Section, config: Any) -> dict[str, Any]:
    """Settings of ``train_config``.

    Returns:
        ``steps``: num_steps, or 0; ``flip_vertical``: whether photos are turned upside down too.
    """
    batch = train.whole("batch_size", 32)
    if train.has("batch_size"):
        config.IMAGES_PER_GPU = batch
        train.carried("batch_size", f"IMAGES_PER_GPU = {batch}")
    steps = train.whole("num_steps")
    train.carried("num_steps", "epochs, counted when the set is known")
    objects = train.whole("max_number_of_boxes", 100)
    if train.has("max_number_of_boxes"):
        config.MAX_GT_INSTANCES = objects
        train.carried("max_number_of_boxes", f"MAX_GT_INSTANCES = {objects}")
    clip = train.number("gradient_clipping_by_norm")
    if clip:
        config.GRADIENT_CLIP_NORM = clip
        train.carried("gradient_clipping_by_norm", f"GRADIENT_CLIP_NORM = {clip}")
    _take_optimizer(train.section("optimizer"), steps, config)
    return {"steps": steps, "flip_vertical": _take_augmentation(train, config)}


def _take_optimizer(optimizer: Section, steps: int, config: Any) -> None:
    momentum, rms, adam = (
        optimizer.section(f"{name}_optimizer") for name in ("momentum", "rms_prop", "adam")
    )
    own = next((section for section in (momentum, rms, adam) if section.given), None)
    if own is None:
        if optimizer.given:
            optimizer.nearest("", f"OPTIMIZER = {config.OPTIMIZER!r} with its own rates")
        return
    if own is adam:
        config.OPTIMIZER = "adamw"
        decay = adam.number("weight_decay") if adam.flag("use_weight_decay") else 0.0
        config.WEIGHT_DECAY = decay
        adam.nearest("", f"OPTIMIZER = 'adamw', WEIGHT_DECAY = {decay}: Adam, its decay apart")
        adam.expect("epsilon is Keras' 1e-07", epsilon=1e-7)
    else:
        value, decay = own.number("momentum_optimizer_value", 0.9), BaseConfig.WEIGHT_DECAY
        config.OPTIMIZER, config.LEARNING_MOMENTUM, config.WEIGHT_DECAY = "sgd", value, decay
        text = f"OPTIMIZER = 'sgd', LEARNING_MOMENTUM = {value}, WEIGHT_DECAY = {decay}"
        if own is momentum:
            momentum.carried("", text)
        else:
            _take_rms(rms, text, config)
    config.BACKBONE_RATE = 1.0
    own.carried("", "BACKBONE_RATE = 1.0: one rate for all layers")
    take_rate(own.section("learning_rate"), steps, config)
    if optimizer.has("use_moving_average"):
        averages = optimizer.flag("use_moving_average")
        config.EMA_DECAY = optimizer.number("moving_average_decay", 0.9999) if averages else 0.0
        optimizer.carried("use_moving_average", f"EMA_DECAY = {config.EMA_DECAY}")


def _take_rms(rms: Section, text: str, config: Any) -> None:
    """RMSprop with an epsilon of 1, the API's, hardly scales: it is momentum's step. With a small
    one each variable has steps of its own size, as with Adam."""
    epsilon = rms.number("epsilon", 1.0)
    rms.number("decay")
    if epsilon >= 0.1:
        rms.nearest("", f"{text}: with an epsilon of {epsilon:g} RMSprop hardly scales its steps")
        return
    config.OPTIMIZER, config.WEIGHT_DECAY = "adamw", 0.0
    rms.nearest(
        "", "OPTIMIZER = 'adamw', WEIGHT_DECAY = 0: RMSprop there is not here, Adam is its next kin"
    )


def _take_augmentation(train: Section, config: Any) -> bool:
    """The nearest preset; returns whether photos are to be flipped upside down."""
    changes = [
        option.section(field.name)
        for option in train.sections("data_augmentation_options")
        for field in option.fields
        if isinstance(field.value, Message)
    ]
    names = {change.name.rpartition(".")[2] for change in changes}
    config.AUGMENTATION = preset = _preset(names - {_VERTICAL})
    for change in changes:
        if change.name.endswith(_VERTICAL):
            change.carried("", "flip_vertical = 0.5 of the training's Augmentation")
        else:
            change.nearest("", f"AUGMENTATION = {preset!r}")
    return _VERTICAL in names


def _preset(names: set[str]) -> str:
    if not names:
        return "none"
    if names <= _BARE:
        return "light"
    return "strong" if names & _STRONG else "default"
