"""Guards: a stage's learning rate, its limits on gradients and its weight decay are the config's.

What a step does is read from the variables before and after it, never from an optimizer's fields.
"""

import math

import keras
import numpy as np
import pytest

from maskdet.config import Config, LiteConfig, MobileConfig
from maskdet.models.mask_rcnn.family import MaskRCNNFamily
from maskdet.training.memory import memory_of
from maskdet.training.optimizers import is_decayed, make_optimizer


def config_with(**settings):
    """The base config with no schedule, no clipping and no decay but what a test asks for."""
    config = Config()
    plain = {"OPTIMIZER": "sgd", "LEARNING_RATE_SCHEDULE": "constant", "WARMUP_STEPS": 0}
    plain |= {"GRADIENT_CLIP_NORM": 0, "WEIGHT_DECAY": 0.0, "LEARNING_MOMENTUM": 0.0}
    for name, value in (plain | settings).items():
        setattr(config, name, value)
    return config


def variables(*values, names=None):
    names = names or [f"w{i}" for i in range(len(values))]
    return [
        keras.Variable(np.asarray(value, np.float32), name=name)
        for name, value in zip(names, values, strict=True)
    ]


def moves(optimizer, weights, gradients):
    """How far each variable moves in one step."""
    before = [w.numpy().copy() for w in weights]
    optimizer.apply(
        [keras.ops.convert_to_tensor(np.asarray(g, np.float32)) for g in gradients], weights
    )
    return [w.numpy() - old for w, old in zip(weights, before, strict=True)]


# ---- rates of single layers -------------------------------------------------------------------
def test_backbone_and_rpn_have_rates_of_their_own_and_the_heads_the_stages():
    config = LiteConfig()
    config.BACKBONE_RATE, config.RPN_RATE = 0.25, 0.5
    family = MaskRCNNFamily()
    for name in ("stage1_stem", "stage3_block1_expand", "stage5_neck_p3_out"):
        assert family.rate(name, config) == 0.25
    for name in ("rpn_class_raw", "rpn_bbox_pred", "rpn_head3_stem"):
        assert family.rate(name, config) == 0.5
    for name in ("mrcnn_class_logits", "mrcnn_mask", "fpn_c5p5"):
        assert family.rate(name, config) == 1.0
    assert family.rate("rpn_class_raw", Config()) == family.rate("stage1_stem", Config()) == 1.0


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_rate_of_a_fifth_moves_a_variable_a_fifth_as_far(kind):
    weights = variables([1.0, 2.0], [1.0, 2.0], [1.0, 2.0])
    rates = {weights[0].path: 0.2, weights[2].path: 1.0, "no/such/variable": 9.0}
    optimizer = make_optimizer(config_with(OPTIMIZER=kind), 0.5, 10, rates)
    slow, absent, full = moves(optimizer, weights, [[3.0, -1.0]] * 3)
    np.testing.assert_allclose(slow, absent / 5, rtol=1e-5)
    np.testing.assert_array_equal(full, absent)
    if kind == "sgd":
        np.testing.assert_allclose(full, [-1.5, 0.5])


def test_rates_hold_in_the_compiled_step_of_fit():
    """There TensorFlow's variables come without their paths."""
    inputs = keras.Input((1,))
    first = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="first")
    last = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="last")
    model = keras.Model(inputs, last(first(inputs)))
    rates = {first.kernel.path: 0.2}
    model.compile(optimizer=make_optimizer(config_with(), 0.25, 1, rates), loss="mse")
    model.fit(np.ones((4, 1)), np.zeros((4, 1)), batch_size=4, verbose=0, shuffle=False)
    # (ab)**2 at a = b = 1 falls by 2 along both.
    assert float(last.kernel[0, 0]) == pytest.approx(1 - 0.25 * 2)
    assert float(first.kernel[0, 0]) == pytest.approx(1 - 0.25 * 2 * 0.2)


# ---- decay ------------------------------------------------------------------------------------
def decayed(moves_by_name, share):
    """Names of the variables that lose the share of their values; all others stay."""
    names = []
    for name, move in moves_by_name.items():
        if np.any(move):
            np.testing.assert_allclose(move, [-2.0 * share, 4.0 * share], rtol=1e-5, err_msg=name)
            names.append(name)
    return names


