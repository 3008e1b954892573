"""Where the time of one photo goes in an exported file.

Python's interpreter tells the time of no single operator. What it can run is a copy of the file
that ends earlier, and a stage's time is the difference of two such copies. Stages as files of their
own take more together than the whole does: what one stage has just written lies in the cache for
the next, but not once another interpreter has run in between.
"""

import os
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import WeightsError
from maskdet.images import read_image
from maskdet.profiles import (
    DECODE,
    PASTE,
    PLACE,
    ROUNDS,
    WHOLE,
    Profile,
    ProfileStage,
    check_rounds,
    rows_of,
)
from maskdet.runtime.graph_file import read_model
from maskdet.runtime.graph_stages import GraphPart, cut_file, graph_parts, work_of
from maskdet.runtime.model_file import STAGES, read_content
from maskdet.runtime.predictor import Predictor
from maskdet.timing import medians_in_turns

Array = NDArray[Any]
# What a file that names no stages has.
_ALL_IN_ONE = (ProfileStage("network"),)


def profile_file(predictor: Predictor, image: Array, rounds: int = ROUNDS) -> Profile:
    """Time and work by stage of an exported file on this machine.

    Files of others, and of a maskdet that wrote no stages into them, have one stage, the network.

    Args:
        predictor: the file at work, with the threads that it is to run on.
        image: uint8 (H, W, 3), RGB; one like those that will come, since masks are pasted.
        rounds: that each median is of; three more come before them.

    Raises:
        UsageError: if it is no such image, for no rounds, or where tflite-runtime is the
            interpreter, which cannot tell what a file holds.
        WeightsError: if the stages that a file names are damaged.
    """
    check_rounds(rounds)
    placement = predictor.place(image)
    model = read_model(read_content(predictor.path))
    parts = graph_parts(model, stages_in(predictor))
    seen: set[int] = set()
    stages = [(part.stage, work_of(model, part.steps, seen)) for part in parts]
    predictor.invoke()
    calls: dict[str, Callable[[], Any]] = {PLACE: lambda: predictor.place(image)}
    calls |= _cuts(predictor, model, parts)
    result = predictor.decoded(placement)
    calls[DECODE] = lambda: predictor.decoded(placement)
    if predictor.has_masks:
        calls[PASTE] = lambda: result.masks
    calls[WHOLE] = lambda: _finished(predictor, image)
    times = medians_in_turns(calls, rounds)
    boxes = getattr(result, "boxes", None)
    return Profile(
        _subject(predictor),
        rows_of(stages, _differences(times, parts)),
        times[WHOLE],
        rounds,
        None if boxes is None else len(boxes),
    )


def _cuts(
    predictor: Predictor, model: Any, parts: Sequence[GraphPart]
) -> dict[str, Callable[[], Any]]:
    """A call a stage by name, from the network's beginning to the stage's end."""
    cuts = {part.stage.name: predictor.cut(cut_file(model, part)).invoke for part in parts[:-1]}
    return {**cuts, parts[-1].stage.name: predictor.invoke}


def _differences(times: dict[str, float], parts: Sequence[GraphPart]) -> dict[str, float]:
    """Times with those of the stages alone in place of those from the network's beginning."""
    names = [part.stage.name for part in parts]
    alone = {name: times[name] - times[other] for other, name in pairwise(names)}
    return times | alone


def _finished(predictor: Predictor, image: Array) -> Any:
    """All of it at once, down to full-size masks."""
    result = predictor.predict(image)
    return result.masks if predictor.has_masks else result


def _subject(predictor: Predictor) -> str:
    height, width = predictor.input_shape
    facts = predictor.facts.all
    kind = " ".join(str(facts[key]) for key in ("family", "precision") if key in facts)
    name = os.path.basename(predictor.path)
    return f"{name}{f' ({kind})' if kind else ''}, {height} x {width} pixels"


def stages_in(predictor: Predictor) -> tuple[ProfileStage, ...]:
    """The stages that a file names.

    Raises:
        WeightsError: if they are damaged.
    """
    found = predictor.facts.all.get(STAGES)
    if not found:
        return _ALL_IN_ONE
    try:
        stages = tuple(
            ProfileStage(str(one["name"]), str(one["layers"]), bool(one["geometry"]))
            for one in found
        )
        for stage in stages:
            re.compile(stage.layers)
    except (KeyError, TypeError, re.error) as error:
        raise WeightsError(
            f"The stages in {predictor.path} are damaged ({error!r}); export or copy it again."
        ) from error
    return stages


def show_profile(predictor: Predictor, source: str | None, rounds: int, as_json: bool) -> None:
    """Print the profile of a file on a photo, or on made noise where there is none.

    Raises:
        DataError: if the photo cannot be read.
        UsageError, WeightsError: as :func:`profile_file`.
    """
    image = _noise() if source is None else read_image(source)
    profile = profile_file(predictor, image, rounds)
    print(profile.to_json() if as_json else profile, end="" if as_json else "\n")
    if source is None and not as_json:
        print("On made noise: give a photo, and decoding and pasting are those of its objects.")


def _noise(shape: tuple[int, int] = (480, 640)) -> Array:
    """An image uint8 (H, W, 3) that is the same every time."""
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
