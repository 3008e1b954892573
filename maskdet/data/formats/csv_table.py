"""CSV: a row for each box, with a header (the TF Object Detection API) or none (keras-retinanet).

Headers may come in any order and case and under usual other names. Without a header a row is
``file, x1, y1, x2, y2, class``; a photo without objects has a row of its name alone.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from maskdet.data.annotated import AnnotatedDataset, Item, Picture, build_dataset
from maskdet.data.dataset import Dataset
from maskdet.data.formats.json_file import as_number, as_size
from maskdet.data.formats.photo_files import (
    PhotoFinder,
    closed_endings,
    plain_name,
    write_photo,
)
from maskdet.data.formats.photo_names import file_names
from maskdet.data.formats.reading import files_at, is_empty, read_with, with_damaged
from maskdet.data.formats.text_file import read_text
from maskdet.data.formats.writing import write_over
from maskdet.data.refusal import refuse
from maskdet.errors import DataError
from maskdet.images import photo_endings

NAME = "CSV"
LOOKS_FOR = "*.csv with filename, class and corners"
HOLDS = frozenset({"boxes"})
FILE_NAME = "annotations.csv"
_COLUMNS = {
    "filename": ("filename", "file_name", "file", "image", "image_path", "path", "imageid", "img"),
    "class": ("class", "label", "class_name", "name", "category", "labelname", "class_label"),
    "xmin": ("xmin", "x1", "x_min", "left", "bbox_xmin"),
    "ymin": ("ymin", "y1", "y_min", "top", "bbox_ymin"),
    "xmax": ("xmax", "x2", "x_max", "right", "bbox_xmax"),
    "ymax": ("ymax", "y2", "y_max", "bottom", "bbox_ymax"),
    "width": ("width", "image_width", "img_width", "w"),
    "height": ("height", "image_height", "img_height", "h"),
}
# A box without a corner above this is in shares: tools that augment write some just above 1.
_MOST_OF_SHARES = 1.1
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_NEEDED = ("filename", "class", *_SIDES)
_HEADERLESS = ("filename", "xmin", "ymin", "xmax", "ymax", "class")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a file or folder holds tables of boxes."""
    return bool(_files(Path(path)))


def _files(path: Path) -> list[Path]:
    return with_damaged(files_at(path, ".csv", ".tsv"), _is_table, _is_damaged)


def _first_row(path: Path) -> list[str]:
    try:
        with open(path, "rb") as file:
            head = file.read(4096).decode("utf-8-sig", errors="replace")
    except OSError:
        return []
    try:
        rows = csv.reader(io.StringIO(head), delimiter=_delimiter(head))
        return next((row for row in rows if row), [])
    except csv.Error:
        return head.splitlines()[0].split(_delimiter(head))  # reading names the line


def _is_table(path: Path) -> bool:
    row = _first_row(path)
    if not row:
        return False
    if _header(row) is not None:
        return True
    ending = Path(plain_name(row[0])).suffix.lower() if row[0] else ""
    return len(row) == 6 and ending in photo_endings() | closed_endings()


def _is_damaged(path: Path) -> bool:
    return is_empty(path) or bool(_missing_columns(_first_row(path)))


def _missing_columns(row: Sequence[str]) -> list[str]:
    """What a header of boxes lacks; nothing for a row that is none, or a whole one."""
    known = _columns(row)
    if "filename" not in known or not any(side in known for side in _SIDES):
        return []
    return [name for name in _NEEDED if name not in known]


def _delimiter(text: str) -> str:
    first = text.lstrip().split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _header(row: Sequence[str]) -> dict[str, int] | None:
    """Column of each known name, or None for a row that is no header."""
    known = _columns(row)
    return known if all(name in known for name in _NEEDED) else None


def _columns(row: Sequence[str]) -> dict[str, int]:
    words = [word.strip().lower() for word in row]
    indices = {
        name: next((words.index(alias) for alias in aliases if alias in words), -1)
        for name, aliases in _COLUMNS.items()
    }
    return {name: index for name, index in indices.items() if index >= 0}