def test_adamw_decays_kernels_alone():
    names = ["kernel", "gamma", "beta", "bias", "depthwise_kernel", "pointwise_kernel", "scale"]
    names += ["betas", "unbiased", "gamma_kernel"]
    weights = variables(*[[2.0, -4.0]] * len(names), names=names)
    config = config_with(OPTIMIZER="adamw", WEIGHT_DECAY=0.1)
    found = moves(make_optimizer(config, 0.5, 10, {}), weights, [[0.0, 0.0]] * len(names))
    kernels = ["kernel", "depthwise_kernel", "pointwise_kernel", "betas", "unbiased"]
    assert decayed(dict(zip(names, found, strict=True)), 0.05) == [*kernels, "gamma_kernel"]


def test_a_variable_decays_by_its_own_rate():
    weights = variables([2.0, -4.0], [2.0, -4.0], names=["kernel", "kernel"])
    weights[0] = keras.Variable(weights[0].numpy(), name="slow")
    config = config_with(OPTIMIZER="adamw", WEIGHT_DECAY=0.1)
    optimizer = make_optimizer(config, 0.5, 10, {"slow": 0.2})
    slow, usual = moves(optimizer, weights, [[0.0, 0.0]] * 2)
    np.testing.assert_allclose(usual, [-2.0 * 0.05, 4.0 * 0.05], rtol=1e-5)
    np.testing.assert_allclose(slow, [-2.0 * 0.01, 4.0 * 0.01], rtol=1e-5)


def test_decay_holds_in_the_compiled_step_of_fit_whatever_layers_are_called():
    """There TensorFlow's variables have the layer's name in theirs."""
    inputs = keras.Input((8, 8, 3))
    one = {"kernel_initializer": "ones", "bias_initializer": "ones"}
    deep = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    layers = [
        keras.layers.Conv2D(8, 1, name="beta_head", **one),
        keras.layers.DepthwiseConv2D(3, name="unbiased", depthwise_initializer="ones"),
        keras.layers.SeparableConv2D(8, 3, name="gamma", bias_initializer="ones", **deep),
        keras.layers.BatchNormalization(name="kernel", beta_initializer="ones"),
    ]
    outputs = inputs
    for layer in layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, keras.ops.mean(outputs) * 0.0)
    config = config_with(OPTIMIZER="adamw", WEIGHT_DECAY=0.1)
    model.compile(make_optimizer(config, 0.5, 1, {layers[0].kernel.path: 0.2}), loss="mse")
    model.fit(np.ones((1, 8, 8, 3)), np.zeros(1), verbose=0)
    left = {v.path: float(np.ravel(v)[0]) for v in model.trainable_variables if np.any(v)}
    assert {path: value for path, value in left.items() if value != 1} == pytest.approx(
        {
            "beta_head/kernel": 1 - 0.05 * 0.2,
            "unbiased/kernel": 0.95,
            "gamma/depthwise_kernel": 0.95,
            "gamma/pointwise_kernel": 0.95,
        }
    )
    assert sorted(left) == sorted(
        [
            *("beta_head/bias", "beta_head/kernel", "unbiased/kernel", "gamma/bias"),
            *("gamma/depthwise_kernel", "gamma/pointwise_kernel", "kernel/beta", "kernel/gamma"),
        ]
    )


@pytest.mark.parametrize("kind", [LiteConfig, MobileConfig])
def test_what_networks_have_beside_kernels_does_not_decay(kind):
    """Every variable of a family's light network, its separable heads too."""
    config = kind()
    config.NUM_CLASSES, config.BACKBONE = 3, "mobilenet_v2_0.5"
    network = MaskRCNNFamily().build(config, "training")
    names = {v.path.split("/")[-1] for v in network.trainable_variables}
    assert {"gamma", "beta", "bias", "kernel", "pointwise_kernel"} <= names
    for variable in network.trainable_variables:
        assert is_decayed(variable) == (len(variable.shape) > 1), variable.path


def test_sgd_leaves_decay_to_the_loss():
    weights = variables([2.0])
    config = config_with(WEIGHT_DECAY=0.1)
    [move] = moves(make_optimizer(config, 0.5, 10, {}), weights, [[0.0]])
    assert move[0] == 0.0


# ---- clipping and momentum --------------------------------------------------------------------
LONG, SHORT = [6.0, 8.0], [0.0, 3.0]  # norms 10 and 3


