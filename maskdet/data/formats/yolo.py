"""YOLO: a text file for each photo, a line for each object, in shares of the photo's size.

``class cx cy w h`` is a box, ``class x1 y1 x2 y2 x3 y3 ...`` an outline. Class names come from
``data.yaml`` (or another .yaml with ``names``), or from LabelImg's ``classes.txt``.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, Shape, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.outlines import bridged, polygons_of
from maskdet.data.formats.photo_files import file_names, files_below, write_photo
from maskdet.data.formats.reading import nothing_at
from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.yaml_subset import quoted, read_yaml
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError
from maskdet.files import write_whole
from maskdet.images import photo_endings

NAME = "YOLO"
LOOKS_FOR = "a .yaml with names, or classes.txt, and .txt files of numbers"
SPLITS = ("train", "val", "valid", "test")
_NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder (or its .yaml) holds a YOLO set."""
    root = Path(path)
    if root.is_file():
        return root.suffix.lower() in (".yaml", ".yml") and _has_names(root)
    if not root.is_dir():
        return False
    return _yaml_of(root) is not None or _list_of(root) is not None


def _has_names(path: Path) -> bool:
    try:
        return "names" in read_yaml(path)
    except DataError:
        # Damaged, but meant to be one: reading it says what is wrong.
        return b"names" in path.read_bytes()[:100_000]


def _yaml_of(folder: Path) -> Path | None:
    files = [f for ending in ("*.yaml", "*.yml") for f in sorted(folder.glob(ending))]
    return next((file for file in files if _has_names(file)), None)


def _list_of(folder: Path) -> Path | None:
    for parent in (folder, folder / "labels"):
        for name in _NAME_LISTS:
            if (parent / name).is_file():
                return parent / name
    return None


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    split: str | None = None,
) -> AnnotatedDataset:
    """A prepared data set from a YOLO folder or its .yaml.

    Photos are those of the splits that the .yaml names (stale paths of other machines are looked
    for by their last folders), else all below the folder. A photo's labels lie in ``labels/`` in
    the place of ``images/``, or beside it; without a label file it has no objects.

    Args:
        classes: names in the order of their ids; by default the .yaml's order.
        split: "train", "val" or "test" alone.

    Raises:
        DataError: for what cannot be used; names file and line.
        UsageError: for another ``split``.
    """
    root = Path(path)
    folder = root if root.is_dir() else root.parent
    source = root if root.is_file() else _yaml_of(folder) or _list_of(folder)
    if source is None:
        raise nothing_at(path, "YOLO set", LOOKS_FOR)
    if split not in (None, *SPLITS):
        raise UsageError(f"split must be one of {', '.join(SPLITS)}, but is {split!r}.")
    facts = read_yaml(source) if source.suffix.lower() in (".yaml", ".yml") else {}
    names = _names(facts, source)
    photos = list(_photos(facts, folder, split))
    if not photos:
        raise DataError(
            f"There are no photos in {folder}{f' for {split}' if split else ''}.",
            kind="no images",
            path=folder,
        )
    skip = on_error == "skip"
    pictures = [_picture(photo, folder, names, skip) for photo in photos]
    ids = {name: number for number, name in enumerate(names)}
    if classes is not None:
        ids = {name: ids.get(name, -1) for name in classes}
    return build_dataset(pictures, "yolo", classes, on_error, ids)


def _names(facts: dict[str, Any], source: Path) -> list[str]:
    names = facts.get("names")
    if names is None and not facts:
        try:
            lines = source.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{source} cannot be read ({error}); save it as UTF-8.",
                kind="unreadable file",
                path=source,
            ) from None
        names = [line.strip() for line in lines if line.strip()]
    if isinstance(names, dict):
        try:
            numbers = sorted((int(number), name) for number, name in names.items())
        except ValueError:
            raise DataError(
                f"The names of {source} are not numbered; write 0: name.",
                kind="unusable class names",
                path=source,
            ) from None
        if [number for number, _ in numbers] != list(range(len(numbers))):
            raise DataError(
                f"The names of {source} are not numbered 0, 1, 2, ...; correct them.",
                kind="unusable class names",
                path=source,
            )
        names = [name for _, name in numbers]
    if not isinstance(names, list) or not names or not all(names):
        raise DataError(
            f"{source} lists no class names; write names: [a, b].",
            kind="unusable class names",
            path=source,
        )
    if len(set(names)) != len(names):
        raise DataError(
            f"{source} lists a class name twice; give each its own.",
            kind="unusable class names",
            path=source,
        )
    return [str(name) for name in names]


def _photos(facts: dict[str, Any], folder: Path, split: str | None) -> Iterator[Path]:
    endings, seen = photo_endings(), set()
    wanted = SPLITS if split is None else (split, "valid" if split == "val" else split)
    sources = [where for name in wanted for where in _sources(facts.get(name), facts, folder)]
    if not sources:
        sources = [folder / split] if split else [folder]
        if split == "val" and not sources[0].exists():
            sources = [folder / "valid"]
    for source in sources:
        if source.is_file() and source.suffix == ".txt":
            files = [folder / line.strip() for line in source.read_text("utf-8").splitlines()]
        else:
            files = files_below(source) if source.is_dir() else []
        for file in files:
            if file.suffix.lower() in endings and file not in seen and "labels" not in file.parts:
                seen.add(file)
                yield file


