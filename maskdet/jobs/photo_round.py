"""Photos through a network: read ahead of it, drawn and written behind it, in constant memory."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from maskdet.ahead import in_order
from maskdet.errors import DataError
from maskdet.images import read_image, write_image
from maskdet.photo_results import AskedPhoto

Array = NDArray[Any]
#: Photos in memory at most before the network, and as many behind it: a usual batch, so that the
#: network finds one read when it has done another.
AHEAD = 8
# Pillow lets other threads work while it decodes and encodes.
_THREADS = min(4, os.cpu_count() or 1)


class ResultStream(Protocol):
    """What gives a result for each image of a stream."""

    def results(self, images: Iterable[Any], ahead: int = 0) -> Iterator[Any]:
        """The task's results, in order; ``ahead`` as :meth:`maskdet.models.model.Model.results`
        has it."""
        ...


@dataclass(frozen=True)
class AnsweredPhoto:
    """What there is to say of a photo: its result and its picture, or why there is none.

    Attributes:
        image: uint8 (H, W, 3) for as long as it is to be drawn into; None once it is.
        picture: where the drawn photo was written; None where nothing was.
        failure: a sentence; empty for a photo that could be read.
    """

    photo: AskedPhoto
    image: Array | None = None
    result: Any = None
    picture: Path | None = None
    failure: str = ""


def answered(
    model: ResultStream, asked: Sequence[AskedPhoto], folder: Path | None
) -> Generator[AnsweredPhoto]:
    """Every photo's answer, in order; close it to stop early.

    The network works in the caller's thread; photos are read before it and drawn behind it by
    others.

    Args:
        folder: for the pictures; None: nothing is drawn.
    """
    photos = in_order(_read, asked, _THREADS, AHEAD)

    def drawn(one: AnsweredPhoto) -> AnsweredPhoto:
        if folder is None or one.image is None:
            return replace(one, image=None)
        path = picture_path(folder, one.photo)
        write_image(path, one.result.draw(one.image))
        return replace(one, image=None, picture=path)

    return in_order(drawn, _with_results(model, photos), _THREADS, AHEAD)


def picture_path(folder: Path, photo: AskedPhoto) -> Path:
    """Where the drawn photo goes."""
    return folder / f"{photo.name}.jpg"


def _read(photo: AskedPhoto) -> AnsweredPhoto:
    try:
        return AnsweredPhoto(photo, read_image(photo.path))
    except DataError as error:
        return AnsweredPhoto(photo, failure=str(error))


def _with_results(model: ResultStream, photos: Iterator[AnsweredPhoto]) -> Iterator[AnsweredPhoto]:
    """Photos with their results; those without an image stand among them where they stood."""
    waiting: deque[AnsweredPhoto] = deque()

    def images() -> Iterator[Array]:
        for photo in photos:
            waiting.append(photo)
            if photo.image is not None:
                yield photo.image

    for result in model.results(images(), AHEAD):
        while waiting[0].image is None:
            yield waiting.popleft()
        yield replace(waiting.popleft(), result=result)
    yield from waiting
