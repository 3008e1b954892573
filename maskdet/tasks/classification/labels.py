"""Labels: what a classifier says of one image."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.errors import DataError, UsageError
from maskdet.files import write_whole

Array = NDArray[Any]
_FORMAT = "maskdet.labels"


@dataclass(frozen=True, eq=False)
class Labels:
    """How sure a classifier is of each class.

    Attributes:
        scores: float32 (classes,), 0..1, without the background.
        class_names: a name for each score.
        image_shape: (height, width) of the image in pixels.

    Raises:
        UsageError: for other numbers of scores and names, or scores that are not finite.
    """

    scores: Array
    class_names: tuple[str, ...]
    image_shape: tuple[int, int]

    def __post_init__(self) -> None:
        scores = np.array(self.scores, dtype=np.float32).reshape(-1)
        names = tuple(str(name) for name in self.class_names)
        if len(scores) != len(names) or not len(names) or not np.isfinite(scores).all():
            raise UsageError(
                f"Labels need one finite score a class, but there are {len(scores)} scores for "
                f"{len(names)} class names."
            )
        scores.setflags(write=False)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "class_names", names)
        shape = int(self.image_shape[0]), int(self.image_shape[1])
        object.__setattr__(self, "image_shape", shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        same = (self.class_names, self.image_shape) == (other.class_names, other.image_shape)
        return same and np.array_equal(self.scores, other.scores)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        height, width = self.image_shape
        return f"Labels({self.summary()}; {height} x {width} pixels)"

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The likeliest classes as (name, score), best first."""
        order = np.argsort(-self.scores, kind="stable")[:count]
        return [(self.class_names[i], float(self.scores[i])) for i in order]

    @property
    def name(self) -> str:
        """The likeliest class."""
        return self.top(1)[0][0]

    @property
    def score(self) -> float:
        """The likeliest class's score."""
        return self.top(1)[0][1]

    def summary(self) -> str:
        """In a few words: "cat 0.93, dog 0.05"."""
        return ", ".join(f"{name} {score:.2f}" for name, score in self.top(3))

    def listing(self) -> str:
        """For a line in the terminal; as :meth:`summary`."""
        return self.summary()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: each class's score by its name, the likeliest first."""
        scores = dict(self.top(len(self.scores)))
        return {"image_shape": list(self.image_shape), "name": self.name, "scores": scores}

    def draw(self, image: Array) -> Array:
        """A copy of ``image`` uint8 (H, W, 3) with the likeliest classes written into a corner."""
        from maskdet.visualize.draw import draw_lines  # Pillow only where it is used

        return draw_lines(image, [f"{name} {score:.2f}" for name, score in self.top(3)])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything as JSON; the file is complete or not there at all."""
        content = {
            "format": _FORMAT,
            "version": 1,
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "scores": self.scores.tolist(),
        }
        write_whole(path, json.dumps(content))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Labels":
        """Read what :meth:`save` wrote.

        Raises:
            DataError: for a file that is missing, is not ours, or is damaged.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            names: Sequence[str] = content["class_names"]
            return cls(content["scores"], tuple(names), tuple(content["image_shape"]))
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(
                f"The labels in {os.fspath(path)} cannot be read ({error}); save them again."
            ) from error