def test_sgd_clips_each_variables_gradient():
    config = config_with(GRADIENT_CLIP_NORM=5.0)
    long, short = moves(
        make_optimizer(config, 1.0, 9, {}), variables([0, 0], [0, 0]), [LONG, SHORT]
    )
    np.testing.assert_allclose(long, [-3.0, -4.0], rtol=1e-5)
    np.testing.assert_allclose(short, [0.0, -3.0], rtol=1e-5)


def first_moments(config):
    """AdamW's running mean of gradients after one step, a tenth of what came through clipping."""
    weights = variables([0, 0], [0, 0])
    optimizer = make_optimizer(config, 1.0, 9, {})
    moves(optimizer, weights, [LONG, SHORT])
    return [value * 10 for name, value in memory_of(optimizer).items() if "momentum" in name]


def test_adamw_clips_the_norm_of_all_gradients_together():
    long, short = first_moments(config_with(OPTIMIZER="adamw", GRADIENT_CLIP_NORM=5.0))
    share = 5.0 / math.hypot(10, 3)
    np.testing.assert_allclose(long, np.multiply(LONG, share), rtol=1e-5)
    np.testing.assert_allclose(short, np.multiply(SHORT, share), rtol=1e-5)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_norm_of_0_does_not_clip(kind):
    config = config_with(OPTIMIZER=kind, GRADIENT_CLIP_NORM=0)
    if kind == "adamw":
        gradients = first_moments(config)
    else:
        weights = variables([0, 0], [0, 0])
        gradients = [-m for m in moves(make_optimizer(config, 1.0, 9, {}), weights, [LONG, SHORT])]
    np.testing.assert_allclose(gradients, [LONG, SHORT], rtol=1e-5)


def test_momentum_is_the_configs():
    [weight] = variables([0.0])
    optimizer = make_optimizer(config_with(LEARNING_MOMENTUM=0.75), 0.5, 10, {})
    steps = [moves(optimizer, [weight], [[1.0]])[0][0] for _ in range(3)]
    assert steps == pytest.approx([-0.5, -0.5 * 1.75, -0.5 * (1 + 0.75 * 1.75)])


# ---- the old name -----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_lr_reads_and_sets_the_rate(kind):
    optimizer = make_optimizer(config_with(OPTIMIZER=kind), 0.5, 10, {})
    assert float(optimizer.lr) == 0.5
    optimizer.lr = 0.125
    assert float(optimizer.learning_rate) == float(optimizer.lr) == 0.125
    [move] = moves(optimizer, variables([0.0]), [[1.0]])
    assert move[0] == pytest.approx(-0.125, rel=1e-5)


# ---- several batches a step -------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_batches_that_make_a_step_move_as_one_of_their_mean_gradient(kind):
    settings = {"OPTIMIZER": kind, "WEIGHT_DECAY": 0.1, "EMA_DECAY": 0.9, "GRADIENT_CLIP_NORM": 1.0}
    gradients = [[[3.0, -1.0], [0.5]], [[1.0, 4.0], [0.1]], [[-1.0, 3.0], [0.3]]]
    whole, parts = variables([1.0, 2.0], [3.0]), variables([1.0, 2.0], [3.0])
    mean = [np.mean([row[i] for row in gradients], axis=0) for i in range(2)]
    expected = moves(make_optimizer(config_with(**settings), 0.1, 10, {}), whole, mean)
    optimizer = make_optimizer(config_with(GRADIENT_ACCUMULATION=3, **settings), 0.1, 30, {})
    for row in gradients[:2]:
        assert all((move == 0).all() for move in moves(optimizer, parts, row))
    for move, whole_move in zip(moves(optimizer, parts, gradients[2]), expected, strict=True):
        np.testing.assert_allclose(move, whole_move, rtol=1e-5)
        assert (np.abs(move) > 0).all()


def test_the_schedule_ends_with_the_stage_however_many_batches_make_a_step():
    settings = {"LEARNING_RATE_SCHEDULE": "cosine"}
    weights, other = variables([0.0]), variables([0.0])
    optimizer = make_optimizer(config_with(GRADIENT_ACCUMULATION=4, **settings), 1.0, 40, {})
    usual = make_optimizer(config_with(**settings), 1.0, 40, {})
    steps = [-moves(optimizer, weights, [[1.0]])[0][0] for _ in range(40)]
    expected = [-moves(usual, other, [[1.0]])[0][0] for _ in range(40)]
    assert [i for i, step in enumerate(steps) if step] == list(range(3, 40, 4))
    np.testing.assert_allclose(steps[3::4], expected[3::4], rtol=1e-3)
