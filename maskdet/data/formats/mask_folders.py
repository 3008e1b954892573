"""Mask pictures: a PNG for each object, or one picture of object numbers for each photo.

(a) ``<id>/images/<id>.png`` with ``<id>/masks/*.png``: what is not black is the object; a folder
``masks/<class>/`` gives its class.
(b) A folder of photos and one of masks with the same names (perhaps with ``_mask`` behind them):
pixels of value k are object k, 0 is background.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.class_folders import class_of_folder, folder_of_class
from maskdet.data.formats.photo_files import files_below, write_photo
from maskdet.data.formats.photo_names import file_names
from maskdet.data.outlines import mask_plane
from maskdet.data.refusal import refuse
from maskdet.errors import DataError
from maskdet.files import write_whole
from maskdet.images import photo_endings, png_bytes

NAME = "mask folders"
LOOKS_FOR = "<id>/images and <id>/masks, or a folder of photos beside one of masks"
_SUFFIXES = ("_mask", "_masks", "-mask", "_label", "_instance", "_instances")
_MASK_WORDS = ("mask", "label", "instance", "annot", "segmentationobject")
_MOST_PLAIN = 255


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds photos with mask pictures in one of the two forms."""
    root = Path(path)
    return root.is_dir() and (bool(_single(root)) or _paired(root) is not None)


def _single(root: Path) -> list[Path]:
    """Folders with ``images`` and ``masks`` in them, sorted."""
    return sorted(
        folder.parent
        for folder in root.rglob("masks")
        if folder.is_dir() and (folder.parent / "images").is_dir() and folder.parent != root
    )


def _paired(root: Path) -> tuple[list[Path], dict[str, Path]] | None:
    """Photos and masks by stem, where two folders below ``root`` fit together."""
    endings = photo_endings()
    folders: dict[Path, list[Path]] = {}
    for file in files_below(root):
        if file.suffix.lower() in endings:
            folders.setdefault(file.parent, []).append(file)
    masks = {
        folder: files
        for folder, files in folders.items()
        if any(word in folder.name.lower() for word in _MASK_WORDS)
        and all(file.suffix.lower() in (".png", ".tif", ".tiff", ".bmp") for file in files)
    }
    for folder, files in masks.items():
        by_stem = {_plain(file.stem): file for file in files}
        for other, photos in folders.items():
            if other != folder and other not in masks:
                matched = [photo for photo in photos if photo.stem in by_stem]
                if matched and len(matched) >= len(files) / 2:
                    return sorted(photos), by_stem
    return None


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
    if folders:
        pictures = list(_of_folders(folders, root, class_name, skip))
    else:
        pair = _paired(root)
        if pair is None:
            raise DataError(
                f"There are no mask pictures at {path}; looked for {LOOKS_FOR}.",
                kind="unknown format",
                path=path,
            )
        pictures = list(_of_pairs(*pair, class_name, skip))
    return build_dataset(pictures, "masks", classes, on_error)


def _of_folders(
    folders: Sequence[Path], root: Path, class_name: str, skip: bool
) -> Iterator[Picture]:
    endings = photo_endings()
    for folder in folders:
        photos = [f for f in files_below(folder / "images") if f.suffix.lower() in endings]
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


def _of_pairs(
    photos: Sequence[Path], masks: dict[str, Path], class_name: str, skip: bool
) -> Iterator[Picture]:
    for photo in photos:
        picture = Picture(photo.stem, photo, f"photo {photo}")
        file = masks.get(photo.stem)
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
            for value in _values(file):
                location = f"object {value} of {file}"
                shape = Shape(picture=(str(file), value))
                picture.items.append(Item(class_name, location, None, shape))
        except DataError as error:
            refuse(error, skip)
        yield picture


def _values(path: Path) -> list[int]:
    """Object numbers in a mask picture, in order."""
    plane, mode = mask_plane(path)
    if plane.dtype == bool:
        plane = plane.astype(np.uint8)
    if plane.dtype.kind not in "iu":
        raise DataError(
            f"The mask {path} holds no whole numbers; save it as a grey PNG.",
            kind="wrong value",
            path=path,
        )
    # In palette pictures after VOC's custom 255 is the border around objects.
    nothing = (0, 255) if mode == "P" else (0,)
    return [int(value) for value in np.unique(plane) if value not in nothing]


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
