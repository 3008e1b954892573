"""Where the time of one photo goes, from its pixels to its result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from maskdet.geometry.placement import Placement
from maskdet.images import checked_image
from maskdet.inference.compiled import compiled
from maskdet.inference.detect import Prepare, detect, prepare_of
from maskdet.profiles import (
    DECODE,
    PASTE,
    PLACE,
    WHOLE,
    Profile,
    check_rounds,
    rows_of,
)
from maskdet.profiling.counting import work_by_stage
from maskdet.profiling.stages import StageCalls, calls_by_stage
from maskdet.timing import medians_in_turns
from maskdet.trained import Trained


def profile(
    trained: Trained,
    image: Any,
    prepare: Prepare | None,
    finish: Callable[[Any], Any] | None,
    rounds: int,
) -> Profile:
    """Time and work by stage.

    Each stage runs as a compiled network of its own, with the same layers and weights, on what the
    stages before it gave; all of them, what stands around the network, and the whole way take
    turns.

    Args:
        trained: with an inference network.
        image: H x W x IMAGE_CHANNEL_COUNT, RGB of 0..255.
        prepare: how it gets onto the canvas; None: as the Config says.
        finish: what the user's call makes of a result, "paste" in the rows; None for nothing.
        rounds: that medians are taken of.

    Raises:
        UsageError: if it is no image, or for no rounds.
    """
    check_rounds(rounds)
    way = Way(trained, checked_image(image, int(trained.config.IMAGE_CHANNEL_COUNT)), prepare)
    parts = calls_by_stage(trained.network, trained.family.profile_stages)
    inputs, placement = way.placed()
    works = work_by_stage(trained.network, parts, inputs)
    runs, outputs = _runs(trained.network, parts, inputs)
    result = way.decoded(outputs, placement)
    calls: dict[str, Callable[[], Any]] = {PLACE: way.placed, **runs}
    calls[DECODE] = partial(way.decoded, outputs, placement)
    if finish:
        calls[PASTE] = partial(finish, result)
    calls[WHOLE] = (lambda: finish(way.result())) if finish else way.result
    times = medians_in_turns(calls, rounds)
    boxes = getattr(result, "boxes", None)
    height, width = inputs[0].shape[1:3]
    return Profile(
        f"{trained.family.name}, {height} x {width} pixels",
        rows_of([(part.stage, work) for part, work in zip(parts, works, strict=True)], times),
        times[WHOLE],
        rounds,
        None if boxes is None else len(boxes),
    )


def _runs(
    network: keras.Model, parts: Sequence[StageCalls], inputs: Sequence[np.ndarray]
) -> tuple[dict[str, Callable[[], Any]], list[np.ndarray]]:
    """A call a stage by name, each on its own inputs; and the whole network's outputs."""
    values = {id(tensor): array for tensor, array in zip(network.inputs, inputs, strict=True)}
    runs: dict[str, Callable[[], Any]] = {}
    for part in parts:
        # As tensors: arrays are copied into the backend's memory at every call, which inside the
        # whole network nothing is.
        given = [ops.convert_to_tensor(values[id(tensor)]) for tensor in part.starts]
        run = partial(_ran, part.network(), given)
        values |= zip(map(id, part.ends), run(), strict=True)
        runs[part.stage.name] = run
    return runs, [values[id(tensor)] for tensor in network.outputs]


def _ran(network: keras.Model, inputs: Sequence[Any]) -> list[np.ndarray]:
    # Holds the network, which its compiled form does not.
    return compiled(network)(inputs)


@dataclass(frozen=True)
class Way:
    """A photo's way through a network, step by step as :func:`maskdet.inference.detect.detect`
    takes it."""

    trained: Trained
    image: np.ndarray
    prepare: Prepare | None

    def placed(self) -> tuple[list[np.ndarray], Placement]:
        """The network's inputs, and where the image lies there."""
        trained = self.trained
        canvas, placement = (self.prepare or prepare_of(trained))(self.image)
        inputs = trained.family.inference_inputs(canvas[None], [placement], trained.config)
        return inputs, placement

    def decoded(self, outputs: Sequence[np.ndarray], placement: Placement) -> Any:
        """The task's result in the network's outputs."""
        trained = self.trained
        [result] = trained.family.decode(
            outputs, [placement], trained.config, trained.class_names, trained.facts.outputs
        )
        return result

    def result(self) -> Any:
        """All of it at once."""
        [result] = detect(self.trained, [self.image], self.prepare)
        return result
