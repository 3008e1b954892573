"""PASCAL VOC: one XML file for each photo, as LabelImg and the VOC challenges write it.

Folders that are understood: XML files beside the photos (LabelImg), in a folder of their own
(``images`` and ``annots``), VOC2012's (``Annotations``, ``JPEGImages``, ``SegmentationObject``),
each with sub-folders, or one inside another; ImageNet's (``Annotations/CLS-LOC``,
``Data/CLS-LOC``), whose WordNet ids get their words where a file with these is at hand.
"""

import logging
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.class_rules import check_class
from maskdet.data.formats.image_lists import listed_names
from maskdet.data.formats.imagenet_folders import folders_of_words, list_folders, photo_folders
from maskdet.data.formats.names_alike import NamesAlike
from maskdet.data.formats.photo_files import FilesByName, closed_endings, files_below, plain_name
from maskdet.data.formats.synsets import SynsetNames
from maskdet.data.formats.voc_dataset import VOCDataset
from maskdet.data.formats.voc_write import write
from maskdet.data.formats.voc_xml import VOCFile, VOCObject, parse_file, parse_xml, read_objects
from maskdet.data.outlines import Shape, turned_outline
from maskdet.data.picture_checks import PictureChecker
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, DataWarning, UsageError
from maskdet.images import checked_header, photo_endings, turn_boxes
from maskdet.progress import progress_bar

__all__ = ["HOLDS", "LOOKS_FOR", "NAME", "VOCDataset", "read", "read_objects", "recognise", "write"]

Array = NDArray[Any]
NAME = "VOC XML"
LOOKS_FOR = "*.xml files with an <annotation>, in the folder or below it"
HOLDS = frozenset({"boxes", "masks", "difficult", "crowds as difficult"})
_BESIDE = frozenset(
    {"jpegimages", "images", "image", "imgs", "img", "photos", "segmentationobject"}
)
#: Folders of mask pictures, which are no photos.
MASK_FOLDERS = ("SegmentationObject", "SegmentationClass")
# Files of which reading takes so long that a bar is shown.
MANY = 2000
_log = logging.getLogger("maskdet")


