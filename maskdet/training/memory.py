"""What an optimizer remembers, by variable: the same names and shapes however it groups them.

So a training goes on from a state whether or not its variables stood in groups, and with others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

# Attributes of Keras' optimizers that hold a variable for each one that trains, and how Keras calls
# these; those of one row Keras makes by turns.
_SLOTS = (
    (("_model_variables_moving_average", "average"),),
    (("_momentums", "momentum"), ("_velocities", "velocity")),
    (("momentums", "momentum"),),
)


def memory_of(optimizer: Any) -> dict[str, np.ndarray]:
    """Values of a built optimizer's variables, as Keras makes them without groups, in its order.

    Names are a variable's number and the last part of its path: whole paths hold the names that
    Keras counts up for each model of a process.
    """
    values: dict[str, np.ndarray] = {}
    for variable, names, group in _rows(optimizer):
        value = np.asarray(variable)
        parts = [value] if group is None else _parted(value, group.variables)
        values.update(zip(names, parts, strict=True))
    return {name: values[name] for name in sorted(values, key=_number)}


def remember(optimizer: Any, memory: Mapping[str, np.ndarray]) -> bool:
    """Put :func:`memory_of` back; False, and nothing, where it is of another optimizer."""
    present = {name: value.shape for name, value in memory_of(optimizer).items()}
    if present != {name: value.shape for name, value in memory.items()}:
        return False
    for variable, names, _ in _rows(optimizer):
        parts = [memory[name] for name in names]
        one = parts[0] if len(parts) == 1 else np.concatenate([part.ravel() for part in parts])
        variable.assign(one)
    return True


def _rows(optimizer: Any) -> Iterator[tuple[keras.Variable, list[str], Any]]:
    """Each variable of an optimizer, the names of what is in it, and the group it is of, if any."""
    slots = [
        [(slot, getattr(optimizer, attribute)) for attribute, slot in row]
        for row in _SLOTS
        if all(getattr(optimizer, attribute, None) for attribute, _ in row)
    ]
    slotted = {id(variable) for row in slots for _, stored in row for variable in stored}
    own = [variable for variable in optimizer.variables if id(variable) not in slotted]
    for number, variable in enumerate(own):
        yield variable, [f"{number} {variable.path.split('/')[-1]}"], None
    count, first = sum(len(group.variables) for group in optimizer.groups), len(own)
    for row in slots:
        for turn, (slot, stored) in enumerate(row):
            for group, variable in zip(optimizer.groups, stored, strict=True):
                numbers = [first + number * len(row) + turn for number in group.numbers]
                yield variable, _names(numbers, group.variables, slot), group
        first += count * len(row)


def _names(numbers: Sequence[int], variables: Sequence[Any], slot: str) -> list[str]:
    pairs = zip(numbers, variables, strict=True)
    return [f"{number} {v.path.replace('/', '_')}_{slot}" for number, v in pairs]


def _parted(value: np.ndarray, variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(variable.shape)) for variable in variables])[:-1]
    parts = np.split(value.ravel(), ends)
    return [part.reshape(v.shape) for part, v in zip(parts, variables, strict=True)]


def _number(name: str) -> int:
    return int(name.split(" ")[0])
