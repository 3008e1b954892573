"""Photos, videos and cameras through a trained network or an exported file."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskdet.errors import UsageError
from maskdet.garbage import uncollected
from maskdet.jobs.exported import is_exported
from maskdet.jobs.photo_round import ResultStream, answered, picture_path
from maskdet.photo_results import (
    AskedPhoto,
    asked_photos,
    make_results_folder,
    no_photos,
    only_failures,
    shown_path,
)
from maskdet.runtime import app
from maskdet.runtime.cameras import VIDEO_ENDINGS
from maskdet.runtime.opening import open_file
from maskdet.runtime.options import Options
from maskdet.tasks.task import Task

Array = NDArray[Any]
#: Told of each photo, its picture (None where none is written) and its result.
Heard = Callable[[AskedPhoto, Path | None, Any], None]
_SHOWN_SCORE = 0.5
# camera, camera:1, picamera; play:FOLDER.
_CAMERA = re.compile(r"play:.*|(pi)?camera(:.*)?")


class FileStream:
    """An exported file as a stream; see :class:`maskdet.runtime.predictor.Predictor`."""

    def __init__(self, path: str | os.PathLike[str], min_score: float | None) -> None:
        self._predictor = open_file(path, min_confidence=min_score)

    def results(self, images: Iterable[Any], ahead: int = 0) -> Iterator[Any]:
        """See :class:`maskdet.jobs.photo_round.ResultStream`; it prepares none ahead."""
        return map(self._predictor.predict, images)


class ModelPredictor:
    """A trained model for frames that come one by one, as the runtime takes an exported file.

    Args:
        weights: of any family.
        min_score: lowest score of a result.
    """

    def __init__(self, weights: str | os.PathLike[str], min_score: float) -> None:
        from maskdet.models.opening import open_model  # see _stream

        # A frame has to be answered before the next one comes.
        self._model = open_model(weights, min_score=min_score, IMAGES_PER_GPU=1, GPU_COUNT=1)
        self.task: Task = self._model.family.task

    def predict(self, image: Array) -> Any:
        """The task's result for an image uint8 (H, W, 3), RGB, in its own pixels."""
        return next(self._model.results([image]))


def is_live(source: str) -> bool:
    """Whether a source gives frames, not photos: a camera, a video, or a folder that is played."""
    if _CAMERA.fullmatch(source) and not os.path.exists(source):
        return True
    return source.startswith("/dev/") or Path(source).suffix.lower() in VIDEO_ENDINGS


def detect_photos(
    weights: str | os.PathLike[str],
    photos: Sequence[str],
    out: str | os.PathLike[str] | None,
    min_score: float = _SHOWN_SCORE,
    overwrite: bool = True,
    heard: Heard | None = None,
) -> list[Path]:
    """Draw what trained weights find in photos; prints a line a photo.

    A photo that cannot be read is named and left out.

    Args:
        weights: of any family, with the JSON beside them, or an exported .tflite file.
        photos: photos, or folders of photos.
        out: folder for the pictures; sub-folders are kept. None: nothing is drawn.
        min_score: lowest score of an object that is reported; classifiers report every class.
        overwrite: False: a picture that is there already is an error, before anything is done.
        heard: told of each result.

    Returns:
        The pictures' paths.

    Raises:
        UsageError: if there are no photos, they lie in ``out``, ``out`` cannot be written, a
            picture is there already, or the weights lack the JSON beside them.
        DataError: if not one of the photos could be read.
    """
    asked = asked_photos(photos, out)
    if not asked:
        raise no_photos(photos)
    if not any(photo.path.exists() for photo in asked):  # said before a network is built
        raise only_failures(
            [f"There is no photo {shown_path(photo.path)}; check the path." for photo in asked]
        )
    folder = None if out is None else Path(out)
    if folder is not None and not overwrite:
        _check_free(asked, folder)
    loading = contextlib.ExitStack()
    loading.enter_context(uncollected())  # until the network is compiled, which its first use does
    with loading:
        return _said(_stream(weights, min_score), asked, folder, heard, loading.close)


def _stream(weights: str | os.PathLike[str], min_score: float) -> ResultStream:
    if is_exported(weights):
        return FileStream(weights, min_score)
    from maskdet.models.opening import open_model  # TensorFlow takes seconds, and a file needs none

    return open_model(weights, min_score=min_score)


def _said(
    model: ResultStream,
    asked: Sequence[AskedPhoto],
    folder: Path | None,
    heard: Heard | None,
    begun: Callable[[], None],
) -> list[Path]:
    """Say what is found in each photo; ``begun`` is called when the first one is through."""
    if folder is not None:
        make_results_folder(folder)
    pictures: list[Path] = []
    failures: list[str] = []
    with contextlib.closing(answered(model, asked, folder)) as answers:
        for one in answers:
            begun()
            if one.failure:
                failures.append(one.failure)
                if len(asked) > 1:
                    print(one.failure)
                continue
            line = f"{shown_path(one.photo.path)}: {one.result.listing()}"
            if one.picture is not None:
                pictures.append(one.picture)
                line += f" -> {one.picture}"
            print(line)
            if heard is not None:
                heard(one.photo, one.picture, one.result)
    if len(failures) == len(asked):
        raise only_failures(failures)
    return pictures


def _check_free(asked: Sequence[AskedPhoto], folder: Path) -> None:
    taken = next((p for photo in asked if (p := picture_path(folder, photo)).exists()), None)
    if taken is not None:
        raise UsageError(
            f"{taken} is there already, and nothing is written over it; give another folder with "
            "--out, or add --overwrite."
        )


def detect_live(
    weights: str | os.PathLike[str], source: str, options: Options, min_score: float | None = None
) -> None:
    """Follow what is in a video or before a camera; see :func:`maskdet.runtime.app.run`.

    Args:
        weights: of any family, or an exported .tflite file, which is faster.
        source: a video, "camera", "camera:1", "/dev/video0", or "play:FOLDER".
        min_score: lowest score of an object.

    Raises:
        UsageError: if what the source needs is not installed, or a video is there already.
        DataError: if the source is missing or damaged.
    """
    predictor: Any = (
        open_file(weights, min_confidence=min_score)
        if is_exported(weights)
        else ModelPredictor(weights, _SHOWN_SCORE if min_score is None else min_score)
    )
    app.run(predictor, source, options)
