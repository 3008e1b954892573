"""Mask pictures: a PNG for each object, or one picture of object numbers for each photo.

(a) ``<id>/images/<id>.png`` with ``<id>/masks/*.png``: what is not black is the object; a folder
``masks/<class>/`` gives its class.
(b) A folder of photos and one of masks with the same names (perhaps with ``_mask`` behind them):
pixels of value k are object k, 0 is background. There may be several such pairs (``train/images``
with ``train/masks``, ``images/cam1`` with ``masks/cam1``).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.class_folders import class_of_folder, folder_of_class
from maskdet.data.formats.names_alike import NamesAlike
from maskdet.data.formats.photo_files import files_below, photos_among, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.mask_pictures import object_numbers
from maskdet.data.refusal import refuse
from maskdet.errors import DataError
from maskdet.files import write_whole
from maskdet.images import photo_endings, png_bytes

NAME = "mask folders"
LOOKS_FOR = "<id>/images and <id>/masks, or a folder of photos beside one of masks"
HOLDS = frozenset({"masks"})
_SUFFIXES = ("_mask", "_masks", "-mask", "_label", "_instance", "_instances")
_MASK_WORDS = ("mask", "label", "instance", "annot", "segmentationobject")
_MOST_PLAIN = 255


# A folder in one of these is one of masks too.
_MASK_FOLDERS = ("mask", "masks", "labels", "instances", "segmentationobject")
# Pictures of classes say not which object a pixel is, and are no photos.
_NEITHER = ("segmentationclass",)


class _Pair(NamedTuple):
    """Photos of a folder, and the mask of each that has one."""

    photos: list[Path]
    masks: dict[Path, Path]


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds photos with mask pictures in one of the two forms."""
    root = Path(path)
    return root.is_dir() and (bool(_single(root)) or bool(_pairs(root)))


def _single(root: Path) -> list[Path]:
    """Folders with ``images`` and ``masks`` in them, sorted."""
    return sorted(
        folder.parent
        for folder in root.rglob("masks")
        if folder.is_dir() and (folder.parent / "images").is_dir() and folder.parent != root
    )


def _photos_in(folder: Path) -> list[Path]:
    return photos_among(files_below(folder / "images"))


def _pairs(root: Path) -> list[_Pair]:
    """Folders of masks below ``root``, each with the nearest folder of photos that fits."""
    folders: dict[Path, list[Path]] = {}
    for file in photos_among(files_below(root)):
        parts = file.parent.relative_to(root).parts
        if not any(part.lower() in _NEITHER for part in parts):
            folders.setdefault(file.parent, []).append(file)
    masks = {
        folder: files
        for folder, files in folders.items()
        if _is_of_masks(folder.relative_to(root).parts)
        and all(file.suffix.lower() in (".png", ".tif", ".tiff", ".bmp") for file in files)
    }
    pairs: dict[Path, _Pair] = {}
    for folder, files in masks.items():
        by_stem = NamesAlike((_plain(file.stem), file) for file in files)
        fitting = [
            other
            for other, photos in folders.items()
            if other not in masks and _fits(photos, by_stem, len(files))
        ]
        if fitting:
            nearest = max(fitting, key=lambda other: _common(folder.parts, other.parts))
            photos = sorted(folders[nearest])
            pairs.setdefault(nearest, _Pair(photos, _masks_of(photos, by_stem)))
    return list(pairs.values())


def _is_of_masks(parts: Sequence[str]) -> bool:
    names = [part.lower() for part in parts] or [""]
    return any(word in names[-1] for word in _MASK_WORDS) or any(
        name in _MASK_FOLDERS for name in names
    )


def _masks_of(photos: Sequence[Path], by_stem: NamesAlike[Path]) -> dict[Path, Path]:
    """The mask of each photo that has one, by its name without ending.

    Another spelling of the name counts where the mask is no other photo's to the letter.
    """
    masks = {photo: files[-1] for photo in photos if (files := by_stem.exact(photo.stem))}
    used = set(masks.values())
    for photo in photos:
        alike = [] if photo in masks else by_stem.find(photo.stem)
        free = [file for file in alike if file not in used]
        if free:
            masks[photo] = free[-1]
            used.add(free[-1])
    return masks


def _fits(photos: Sequence[Path], masks: NamesAlike[Path], count: int) -> bool:
    matched = sum(bool(masks.find(photo.stem)) for photo in photos)
    return matched > 0 and matched >= count / 2


