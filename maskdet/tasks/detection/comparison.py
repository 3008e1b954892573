"""A file's detections beside its network's, and its raw rows beside the network's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.geometry.boxes import pairwise_iou
from maskdet.tasks.task import Agreement, largest_difference

Array = NDArray[Any]
#: Objects from this score on are compared.
CONFIDENT = 0.5
#: Two boxes of one class with this IoU are the same object.
SAME_OBJECT = 0.5


@dataclass(frozen=True)
class Limits:
    """How far a file may be from its network.

    Attributes:
        matched: share of the network's confident objects that the file must have too.
        overlap: mean IoU of the matched boxes at least.
        box: largest shift of a side, as a share of the photo's longer side.
        score: largest difference of a score; a surplus object must beat CONFIDENT by as much.
        mask: largest difference of a mask's cell.
        surplus: confident objects that the file alone has, as a share of the network's.
    """

    matched: float
    overlap: float
    box: float = np.inf
    score: float = np.inf
    mask: float = np.inf
    surplus: float = 0.0


#: float32 is the network but for rounding: a twentieth of a pixel at 100 px. Weights in float16
#: move boxes by a thousandth. Integers lose an object at the threshold now and then; good files
#: were seen to have a mean IoU of 0.98 with their network (benchmarks/README.md).
LIMITS = {
    "float32": Limits(matched=0.98, overlap=0.99, box=5e-4, score=2e-3, mask=0.02, surplus=0.02),
    "float16": Limits(matched=0.98, overlap=0.97, score=0.05, surplus=0.02),
    "int8": Limits(matched=0.8, overlap=0.85, score=np.inf, surplus=0.25),
}
#: What a surplus object must have more than CONFIDENT where scores may differ by any amount.
INT8_MARGIN = 0.15


@dataclass
class _Tally:
    """What was counted so far, and the photo and sentence of the worst difference of each kind."""

    expected: int = 0
    matched: int = 0
    surplus: int = 0
    box_share: float = 0.0
    overlaps: list[float] = field(default_factory=list)
    errors: dict[str, float] = field(
        default_factory=lambda: {"box": 0.0, "score": 0.0, "mask": 0.0}
    )
    # kind of fault -> (its size, number of the photo, what to say)
    worst: dict[str, tuple[float, int, str]] = field(default_factory=dict)

    def note(self, kind: str, size: float, photo: int, text: str) -> None:
        """Remember the largest of its kind."""
        if size > self.worst.get(kind, (0.0, 0, ""))[0]:
            self.worst[kind] = size, photo, text


def compare_detections(
    expected: Sequence[Detections], results: Sequence[Detections], precision: str
) -> Agreement:
    """Detections of a network and of its file in the same photos.

    The network's objects from a score of 0.5 on must be among the file's, of the same class at an
    IoU of 0.5 or more, and the file's confident ones among the network's; in float32 boxes, scores
    and masks must be the network's.

    Args:
        expected, results: of the network and of the file, one a photo; both down to a low score.
        precision: "float32", "float16" or "int8", which decides the limits.
    """
    limits, tally = LIMITS[precision], _Tally()
    margin = INT8_MARGIN if np.isinf(limits.score) else limits.score
    for photo, (objects, others) in enumerate(zip(expected, results, strict=True)):
        _compare_photo(photo, objects, others, margin, tally)
    fault, photo = _fault(tally, limits)
    return Agreement(
        len(expected), tally.expected, tally.matched, tally.surplus, tally.errors, fault, photo
    )


def _compare_photo(
    photo: int, objects: Detections, others: Detections, margin: float, tally: _Tally
) -> None:
    names, other_names = np.array(objects.names), np.array(others.names)
    overlaps = pairwise_iou(objects.boxes, others.boxes)  # (N, M)
    overlaps = np.where(names[:, None] == other_names[None], overlaps, 0.0)
    confident = np.flatnonzero(objects.scores >= CONFIDENT)
    tally.expected += len(confident)
    missing = 0
    for index in confident:
        partner = int(overlaps[index].argmax()) if len(others) else 0
        if not len(others) or overlaps[index, partner] < SAME_OBJECT:
            missing += 1
            text = f"the {names[index]} of score {objects.scores[index]:.2f} is not in the file's"
            tally.note("matched", missing, photo, text)
            continue
        tally.matched += 1
        _compare_object(photo, objects, int(index), others, partner, tally)
        tally.overlaps.append(float(overlaps[index, partner]))
    best = overlaps.max(axis=0) if len(objects) else np.zeros(len(others))
    surplus = np.flatnonzero((others.scores >= CONFIDENT + margin) & (best < SAME_OBJECT))
    tally.surplus += len(surplus)
    if len(surplus):
        first = surplus[0]
        text = f"the file finds a {other_names[first]} of score {others.scores[first]:.2f} more"
        tally.note("surplus", len(surplus), photo, text)


def _compare_object(
    photo: int, objects: Detections, index: int, others: Detections, partner: int, tally: _Tally
) -> None:
    """Count the differences of one object that both have."""
    what = f"the {objects.names[index]} of score {objects.scores[index]:.2f}"
    shift = largest_difference(objects.boxes[index], others.boxes[partner])
    share = shift / max(objects.image_shape)
    score = abs(float(objects.scores[index]) - float(others.scores[partner]))
    tally.box_share = max(tally.box_share, share)
    tally.note("box", share, photo, f"the box of {what} lies {shift:.2g} pixels away")
    tally.note("score", score, photo, f"{what} has {others.scores[partner]:.2f} in the file's")
    mask = 0.0
    if objects.small_masks is not None and others.small_masks is not None:
        mask = largest_difference(objects.small_masks[index], others.small_masks[partner])
        tally.note("mask", mask, photo, f"the mask of {what} differs by {mask:.2g}")
    for name, error in (("box", shift), ("score", score), ("mask", mask)):
        tally.errors[name] = max(tally.errors[name], error)


def _fault(tally: _Tally, limits: Limits) -> tuple[str | None, int]:
    """The first limit that is broken, in words, and the photo that shows it best."""
    checks = (
        ("matched", tally.expected - tally.matched > (1 - limits.matched) * tally.expected + 1e-9),
        ("box", tally.box_share > limits.box),
        ("score", tally.errors["score"] > limits.score),
        ("mask", tally.errors["mask"] > limits.mask),
        ("surplus", tally.surplus > limits.surplus * tally.expected + 1e-9),
    )
    for kind, broken in checks:
        if broken:
            _, photo, text = tally.worst[kind]
            if kind in ("matched", "surplus"):
                text += (
                    f" ({tally.matched} of {tally.expected} objects agree, {tally.surplus} more "
                    "are the file's alone)"
                )
            return text, photo
    mean = float(np.mean(tally.overlaps)) if tally.overlaps else 1.0
    if mean < limits.overlap:
        _, photo, text = tally.worst["box"]
        return f"{text}, and the mean IoU is {mean:.2f} (allowed {limits.overlap:g})", photo
    return None, 0


def matching_rows(expected: Mapping[str, Array], arrays: Mapping[str, Array]) -> Array:
    """For each row of a network's raw outputs the file's row that is the same object, (N,).

    Two objects whose scores differ in the last bit may change places; nothing is wrong then.
    """
    from scipy.optimize import linear_sum_assignment

    far = np.abs(expected["score"][0][:, None] - arrays["score"][0][None])  # (N, N)
    shifts = np.abs(expected["location"][0][:, None] - arrays["location"][0][None])  # (N, N, 4)
    far = far + shifts.max(axis=2)
    far = far + 10.0 * (expected["category"][0][:, None] != arrays["category"][0][None])
    # Equal rows (the empty ones) stay in their places.
    far = far + 1e-9 * np.abs(np.subtract.outer(np.arange(len(far)), np.arange(len(far))))
    return np.asarray(linear_sum_assignment(far)[1])