def read(
    path: str | os.PathLike[str], classes: Sequence[str] | None = None, on_error: str = "raise"
) -> AnnotatedDataset:
    """A prepared data set of boxes from one table, or from all in a folder.

    Boxes are in pixels, or, where most boxes of a table have no number above 1.1, shares of the
    photo's size.

    Args:
        classes: names in the order of their ids; by default all that occur, sorted.

    Raises:
        DataError: for what cannot be used; names file and line.
    """
    files = _files(Path(path))
    pictures = read_with(_pictures, files, path, on_error, ("table of boxes", LOOKS_FOR))
    return build_dataset(pictures, "csv", classes, on_error)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, fields by our names) of each row that is not empty."""
    text = read_text(file)
    if not text.strip():
        raise DataError(
            f"{file} is empty; write it again or remove it.", kind="broken table", path=file
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns: Mapping[str, int] | None = None
    try:
        for row in reader:
            if columns is None and any(row):
                columns = _header(row)
                if columns is not None:
                    continue
                missing = _missing_columns(row)
                if missing:
                    raise DataError(
                        f"{file}, line {reader.line_num} is a header without "
                        f"{', '.join(missing)}; write the table again.",
                        kind="broken table",
                        path=file,
                        line=reader.line_num,
                    )
                columns = {name: index for index, name in enumerate(_HEADERLESS)}
            if any(word.strip() for word in row) and columns is not None:
                cells = {n: row[i].strip() if i < len(row) else "" for n, i in columns.items()}
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(
            f"{file}, line {reader.line_num} is no row of a table ({error}); repair it.",
            kind="broken table",
            path=file,
            line=reader.line_num,
        ) from None


def _pictures(file: Path, finder: PhotoFinder, skip: bool) -> Iterator[Picture]:
    pictures_by_name: dict[str, Picture] = {}
    largest: list[float] = []
    for line, row in _rows(file):
        location = f"{file}, line {line}"
        name = row["filename"]
        if not name:
            refuse(
                DataError(
                    f"{location} names no photo; give it one.",
                    kind="photo without name",
                    path=file,
                    line=line,
                ),
                skip,
            )
            continue
        if name not in pictures_by_name:
            size = as_size(row.get("height"), row.get("width"))
            try:
                photo = finder.find(file, name)
            except DataError as error:
                refuse(error, skip)
                continue
            pictures_by_name[name] = Picture(name, photo, f"photo {name} in {location}", size=size)
        corners = [row[side] for side in ("ymin", "xmin", "ymax", "xmax")]
        if not any(corners) and not row["class"]:
            continue  # a photo without objects
        try:
            box = tuple(as_number(value, "A corner", location) for value in corners)
            if not row["class"]:
                raise DataError(
                    f"There is no class in {location}; give it one.",
                    kind="object without a name",
                    path=file,
                    line=line,
                )
        except DataError as error:
            refuse(error, skip)
            continue
        largest.append(max(abs(side) for side in box))
        item = Item(row["class"], f"{location} ({row['class']})", box)  # type: ignore[arg-type]
        pictures_by_name[name].items.append(item)
    small = sum(side <= _MOST_OF_SHARES for side in largest)
    for picture in pictures_by_name.values():
        picture.relative = any(largest) and 2 * small > len(largest)
        yield picture


def write(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write photos and ``annotations.csv`` with a header; photos without objects have a row too.

    What such a table cannot say: masks, crowds (left out), ``difficult``.
    """
    folder = Path(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"])
    for image_id, name in enumerate(file_names(dataset)):
        photo = write_photo(dataset, image_id, folder, name)
        height, width = dataset.image_shape(image_id)
        boxes, class_ids = dataset.load_boxes(image_id)
        rows = [
            [str(dataset.class_info[int(k)]["name"]), *(f"{v:.9g}" for v in (x1, y1, x2, y2))]
            for (y1, x1, y2, x2), k in zip(boxes.tolist(), class_ids, strict=True)
            if k > 0
        ]
        for row in rows or [["", "", "", "", ""]]:
            writer.writerow([photo.name, width, height, *row])
    write_over(folder / FILE_NAME, text.getvalue())
