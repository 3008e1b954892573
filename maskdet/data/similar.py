"""Photos that are the same picture, or nearly: by files' content and by small hashes of the pixels.

The hash compares neighbours in a tiny grey version of the photo, along rows and along columns
(difference hash), so that size, quality and light change little of it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from maskdet.data.dataset import Dataset
from maskdet.errors import DataError
from maskdet.images import read_image
from maskdet.progress import progress_bar

Array = NDArray[Any]
# The tiny version's side; the hash has 2 * SIDE * SIDE bits.
SIDE = 16
# Photos whose hashes differ in no more bits than this are near-identical.
NEAR = 70
# Pairs are compared in blocks of this many photos.
_BLOCK = 512
# Photos of which comparing takes so long that a bar is shown.
_MANY = 500


def difference_hash(image: Array) -> Array:
    """Bits of an image uint8 (H, W, 3): bool (2 * SIDE * SIDE,)."""
    grey = Image.fromarray(image).convert("L")
    across = np.asarray(grey.resize((SIDE + 1, SIDE), Image.Resampling.BOX), dtype=np.int16)
    down = np.asarray(grey.resize((SIDE, SIDE + 1), Image.Resampling.BOX), dtype=np.int16)
    bits = [(across[:, 1:] > across[:, :-1]).ravel(), (down[1:] > down[:-1]).ravel()]
    return np.concatenate(bits)


def hashes(paths: Sequence[str], progress: bool = False) -> list[Array | None]:
    """The hash of each photo; None for one that cannot be read."""

    def one(path: str) -> Array | None:
        try:
            return difference_hash(read_image(path))
        except (DataError, OSError):
            return None

    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        results = pool.map(one, paths)
        bar = progress_bar(results, "comparing photos", len(paths), shown=progress)
        return list(bar)


def near_pairs(photo_hashes: Sequence[Array | None], limit: int = NEAR) -> list[tuple[int, int]]:
    """Pairs of photos (first, second) whose hashes differ in at most ``limit`` bits."""
    known = [i for i, bits in enumerate(photo_hashes) if bits is not None]
    if len(known) < 2:
        return []
    table = np.stack([photo_hashes[i] for i in known]).astype(np.float32)  # type: ignore[misc]
    ones = table.sum(axis=1)
    pairs = []
    for start in range(0, len(table), _BLOCK):
        block = table[start : start + _BLOCK]
        # Bits that differ: those set in one, plus in the other, less twice those in both.
        differ = ones[start : start + _BLOCK, None] + ones[None] - 2 * block @ table.T
        rows, columns = np.nonzero(differ <= limit)
        later = columns > rows + start
        for row, column in zip(rows[later] + start, columns[later], strict=True):
            pairs.append((known[int(row)], known[int(column)]))
    return pairs


def same_files(paths: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of files with the same content; files of other sizes are not read."""
    by_size: dict[int, list[int]] = {}
    for number, path in enumerate(paths):
        if os.path.isfile(path):
            by_size.setdefault(os.path.getsize(path), []).append(number)
    pairs = []
    for numbers in by_size.values():
        first: dict[bytes, int] = {}
        for number in numbers if len(numbers) > 1 else []:
            with open(paths[number], "rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            if content in first:
                pairs.append((first[content], number))
            first.setdefault(content, number)
    return pairs


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> Array:
    """A number for each of ``count`` things, int; things that pairs lead to share it."""
    owner = list(range(count))

    def root(thing: int) -> int:
        while owner[thing] != thing:
            owner[thing] = owner[owner[thing]]
            thing = owner[thing]
        return thing

    for first, second in pairs:
        owner[root(second)] = root(first)
    numbers: dict[int, int] = {}
    labels = [numbers.setdefault(root(thing), len(numbers)) for thing in range(count)]
    return np.array(labels, dtype=np.int64)


def similar_groups(dataset: Dataset) -> Array:
    """A number for each image, int (images,); near-identical photos share it."""
    count = len(dataset.image_info)
    bar = progress_bar(_hashes_of(dataset), "comparing photos", count, shown=count >= _MANY)
    photo_hashes = list(bar)
    return connected(len(photo_hashes), near_pairs(photo_hashes))


def _hashes_of(dataset: Dataset) -> Iterator[Array | None]:
    for image_id in range(len(dataset.image_info)):
        try:
            yield difference_hash(np.asarray(dataset.load_image(image_id)))
        except DataError:
            yield None