def _sources(value: Any, facts: dict[str, Any], folder: Path) -> Iterator[Path]:
    """Folders (or lists) that a split's entry may mean; those that exist."""
    for entry in value if isinstance(value, list) else [value]:
        if not entry or not isinstance(entry, str):
            continue
        base = str(facts.get("path") or "")
        candidates = [folder / base / entry, folder / entry]
        parts = [p for p in PureWindowsPath(entry).parts if p not in ("..", ".", "/", "\\")]
        candidates += [folder.joinpath(*parts[-k:]) for k in range(len(parts), 0, -1)]
        if PureWindowsPath(entry).is_absolute() or entry.startswith("/"):
            candidates = candidates[2:]
        for candidate in candidates:
            try:
                if candidate.exists():
                    yield candidate
                    break
            except (OSError, ValueError):  # no possible path
                continue


def _label_file(photo: Path) -> Path | None:
    parts = list(photo.parts)
    for i in range(len(parts) - 2, -1, -1):
        if parts[i].lower() == "images":
            file = Path(*parts[:i], "labels", *parts[i + 1 :]).with_suffix(".txt")
            if file.is_file():
                return file
    for file in (photo.with_suffix(".txt"), photo.parent.parent / "labels" / f"{photo.stem}.txt"):
        if file.is_file():
            return file
    return None


def _picture(photo: Path, folder: Path, names: Sequence[str], skip: bool) -> Picture:
    file = _label_file(photo)
    name = photo.relative_to(folder) if photo.is_relative_to(folder) else photo
    picture = Picture(name.with_suffix("").as_posix(), photo, str(file or photo), relative=True)
    if file is None:
        return picture
    try:
        lines = read_text(file).splitlines()
    except DataError as error:
        refuse(error, skip)
        return picture
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                picture.items.append(_item(line.split(), names, f"{file}, line {number}"))
            except DataError as error:
                refuse(error, skip)
    return picture


def _item(words: list[str], names: Sequence[str], location: str) -> Item:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise DataError(
            f"{location} is no line of numbers ({' '.join(words)[:60]!r}).", kind="wrong value"
        ) from None
    kind = values[0]
    if not kind.is_integer() or not 0 <= kind < len(names):
        raise DataError(
            f"Class {words[0]} of {location} is unknown; there are {len(names)} names.",
            kind="unknown class",
        )
    name, shares = names[int(kind)], np.array(values[1:], dtype=np.float64)
    location = f"{location} ({name})"
    if not np.isfinite(shares).all():
        raise DataError(
            f"{location} holds a number that is not finite; correct it.", kind="wrong value"
        )
    if len(shares) in (4, 5):  # the fifth is a detector's score
        x, y, w, h = shares[:4]
        return Item(name, location, (y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    if len(shares) < 6 or len(shares) % 2:
        raise DataError(
            f"{location} has {len(shares)} numbers after the class; a box has 4, an outline an "
            "even number from 6 on.",
            kind="unusable outline",
        )
    return Item(name, location, None, Shape(polygons=(shares.reshape(-1, 2)[:, ::-1].copy(),)))


def write(dataset: Dataset, path: str | os.PathLike[str], *, split: str = "train") -> None:
    """Write ``data.yaml``, ``images/<split>`` and ``labels/<split>``.

    Outlines where the set has masks, else boxes. An outline of several parts becomes one, its parts
    joined by lines of no width, so that the mask stays the same; its box is then that of the
    outline. What YOLO cannot say: crowds (left out), ``difficult``.
    """
    folder = Path(path)
    for image_id, name in enumerate(file_names(dataset)):
        write_photo(dataset, image_id, folder / "images" / split, name)
        height, width = dataset.image_shape(image_id)
        boxes, class_ids = dataset.load_boxes(image_id)
        lines = []
        for box, class_id, polygons in zip(
            boxes, class_ids, polygons_of(dataset, image_id), strict=True
        ):
            if class_id < 0:
                continue
            if polygons:
                shares = (bridged(polygons)[:, ::-1] / (width, height)).ravel()
            else:
                y1, x1, y2, x2 = (float(side) for side in box)
                shares = np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
                shares /= (width, height, width, height)
            numbers = " ".join(f"{share:.10g}" for share in shares)
            lines.append(f"{int(class_id) - 1} {numbers}\n")
        write_whole(folder / "labels" / split / f"{name}.txt", "".join(lines))
    names = [str(info["name"]) for info in dataset.class_info[1:]]
    text = f"path: .\n{split}: images/{split}\nnc: {len(names)}\nnames:\n"
    text += "".join(f"  {number}: {quoted(name)}\n" for number, name in enumerate(names))
    write_whole(folder / "data.yaml", text)
