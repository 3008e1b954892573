"""Promise: variables in groups are trained to the same numbers as one by one, whatever the
optimizer, and a state fits both."""

import keras
import numpy as np
import pytest

from maskdet.training import grouped
from maskdet.training.memory import memory_of, remember
from maskdet.training.optimizers import make_optimizer
from tests.training.test_optimizers import config_with

SHAPES = {"kernel": (3, 4), "bias": (4,), "gamma": (5,), "pointwise_kernel": (1, 1, 2, 3)}
RATES = {"slow_kernel": 0.2, "slow_bias": 0.2}


def network_variables():
    """Of two rates, decayed and not, in mixed order and of all shapes."""
    rng = np.random.default_rng(0)
    names = [*SHAPES, *(f"slow_{name}" for name in ("kernel", "bias")), *SHAPES]
    shapes = [SHAPES[name.removeprefix("slow_")] for name in names]
    values = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    pairs = zip(values, names, strict=True)
    return [keras.Variable(value, name=name) for value, name in pairs]


def alone(monkeypatch):
    """From here on every variable stands for itself."""
    monkeypatch.setattr(grouped, "GROUP_SIZE", 1)


def trained(kind, steps=3, missing=(), weights=None, optimizer=None, **settings):
    """Weights and optimizer after some steps; ``missing`` are the numbers without a gradient."""
    weights = weights or network_variables()
    plain = {"WEIGHT_DECAY": 0.1, "LEARNING_MOMENTUM": 0.9, "EMA_DECAY": 0.9}
    config = config_with(OPTIMIZER=kind, **(plain | settings))
    optimizer = optimizer or make_optimizer(config, 0.05, 9, RATES)
    optimizer.build(weights)
    for _ in range(steps):
        rng = np.random.default_rng(int(optimizer.iterations.numpy()))
        rows = [keras.ops.convert_to_tensor(rng.normal(size=w.shape), "float32") for w in weights]
        gradients = [None if i in missing else row for i, row in enumerate(rows)]
        optimizer.apply(gradients, weights)
    return weights, optimizer


def assert_same(found, expected, **tolerance):
    """Weights and memories of two optimizers, bit for bit without a tolerance."""
    (weights, optimizer), (other_weights, other) = found, expected
    memory, other_memory = memory_of(optimizer), memory_of(other)
    assert list(memory) == list(other_memory)
    pairs = [*zip(weights, other_weights, strict=True)]
    pairs += zip(memory.values(), other_memory.values(), strict=True)
    for value, expected_value in pairs:
        if tolerance:
            np.testing.assert_allclose(value, expected_value, **tolerance)
        else:
            np.testing.assert_array_equal(value, expected_value)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_groups_train_to_the_same_bits(kind, decay, monkeypatch):
    found = trained(kind, EMA_DECAY=decay)
    assert found[1].grouped and len(found[1].groups) == 4
    alone(monkeypatch)
    expected = trained(kind, EMA_DECAY=decay)
    assert not expected[1].grouped
    assert_same(found, expected)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_clipping_in_groups_differs_by_rounding_at_most(kind, monkeypatch):
    found = trained(kind, GRADIENT_CLIP_NORM=0.5)
    alone(monkeypatch)
    expected = trained(kind, GRADIENT_CLIP_NORM=0.5)
    if kind == "sgd":
        assert_same(found, expected)  # each variable's own norm
    else:
        assert_same(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_what_has_no_gradient_stays_and_so_do_its_average_and_moments(kind, monkeypatch):
    missing = (0, 1, 3, 4, 5)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        found = trained(kind, missing=missing)
    alone(monkeypatch)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        assert_same(found, trained(kind, missing=missing))
    for number, fresh in enumerate(network_variables()):
        assert np.array_equal(found[0][number], fresh) == (number in missing)


def test_averages_begin_at_the_variables():
    weights, optimizer = trained("adamw", steps=0)
    averages = [v for name, v in memory_of(optimizer).items() if name.endswith("average")]
    for weight, average in zip(weights, averages, strict=True):
        np.testing.assert_array_equal(weight, average)


def test_averages_go_into_the_variables_in_their_shapes():
    weights, optimizer = trained("adamw")
    averages = [v for name, v in memory_of(optimizer).items() if name.endswith("average")]
    optimizer.finalize_variable_values(weights)
    for weight, average in zip(weights, averages, strict=True):
        np.testing.assert_array_equal(weight, average)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("from_groups", [True, False])
def test_a_training_goes_on_from_groups_without_them_and_the_other_way(
    kind, from_groups, monkeypatch
):
    expected = trained(kind, steps=5)
    if not from_groups:
        alone(monkeypatch)
    weights, optimizer = trained(kind)
    memory = memory_of(optimizer)
    if from_groups:
        alone(monkeypatch)
    else:
        # The names that Keras gives, which states of older versions hold.
        keras_names = [v.path.split("/")[-1] for v in optimizer.variables]
        assert list(memory) == [f"{i} {name}" for i, name in enumerate(keras_names)]
        monkeypatch.undo()
    copies = [keras.Variable(np.array(w), name=w.name) for w in weights]
    _, fresh = trained(kind, steps=0, weights=copies)
    assert fresh.grouped is not from_groups
    assert remember(fresh, memory)
    assert_same(trained(kind, steps=2, weights=copies, optimizer=fresh), expected)


def test_the_memory_of_another_optimizer_is_refused_and_nothing_changes():
    _, optimizer = trained("adamw")
    before = memory_of(optimizer)
    other = memory_of(trained("sgd")[1])
    assert not remember(optimizer, other)
    wrong = {name: np.zeros((7,)) if i == 5 else v for i, (name, v) in enumerate(before.items())}
    assert not remember(optimizer, wrong)
    for value, expected in zip(memory_of(optimizer).values(), before.values(), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_large_variables_stand_for_themselves(monkeypatch):
    monkeypatch.setattr(grouped, "GROUP_SIZE", 12)
    _, optimizer = trained("adamw", steps=1)
    sizes = [sum(group.sizes) for group in optimizer.groups]
    assert max(sizes) <= 12 and len(sizes) > 4


def test_gradients_alone_go_to_the_variables_in_their_order():
    expected, _ = trained("adamw", steps=1)
    weights, optimizer = trained("adamw", steps=0)
    rng = np.random.default_rng(0)
    optimizer.apply(
        [keras.ops.convert_to_tensor(rng.normal(size=w.shape), "float32") for w in weights]
    )
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_an_unknown_variable_is_refused():
    _, optimizer = trained("adamw")
    stranger = keras.Variable(np.zeros(3, np.float32), name="stranger")
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([keras.ops.ones(3)], [stranger])


def test_other_backends_get_every_variable_for_itself(monkeypatch):
    monkeypatch.setattr(grouped.keras.backend, "backend", lambda: "jax")
    _, optimizer = trained("adamw", steps=0)
    assert not optimizer.grouped