def _common(first: Sequence[str], other: Sequence[str]) -> int:
    """Folders that two paths have in common from the front and from the back."""
    count = 0
    for pairs in (zip(first, other, strict=False), zip(first[::-1], other[::-1], strict=False)):
        for one, two in pairs:
            if one != two:
                break
            count += 1
    return count


def _plain(stem: str) -> str:
    for suffix in _SUFFIXES:
        if stem.lower().endswith(suffix):
            return stem[: -len(suffix)]
    return stem


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    class_name: str = "object",
) -> AnnotatedDataset:
    """A prepared data set from mask pictures.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.
        class_name: class of masks that lie in no folder of a class.

    Raises:
        DataError: for a mask that cannot be read, is empty, or is not as large as its photo.
    """
    root = Path(path)
    skip = on_error == "skip"
    folders = _single(root)
    # Photos and masks of a part (train/images, train/masks) lie like those of one photo.
    pairs = [] if folders and len(_photos_in(folders[0])) == 1 else _pairs(root)
    if not folders and not pairs:
        raise DataError(
            f"There are no mask pictures at {path}; looked for {LOOKS_FOR}.",
            kind="unknown format",
            path=path,
        )
    if pairs:
        pictures = [
            picture
            for pair in pairs
            for picture in _of_pair(pair, root if len(pairs) > 1 else None, class_name, skip)
        ]
    else:
        pictures = list(_of_folders(folders, root, class_name, skip))
    return build_dataset(pictures, "masks", classes, on_error)


def _of_folders(
    folders: Sequence[Path], root: Path, class_name: str, skip: bool
) -> Iterator[Picture]:
    endings = photo_endings()
    for folder in folders:
        photos = _photos_in(folder)
        if len(photos) != 1:
            refuse(
                DataError(
                    f"{folder / 'images'} holds {len(photos)} photos instead of one.",
                    kind="wrong number of photos",
                    path=folder / "images",
                ),
                skip,
            )
            continue
        name = folder.relative_to(root).as_posix()
        picture = Picture(name, photos[0], f"photo {photos[0]}")
        for file in files_below(folder / "masks"):
            if file.suffix.lower() not in endings:
                continue
            inner = file.parent.relative_to(folder / "masks").parts
            kind = class_of_folder(inner[0]) if inner else class_name
            shape = Shape(picture=(str(file), None))
            picture.items.append(Item(kind, f"mask {file} ({kind})", None, shape))
        yield picture


def _of_pair(pair: _Pair, root: Path | None, class_name: str, skip: bool) -> Iterator[Picture]:
    """Pictures of one pair; their ids are names, or paths below ``root``."""
    for photo in pair.photos:
        inner = Path(photo.name) if root is None else photo.relative_to(root)
        picture = Picture(inner.with_suffix("").as_posix(), photo, f"photo {photo}")
        file = pair.masks.get(photo)
        if file is None:
            refuse(
                DataError(
                    f"There is no mask for {photo}; add it.", kind="missing mask", path=photo
                ),
                skip,
                "it has no objects",
            )
            yield picture
            continue
        try:
            for value in object_numbers(file):
                location = f"object {value} of {file}"
                shape = Shape(picture=(str(file), value))
                picture.items.append(Item(class_name, location, None, shape))
        except DataError as error:
            refuse(error, skip)
        yield picture


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write ``<id>/images/<id>.<ending>`` and ``<id>/masks/<class>/<number>.png``.

    Masks are exact; a box alone becomes a filled one. What mask pictures cannot say: crowds (left
    out), ``difficult``, boxes that differ from their mask's.
    """
    folder = Path(path)
    for image_id, name in enumerate(file_names(dataset)):
        write_photo(dataset, image_id, folder / name / "images", name)
        masks, class_ids = dataset.load_mask(image_id)
        (folder / name / "masks").mkdir(parents=True, exist_ok=True)
        for number, class_id in enumerate(class_ids):
            if class_id > 0:
                kind = folder_of_class(str(dataset.class_info[int(class_id)]["name"]))
                plane = np.asarray(masks[..., number]).astype(np.uint8) * _MOST_PLAIN
                file = folder / name / "masks" / kind / f"{number:04d}.png"
                write_whole(file, png_bytes(plane))
