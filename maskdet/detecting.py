"""Photos through a trained network, drawn: what ``python -m maskdet detect`` does."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from numpy.typing import NDArray

from maskdet.errors import DataError, UsageError
from maskdet.images import read_image, write_image
from maskdet.models.opening import open_model
from maskdet.photo_results import AskedPhoto, asked_photos, make_results_folder, only_failures


def detect_photos(
    weights: str | os.PathLike[str],
    photos: Sequence[str],
    out: str | os.PathLike[str],
    min_score: float = 0.5,
) -> list[Path]:
    """Draw what trained weights find in photos; prints a line a photo.

    A photo that cannot be read is named and left out.

    Args:
        weights: of any family, with the JSON beside them.
        photos: photos, or folders of photos.
        out: folder for the pictures; sub-folders are kept.
        min_score: lowest score of an object that is reported; classifiers report every class.

    Raises:
        UsageError: if there are no photos, they lie in ``out``, ``out`` cannot be written, or the
            weights lack the JSON beside them.
        DataError: if not one of the photos could be read.
    """
    asked = asked_photos(photos, out)
    if not asked:
        raise UsageError(f"There are no photos in {', '.join(photos)}.")
    model = open_model(weights, min_score=min_score)
    folder = make_results_folder(out)
    waiting: deque[tuple[AskedPhoto, NDArray]] = deque()
    failures: list[str] = []

    def whole_images() -> Iterator[NDArray]:
        for photo in asked:
            try:
                image = read_image(photo.path)
            except DataError as error:
                failures.append(str(error))
                if len(asked) > 1:
                    print(error)
                continue
            waiting.append((photo, image))
            yield image

    pictures = []
    for result in model.results(whole_images()):
        photo, image = waiting.popleft()
        pictures.append(folder / f"{photo.name}.jpg")
        write_image(pictures[-1], result.draw(image))
        print(f"{photo.path}: {result.listing()} -> {pictures[-1]}")
    if not pictures:
        raise only_failures(failures)
    return pictures
