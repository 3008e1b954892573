"""What is to be said and drawn of a camera's frames, one after another."""

from collections import Counter
from typing import Any

from numpy.typing import NDArray

from maskdet.detections import Detections
from maskdet.runtime.events import Recorder
from maskdet.runtime.options import Options
from maskdet.runtime.tracker import Tracker
from maskdet.tasks.classification.labels import Labels
from maskdet.visualize.draw import draw_instances, palette

Array = NDArray[Any]
#: Colours that tracks take in turn.
_COLOURS = palette(24)


class FollowedObjects:
    """A detector's frames: objects followed, counted and recorded."""

    def __init__(self, options: Options) -> None:
        self._tracker = Tracker()
        self._recorder = Recorder(options.record) if options.record else None
        self._detections: Detections | None = None
        self._numbers: list[int] = []

    @property
    def totals(self) -> Counter[str]:
        """How many different objects of each class there were."""
        return self._tracker.totals

    def update(self, detections: Detections) -> None:
        """Take the next frame's detections."""
        self._detections, self._numbers = self._tracker.update(detections)

    def summary(self) -> str:
        """The present frame in a few words."""
        return self._detections.summary() if self._detections is not None else ""

    @property
    def wants_picture(self) -> bool:
        """Whether :meth:`record` would keep a picture of the present frame."""
        return self._recorder is not None and self._recorder.wants(self._numbers)

    def draw(self, frame: Array) -> Array:
        """The frame with its objects, each in the colour of its track."""
        assert self._detections is not None
        return drawn(frame, self._detections, self._numbers)

    def record(self, picture: Array) -> str | None:
        """Keep the drawn frame if one of its objects is new; what is to be said of it."""
        if self._recorder is None or self._detections is None:
            return None
        path = self._recorder.update(picture, self._detections, self._numbers)
        return f"new: {self.summary()} -> {path}" if path else None


class LabelledFrames:
    """A classifier's frames: counted by their likeliest class."""

    wants_picture = False

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._labels: Labels | None = None

    def update(self, labels: Labels) -> None:
        """Take the next frame's labels."""
        self._labels = labels
        self.totals[labels.name] += 1

    def summary(self) -> str:
        """The present frame in a few words."""
        return self._labels.summary() if self._labels is not None else ""

    def draw(self, frame: Array) -> Array:
        """The frame with its likeliest classes written into a corner."""
        assert self._labels is not None
        return self._labels.draw(frame)

    def record(self, picture: Array) -> str | None:
        """Nothing: there are no objects that could be new."""
        return None


def drawn(frame: Array, detections: Detections, numbers: list[int]) -> Array:
    """A frame with its objects, each in the colour of its track's number."""
    return draw_instances(
        frame,
        detections.boxes,
        class_ids=detections.class_ids,
        class_names=detections.class_names,
        scores=detections.scores,
        masks=detections.crops() if detections.has_masks else None,
        colors=[_COLOURS[number % len(_COLOURS)] for number in numbers],
    )
