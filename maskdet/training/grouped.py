"""Many variables as few for an optimizer: a step's graph is then small, and soon made.

A step of AdamW is some fifty nodes a variable, and a network has hundreds of them. Variables that
are treated alike (one rate, decayed or not) stand in a row behind a stand-in, one long variable:
Keras' own optimizer, which need not know, updates stand-ins.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

#: Numbers behind one stand-in at most: 4 MB of float32. What is larger stands for itself, so that
#: a step's copies stay small whatever the network's size.
GROUP_SIZE = 1 << 20


@dataclass(frozen=True)
class Group:
    """Variables that an optimizer takes as one.

    Attributes:
        numbers: of its variables, in the order the optimizer was built with.
        variables: their Keras variables, of any shapes.
        stand_in: float (sum of sizes,); of a single variable the variable itself.
    """

    numbers: tuple[int, ...]
    variables: tuple[keras.Variable, ...]
    stand_in: keras.Variable

    @property
    def single(self) -> bool:
        """Whether the variable stands for itself."""
        return len(self.variables) == 1

    @property
    def sizes(self) -> list[int]:
        """Of each variable, in numbers."""
        return [math.prod(variable.shape) for variable in self.variables]

    def joined(self, values: Sequence[Any]) -> Any:
        """Values of the variables' shapes as one of the stand-in's."""
        if self.single:
            return values[0]
        row = ops.convert_to_tensor([-1], dtype="int32")  # one node for all
        return ops.concatenate([ops.reshape(value, row) for value in values])

    def parted(self, value: Any) -> list[Any]:
        """A value of the stand-in's shape as values of the variables' shapes."""
        if self.single:
            return [value]
        ends = np.cumsum(self.sizes)[:-1].tolist()
        parts = ops.split(value, ends)
        shapes = {v.shape: ops.convert_to_tensor(v.shape, dtype="int32") for v in self.variables}
        pairs = zip(parts, self.variables, strict=True)
        return [ops.reshape(part, shapes[variable.shape]) for part, variable in pairs]


def groups_of(variables: Sequence[keras.Variable], kinds: Sequence[Hashable]) -> list[Group]:
    """Variables in groups of one kind and dtype, GROUP_SIZE numbers each at most."""
    rows: list[list[int]] = []
    open_rows: dict[Hashable, tuple[list[int], int]] = {}
    for number, (variable, kind) in enumerate(zip(variables, kinds, strict=True)):
        size = math.prod(variable.shape)
        # A constraint or an overwriting gradient is a variable's own.
        alone = variable.constraint is not None or variable.overwrite_with_gradient
        key = number if alone else (kind, variable.dtype)
        row, filled = open_rows.get(key, ([], 0))
        if not row or filled + size > GROUP_SIZE:
            row, filled = [], 0
            rows.append(row)
        row.append(number)
        open_rows[key] = (row, filled + size)
    return [_group(row, [variables[number] for number in row]) for row in rows]


def singles_of(variables: Sequence[keras.Variable]) -> list[Group]:
    """Every variable for itself: how Keras has it."""
    return [_group([number], [variable]) for number, variable in enumerate(variables)]


def _group(numbers: Sequence[int], variables: Sequence[keras.Variable]) -> Group:
    if len(variables) == 1:
        return Group(tuple(numbers), tuple(variables), variables[0])
    size = sum(math.prod(variable.shape) for variable in variables)
    stand_in = keras.Variable(np.zeros(size), dtype=variables[0].dtype, name="group")
    return Group(tuple(numbers), tuple(variables), stand_in)


class Grouped:
    """Mixin before a Keras optimizer: takes variables in groups where that is of use.

    Groups are for TensorFlow on one device: other backends and several devices get every variable
    for itself. Elementwise work gives the same bits either way; a norm over all gradients is summed
    in another order, and so differs by rounding.
    """

    groups: Sequence[Group] = ()

    # Of Keras' optimizers, which this class stands before.
    built: bool
    use_ema: bool
    clipnorm: float | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    assign: Callable[[Any, Any], None]
    _var_key: Callable[[Any], Hashable]
    _filter_empty_gradients: Callable[..., tuple[Sequence[Any], Sequence[Any]]]
    _model_variables_moving_average: Sequence[Any]

    def group(self, variables: Sequence[keras.Variable], kinds: Sequence[Hashable]) -> list[Any]:
        """Group the variables that are to be trained; gives what Keras' ``build`` is to get.

        Args:
            kinds: of each variable; those of one kind are updated alike.
        """
        plain = self.loss_scale_factor is not None or self.gradient_accumulation_steps
        useful = _on_one_tensorflow_device() and not plain
        self.groups = groups_of(variables, kinds) if useful else singles_of(variables)
        self._places = {
            self._var_key(variable): (group_number, place)
            for group_number, group in enumerate(self.groups)
            for place, variable in enumerate(group.variables)
        }
        return [group.stand_in for group in self.groups]

    @property
    def grouped(self) -> bool:
        """Whether any variables stand behind a stand-in."""
        return any(not group.single for group in self.groups)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Keras' step, on groups."""
        if not self.built and trainable_variables is not None:
            self.build(list(trainable_variables))  # type: ignore[attr-defined]
        if not self.grouped:
            super().apply(grads, trainable_variables)  # type: ignore[misc]
            return
        if trainable_variables is None:
            numbers = [number for group in self.groups for number in group.numbers]
            members = [variable for group in self.groups for variable in group.variables]
            trainable_variables = [members[place] for place in np.argsort(numbers)]
        self._check_variables_are_known(trainable_variables)
        grads, variables = self._filter_empty_gradients(grads, trainable_variables)
        if self.clipnorm:
            grads = super()._clip_gradients(grads)  # type: ignore[misc]
        found: dict[int, dict[int, Any]] = {}
        for gradient, variable in zip(grads, variables, strict=True):
            group_number, place = self._places[self._var_key(variable)]
            found.setdefault(group_number, {})[place] = gradient
        self._apply_to_groups([(self.groups[n], found[n]) for n in sorted(found)])

    def _apply_to_groups(self, found: Sequence[tuple[Group, Mapping[int, Any]]]) -> None:
        """A step of the groups that have gradients, these by their place in the group."""
        gradients, averages = [], []
        for group, by_place in found:
            if group.single:
                gradients.append(by_place[0])
                continue
            self.assign(group.stand_in, group.joined(group.variables))
            rows = [
                by_place[place] if place in by_place else ops.zeros_like(variable)
                for place, variable in enumerate(group.variables)
            ]
            gradients.append(group.joined(rows))
            if self.use_ema and len(by_place) < len(group.variables):
                average = self._average_of(group)
                averages.append((group, by_place, average, ops.copy(average)))
        stand_ins = [group.stand_in for group, _ in found]
        super().apply(gradients, stand_ins)  # type: ignore[misc]
        for group, by_place in found:
            if not group.single:
                parts = group.parted(ops.convert_to_tensor(group.stand_in))
                for place in by_place:
                    self.assign(group.variables[place], parts[place])
        # What had no gradient has not moved, and so has its average not.
        for group, by_place, average, before in averages:
            flags = np.repeat([p in by_place for p in range(len(group.sizes))], group.sizes)
            self.assign(average, ops.where(flags, average, before))

    def _check_variables_are_known(self, variables: Sequence[Any]) -> None:
        for variable in variables:
            key = self._var_key(variable)
            if key not in self._places:
                super()._check_variables_are_known([variable])  # type: ignore[misc]

    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        """A variable's own norm is of its own gradient: those were clipped before they joined."""
        if self.grouped and self.clipnorm:
            return grads
        clipped: Sequence[Any] = super()._clip_gradients(grads)  # type: ignore[misc]
        return clipped

    def _average_of(self, group: Group) -> Any:
        number = next(n for n, other in enumerate(self.groups) if other is group)
        return self._model_variables_moving_average[number]

    def _overwrite_model_variables_with_average_value(self, variables: Sequence[Any]) -> None:
        if not self.grouped:
            super()._overwrite_model_variables_with_average_value(variables)  # type: ignore[misc]
            return
        wanted = {self._var_key(variable) for variable in variables}
        for group in self.groups:
            parts = group.parted(ops.convert_to_tensor(self._average_of(group)))
            for variable, part in zip(group.variables, parts, strict=True):
                if self._var_key(variable) in wanted:
                    variable.assign(part)


def _on_one_tensorflow_device() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync) == 1