def recognise(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds VOC XML files (the first twenty XML files below it are looked at)."""
    folder = Path(path)
    if not folder.is_dir():
        return False
    for file in [f for f in files_below(folder) if f.suffix.lower() == ".xml"][:20]:
        try:
            parse_xml(file)
        except DataError as error:
            if error.kind != "broken XML":
                continue
            # Damaged, but meant to be one: reading it will say what is wrong, with the line.
            if not re.search(rb"<annotation[\s>]", file.read_bytes()[:1000]):
                continue
        return True
    return False


def read(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    *,
    masks: str = "auto",
    image_set: str | None = None,
    one_based: bool = False,
) -> VOCDataset:
    """A data set from VOC XML files and their photos, prepared.

    An XML file's photo is the one of the same name (else the one that its <filename> names) in the
    nearest folder. Files without an object are images without objects; photos without an XML file
    are left out. Boxes are kept as they are written, floats too, and cut to the image; they may
    leave it by up to two pixels. Where an XML states the size of the photo before EXIF turning, its
    boxes are turned with the photo. The original VOC counts pixels from 1, but LabelImg, which most
    files come from, and other tools count from 0 or mix both: nothing is shifted unless
    ``one_based`` says so.

    Classes that are WordNet ids get the first word that LOC_synset_mapping.txt or words.txt gives
    them, if one lies in the folder, up to three above it, or beside ImageNet's Annotations.

    Outlines (<polygon>) are masks where there is no mask picture; an object without a box has the
    one around its outline.

    Args:
        path: folder of the data set.
        classes: class names in the order of their ids (from 1); by default all that occur, sorted.
            WordNet ids may be given by id or by name.
        on_error: "raise", or "skip" to leave out a bad object, or an image that is missing, damaged
            or truncated, with a warning that names it.
        masks: "auto" uses SegmentationObject if every image with objects has a mask there, and
            outlines, "only" leaves out the images that have neither, "none" ignores both.
        image_set: name of a list in ImageSets/Main, e.g. "train", or in ImageNet's
            ImageSets/CLS-LOC, "train_loc"; by default all images.
        one_based: take one pixel off xmin and ymin; outlines stay.

    Raises:
        DataError: for a missing or damaged photo, XML that does not parse, a box outside the image
            or without area, an unknown class, or if nothing is found; names file, line, object.
    """
    for value, allowed, what in (
        (on_error, ("raise", "skip"), "on_error"),
        (masks, ("auto", "only", "none"), "masks"),
    ):
        if value not in allowed:
            raise UsageError(f"{what} must be one of {', '.join(allowed)}, but is {value!r}.")
    reader = _Reader(Path(path), classes, on_error == "skip", masks, one_based)
    return reader.read(image_set)


class _Reader:
    """One pass over a folder; holds what every file of it needs."""

    def __init__(
        self, root: Path, classes: Sequence[str] | None, skip: bool, masks: str, one_based: bool
    ) -> None:
        self.root, self.skip = root, skip
        self.masks, self.one_based = masks, one_based
        files = files_below(root)
        self.annotations = [file for file in files if file.suffix.lower() == ".xml"]
        self.stems = {file.stem for file in self.annotations}
        word_folders = folders_of_words(root, self.annotations)
        self.synsets = SynsetNames(root, word_folders, classes, skip)
        self.classes = self.synsets.chosen_classes()
        if not any(file.suffix.lower() in photo_endings() for file in files):
            # Given the folder of XML files alone: the photos may lie beside it.
            for folder in sorted(root.parent.iterdir()) if root.is_dir() else ():
                if folder.name.lower() in _BESIDE and folder.is_dir():
                    files += files_below(folder)
            for folder in photo_folders(root):
                files += files_below(folder)
        self.photos = _photo_index(files, root, photo_endings())
        self.closed_photos = _photo_index(files, root, closed_endings())
        planes = [f for f in files if MASK_FOLDERS[0] in f.parts and f.suffix.lower() == ".png"]
        self.planes = FilesByName(planes if masks != "none" else [], root)
        self.photo_owner: dict[Path, Path] = {}
        self.other_sizes: list[Path] = []
        self.checker = PictureChecker(self.classes, skip)

    def read(self, image_set: str | None) -> VOCDataset:
        files = self._listed(image_set)
        stems = [file.stem for file in files]
        unique = len(set(stems)) == len(stems)
        entries: list[dict[str, Any]] = []
        bar = progress_bar(
            files, f"reading {self.root.name}", unit="file", shown=len(files) >= MANY
        )
        for file in bar:
            try:
                entry = self._image(file)
            except DataError as error:
                self._refuse(error, f"{file} is left out")
                continue
            if self.masks != "only" or _has_masks(entry):
                name = file.relative_to(self.root).with_suffix("").as_posix()
                entries.append({"id": file.stem if unique else name, **entry})
        if not entries:
            raise DataError(
                f"No image of {self.root} can be used; {len(files)} XML files were found there, "
                f"{len(self.photos)} photos and {len(self.planes)} masks.",
                kind="no images",
                path=self.root,
            )
        self._report(entries)
        return self._dataset(entries)

    def _listed(self, image_set: str | None) -> list[Path]:
        if image_set is None:
            return self.annotations
        folders = [self.root / "ImageSets" / "Main", *list_folders(self.root)]
        paths = [folder / f"{image_set}.txt" for folder in folders]
        path = next((file for file in paths if file.is_file()), paths[0])
        if not path.is_file():
            lists = [file.stem for folder in folders for file in folder.glob("*.txt")]
            known = ", ".join(sorted(lists)) or "none"
            raise DataError(
                f"There is no image set {path}; known here: {known}.",
                kind="missing image set",
                path=path,
            )
        below = [(file.relative_to(self.root).with_suffix("").as_posix(), file)
                 for file in self.annotations]  # fmt: skip
        by_name = NamesAlike([*((file.stem, file) for file in self.annotations), *below])
        files = []
        for line, name, _ in listed_names(path, by_name.find):
            candidates = list(dict.fromkeys(by_name.find(name)))
            if len(candidates) == 1:
                files += candidates
                continue
            text = f"{path} lists {name}, but there is no {name}.xml."
            if candidates:
                text = f"{path} lists {name}, which may be {candidates[0]} or {candidates[1]}; "
                text += "write it with its folder."
            error = DataError(text, kind="missing annotation", path=path, line=line)
            self._refuse(error, "it is left out")
        return files

    def _image(self, file: Path) -> dict[str, Any]:
        """Everything about one XML file and its photo, checked."""
        annotation = parse_file(file)
        photo = self._photo(annotation)
        owner = self.photo_owner.setdefault(photo, file)
        if owner != file:
            raise DataError(
                f"Both {owner} and {file} describe the photo {photo}; remove or move one of them.",
                kind="photo described twice",
                path=file,
                photos=(photo,),
            )
        shape, orientation = checked_header(photo)
        unturned = orientation >= 5 and annotation.size == shape[::-1] != shape
        if annotation.size not in (None, shape) and not unturned:
            self.other_sizes.append(file)
        objects: list[VOCObject] = []
        outlines: list[Shape | None] = []
        values = []
        for number, item in enumerate(annotation.objects, start=1):
            try:
                if isinstance(item, DataError):
                    raise item
                checked, outline = self._object(item, shape, orientation if unturned else 1)
                objects.append(checked)
                outlines.append(outline if self.masks != "none" else None)
                values.append(number)
            except DataError as error:
                self._refuse(error, "it is left out")
        boxes = np.array([item.box for item in objects], dtype=np.float32).reshape(-1, 4)
        plane = self._plane(file)
        return {
            "path": str(photo),
            "annotation": str(file),
            "mask": None if plane is None else str(plane),
            "mask_values": np.array(values, dtype=np.int64),
            "height": shape[0],
            "width": shape[1],
            "orientation": orientation,
            "boxes": boxes,
            "shapes": outlines,
            "names": [item.name for item in objects],
            "pose": [item.pose for item in objects],
            **{
                flag: np.array([getattr(item, flag) for item in objects], dtype=bool)
                for flag in ("difficult", "truncated", "occluded")
            },
        }

    def _plane(self, file: Path) -> Path | None:
        """The mask picture of an XML file; in another spelling if it is no other file's."""
        plane = self.planes.find(file, file.stem)
        if plane is not None and plane.stem != file.stem and plane.stem in self.stems:
            return None
        return plane

    def _photo(self, annotation: VOCFile) -> Path:
        stated = plain_name(annotation.filename)
        stems = [stem for stem in (annotation.path.stem, Path(stated).stem, stated) if stem]
        # One that cannot be read here (HEIC) counts where there is no other: reading it says so.
        for photos in (self.photos, self.closed_photos):
            photo = photos.find_first(annotation.path, stems, stated)
            if photo is not None:
                return photo
        raise DataError(
            f"The photo of {annotation.path} is missing: there is none called "
            f"{annotation.path.stem!r}{f' or {stated!r}' if stated else ''} in {self.root} or "
            "below; add it or remove the XML file.",
            kind="missing photo",
            path=annotation.path,
        )

    def _object(
        self, item: VOCObject, shape: tuple[int, int], orientation: int
    ) -> tuple[VOCObject, Shape | None]:
        """The object, its class known, its box and outline in pixels of the turned photo, the box
        inside it."""
        item = replace(item, name=self.synsets.name(item.name))
        check_class(item.name, self.classes, item.location)
        if self.one_based:
            y1, x1, y2, x2 = item.box
            item = replace(item, box=(y1 - 1, x1 - 1, y2, x2))
        frame = shape if orientation == 1 else (shape[1], shape[0])
        outline = None
        if item.polygons:
            drawn = Shape(polygons=tuple(np.array(part, np.float64) for part in item.polygons))
            outline, box = self.checker.fitted(drawn, item.box, frame, item.location)
            item = replace(item, box=box)
        item = item.checked(frame)
        if orientation != 1:
            turned = turn_boxes([item.box], orientation, shape)[0]
            item = replace(item, box=tuple(turned.tolist()))
            if outline is not None:
                outline = turned_outline(outline, orientation, shape, item.location)
        return item, outline

    def _refuse(self, error: DataError, consequence: str) -> None:
        refuse(error, self.skip, consequence, stacklevel=6)

    def _report(self, entries: list[dict[str, Any]]) -> None:
        self.checker.report()
        if self.other_sizes:
            text = (
                f"{len(self.other_sizes)} XML files state another size than their photo has, the "
                f"first is {self.other_sizes[0]}; if photos were resized after the boxes were "
                "drawn, the boxes are wrong."
            )
            warnings.warn(DataWarning(text, "size of another photo"), stacklevel=5)
        spare = len(self.photos) - len({entry["path"] for entry in entries})
        if spare > 0:
            _log.info("%d photos of %s have no XML file and are left out.", spare, self.root)
        without = sum(1 for entry in entries if entry["names"] and not entry["mask"])
        if len(self.planes) and without and not any(map(_has_outlines, entries)):
            _log.warning(
                "%d images of %s have no mask in SegmentationObject, so masks are not used; "
                "read with masks='only' to use the images that have one.",
                without,
                self.root,
            )

    def _dataset(self, entries: list[dict[str, Any]]) -> VOCDataset:
        dataset = VOCDataset()
        all_have_planes = all(entry["mask"] for entry in entries if entry["names"])
        dataset.masks_given = any(map(_has_outlines, entries)) or (
            all_have_planes and any(entry["mask"] for entry in entries)
        )
        names = self.classes
        if names is None:
            names = sorted({name for entry in entries for name in entry["names"]})
        ids = {name: number for number, name in enumerate(names, start=1)}
        for name, number in ids.items():
            dataset.add_class("voc", number, name)
        for entry in entries:
            class_ids = np.array([ids[name] for name in entry.pop("names")], dtype=np.int32)
            image_id, path = entry.pop("id"), entry.pop("path")
            dataset.add_image("voc", image_id, path, class_ids=class_ids, **entry)
        dataset.prepare()
        return dataset


def _has_outlines(entry: dict[str, Any]) -> bool:
    return any(shape is not None for shape in entry["shapes"])


def _has_masks(entry: dict[str, Any]) -> bool:
    return bool(entry["mask"]) or _has_outlines(entry)


def _photo_index(files: Sequence[Path], root: Path, endings: frozenset[str]) -> FilesByName:
    photos = (
        file
        for file in files
        if file.suffix.lower() in endings
        and not any(part in MASK_FOLDERS for part in file.parts[:-1])
    )
    return FilesByName(photos, root)
