"""Photos through a trained network, drawn: what ``python -m maskdet detect`` does."""

import os
from collections.abc import Sequence
from pathlib import Path

from maskdet.errors import UsageError
from maskdet.images import photo_endings, read_image, write_image
from maskdet.models.opening import open_model


def detect_photos(
    weights: str | os.PathLike[str],
    photos: Sequence[str],
    out: str | os.PathLike[str],
    min_score: float = 0.5,
) -> list[Path]:
    """Draw what trained weights find in photos; prints a line a photo.

    Args:
        weights: of any family, with the JSON beside them.
        photos: photos, or folders of photos.
        out: folder for the pictures.
        min_score: lowest score of an object that is reported; classifiers report every class.

    Raises:
        UsageError: if there are no photos, or the weights lack the JSON beside them.
    """
    model = open_model(weights, min_score=min_score)
    paths = [path for name in photos for path in photos_of(Path(name))]
    if not paths:
        raise UsageError(f"There are no photos in {', '.join(photos)}.")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    results = model.results(read_image(path) for path in paths)
    for path, result in zip(paths, results, strict=True):
        pictures.append(folder / f"{path.stem}.jpg")
        write_image(pictures[-1], result.draw(read_image(path)))
        print(f"{path}: {result.listing()} -> {pictures[-1]}")
    return pictures


def photos_of(path: Path) -> list[Path]:
    """All photos below a folder, or the path itself."""
    if path.is_dir():
        endings = photo_endings()
        return sorted(p for p in path.rglob("*") if p.suffix.lower() in endings)
    return [path]
