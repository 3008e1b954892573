"""A functional network's calls in order, and the parts that stages cut it into."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from maskdet.profiles import ProfileStage, assigned_stages


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer (or an operation) in a network.

    Attributes:
        operation: what is called.
        inputs: KerasTensors.
        outputs: KerasTensors.
    """

    operation: Any
    inputs: list[Any]
    outputs: list[Any]


@dataclass(frozen=True)
class StageCalls:
    """The calls of one stage of a network, and where it is cut out.

    Attributes:
        stage: which.
        calls: in an order in which they can run.
        starts: KerasTensors of earlier stages, and inputs of the network, that it takes.
        ends: KerasTensors of its own that later stages take, or that the network gives.
    """

    stage: ProfileStage
    calls: list[LayerCall]
    starts: list[Any]
    ends: list[Any]

    def network(self) -> keras.Model:
        """The stage alone, with the same layers and weights: from ``starts`` to ``ends``."""
        return keras.Model(self.starts, self.ends)


def layer_calls(network: keras.Model) -> list[LayerCall]:
    """Every call of a functional network in an order in which they can run, inputs left out."""
    by_depth = network._nodes_by_depth  # Keras' own order; there is no public one
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [
        LayerCall(node.operation, list(node.input_tensors), list(node.output_tensors))
        for node in nodes
        if not isinstance(node.operation, keras.layers.InputLayer)
    ]


def calls_by_stage(network: keras.Model, stages: Sequence[ProfileStage]) -> list[StageCalls]:
    """A network's calls in the stages that it has."""
    calls = layer_calls(network)
    makers = {id(tensor): step for step, call in enumerate(calls) for tensor in call.outputs}
    needed = [[makers[id(t)] for t in call.inputs if id(t) in makers] for call in calls]
    found = assigned_stages(stages, [call.operation.name for call in calls], needed)
    wanted = {id(tensor) for tensor in network.outputs}
    parts = []
    for number, stage in enumerate(stages):
        own = [call for place, call in zip(found, calls, strict=True) if place == number]
        later = [call for place, call in zip(found, calls, strict=True) if place > number]
        if own:
            made = _by_id(tensor for call in own for tensor in call.outputs)
            taken = _by_id(tensor for call in own for tensor in call.inputs)
            asked = wanted | {id(tensor) for call in later for tensor in call.inputs}
            starts = [tensor for key, tensor in taken.items() if key not in made]
            ends = [tensor for key, tensor in made.items() if key in asked]
            parts.append(StageCalls(stage, own, starts, ends))
    return parts


def _by_id(tensors: Iterable[Any]) -> dict[int, Any]:
    return {id(tensor): tensor for tensor in tensors}
