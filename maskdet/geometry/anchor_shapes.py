"""The sizes and shapes of a detector's anchors, as its settings have them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AnchorShapes:
    """What a data set's boxes are compared with.

    Attributes:
        scales: side of the square anchor of each level, pixels of the network's input.
        ratios: width / height of each shape.
        advice: from other scales and ratios to how a Config states them.
        strides: pixels of the input between the anchors of each level; () where nobody says.
    """

    scales: Sequence[float]
    ratios: Sequence[float]
    advice: Callable[[Sequence[float], Sequence[float]], str]
    strides: Sequence[float] = ()

    @property
    def levels(self) -> int:
        """How many levels have anchors."""
        return len(self.strides) or len(self.scales)
