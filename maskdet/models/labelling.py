"""A detector's guesses as a first draft of annotations, the most useful photos first."""

import csv
import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.drafts import DraftFolder
from maskdet.data.formats import coco, labelme
from maskdet.data.predicted import PredictedDataset
from maskdet.data.seen_photos import Seen, SeenPhotos
from maskdet.detections import Detections
from maskdet.errors import DataError, UsageError
from maskdet.images import read_image
from maskdet.models.label_report import CLASSES_FILE, ORDER_FILE, LabelReport, OrderedPhoto
from maskdet.models.label_request import FORMATS, LabelRequest
from maskdet.models.usefulness import Onlooker
from maskdet.photo_results import AskedPhoto, make_results_folder, only_failures, shown_path
from maskdet.progress import progress_bar
from maskdet.tasks.detection.usefulness import ranked, uncertainty
from maskdet.trained import Trained

Array = NDArray[Any]
_COLUMNS = ("photo", "uncertainty", "unlikeness", "objects", "file")


@dataclass(frozen=True)
class _Item:
    """Something to look at: its file, where it is one, and how to read it."""

    path: Path | None
    read: Callable[[], Array]
    asked: AskedPhoto | None = None


def _asked_item(photo: AskedPhoto) -> _Item:
    return _Item(photo.path, lambda: read_image(photo.path), photo)


def _labelled_items(dataset: Dataset) -> list[_Item]:
    items = []
    for image_id, info in enumerate(dataset.image_info):
        is_file = dataset.gives_photos and info.get("embedded") is None and info.get("path")
        path = Path(info["path"]) if is_file else None
        items.append(_Item(path, lambda image_id=image_id: dataset.load_image(image_id)))  # type: ignore[misc]
    return items


class Labelling:
    """One call: photos are looked at, put in order, and drafts of them written.

    Args:
        trained: a detector.
        out: folder for the drafts.
        format_name: one of FORMATS.
        min_score: lowest score of an object that is drafted.
        prepare: how images get onto the network's canvas.
        progress: whether to show a bar.

    Raises:
        UsageError: if the folder has another format's drafts, is a file, or its COCO file is a
            person's.
    """

    def __init__(
        self,
        trained: Trained,
        out: Path,
        format_name: str,
        min_score: float,
        prepare: Any,
        progress: bool,
    ) -> None:
        self.drafts = DraftFolder(out, format_name)
        if format_name == "coco" and self.drafts.is_taken(coco.FILE_NAME):
            raise UsageError(
                f"{out / coco.FILE_NAME} is a person's: it was made or changed by somebody else "
                "since, and is not written over; name another folder with --out."
            )
        self.report = LabelReport(out, format_name)
        self.class_names, self._min_score = trained.class_names, min_score
        self._ending, self._progress = FORMATS[format_name], progress
        self._onlooker = Onlooker(trained, min_score, prepare)
        self._origin = fingerprint(self._onlooker.trained, min_score)
        self._seen = SeenPhotos(out, self._origin)

    def run(
        self, photos: Sequence[AskedPhoto], labelled: Dataset | None, count: int | None
    ) -> None:
        """Do it; the report tells what was done.

        Raises:
            DataError: if no photo can be read.
        """
        make_results_folder(self.report.out)
        taken = [p for p in photos if self._ending and self.drafts.is_taken(self._file(p))]
        self.report.by_person = [self._file(photo) for photo in taken]
        known = [] if labelled is None else _labelled_items(labelled)
        known += map(_asked_item, taken)
        by_person = set(taken)
        waiting = [_asked_item(photo) for photo in photos if photo not in by_person]
        known_seen = self._look(known if waiting else [], "looking at labelled photos")
        seen = self._look(waiting, "looking at photos", write=count is None)
        if waiting and not seen:
            raise only_failures(self.report.failures)
        asked = [item.asked for item, _ in seen if item.asked is not None]
        figures = [figure for _, figure in seen]
        with progress_bar(total=len(seen), label="ordering", shown=self._progress) as bar:
            order, unlikeness = ranked(
                [figure.uncertainty for figure in figures],
                np.array([figure.feature for figure in figures]),
                np.array([figure.feature for _, figure in known_seen]) if known_seen else None,
                each=bar.update,
            )
        chosen = [asked[row] for row in order[:count]]
        # Drafts that are offered already stay, and say what the present weights find.
        chosen += [asked[row] for row in order[len(chosen) :] if self._is_draft(asked[row])]
        if self._ending:
            self._write_each(chosen)
        else:
            self._write_one(chosen)
        written = {photo.path for photo in chosen}
        self.report.order = [
            OrderedPhoto(
                shown_path(asked[row].path),
                figures[row].uncertainty,
                float(unlikeness[row]),
                figures[row].objects,
                self._file(asked[row]) if asked[row].path in written else "",
            )
            for row in order.tolist()
        ]
        self._write_lists()

    # ---- names -----------------------------------------------------------------------------
    def _file(self, photo: AskedPhoto) -> str:
        return f"{photo.name.as_posix()}{self._ending}" if self._ending else coco.FILE_NAME

    def _link(self, photo: AskedPhoto) -> str:
        return f"{photo.name.as_posix()}{photo.path.suffix}"

    def _is_draft(self, photo: AskedPhoto) -> bool:
        return bool(self._ending) and self.drafts.is_draft(self._file(photo))

    # ---- looking ---------------------------------------------------------------------------
    def _look(
        self, items: Sequence[_Item], label: str, write: bool = False
    ) -> list[tuple[_Item, Seen]]:
        """Figures of all items that can be read, in order.

        Args:
            write: whether to write a draft of each at once, where the format allows.
        """
        figures: dict[int, Seen] = {}
        unseen: list[tuple[int, _Item]] = []
        for number, item in enumerate(items):
            seen = None if item.path is None else self._seen.get(item.path)
            if seen is None:
                unseen.append((number, item))
            else:
                figures[number] = seen
        for (number, item), detections, feature in self._results(unseen, label):
            objects = len(detections.filter(self._min_score))
            seen = Seen(uncertainty(detections.scores), objects, feature)
            figures[number] = seen
            if item.path is not None:
                self._seen.add(item.path, seen)
            if write and self._ending and item.asked is not None:
                self._write(item.asked, detections)
        return [(item, figures[number]) for number, item in enumerate(items) if number in figures]

    def _results(
        self, items: Sequence[tuple[int, _Item]], label: str
    ) -> Iterator[tuple[tuple[int, _Item], Detections, Array]]:
        """What the network says of each item that can be read."""
        waiting: deque[tuple[int, _Item]] = deque()
        with progress_bar(total=len(items), label=label, shown=self._progress) as bar:

            def images() -> Iterator[Array]:
                for number, item in items:
                    try:
                        image = item.read()
                    except DataError as error:
                        self.report.failures.append(str(error))
                        bar.update()
                        continue
                    waiting.append((number, item))
                    yield image

            for detections, feature in self._onlooker.look(images()):
                bar.update()
                yield waiting.popleft(), detections, feature

    # ---- writing ---------------------------------------------------------------------------
    def _write(self, photo: AskedPhoto, detections: Detections) -> None:
        """The draft of one photo, and a link to the photo beside it."""
        self.drafts.link(self._link(photo), photo.path)
        sure = detections.filter(self._min_score)
        self.report.has_masks |= sure.has_masks
        link = Path(self._link(photo))
        if self.report.format == "voc":
            text = sure.to_voc_xml(
                filename=os.fspath(Path(os.path.abspath(self.report.out)) / link)
            )
        else:
            dataset = PredictedDataset(self.class_names, sure.has_masks)
            dataset.add(photo.path, sure)
            text = labelme.text_of(dataset, 0, link.name)
        file = self._file(photo)
        if self.drafts.write(file, text, self._origin):
            self.report.written.append(file)

    def _write_each(self, photos: Sequence[AskedPhoto]) -> None:
        """Drafts of photos, of those alone whose draft is not there as these weights make it."""
        stale = [
            (number, _asked_item(photo))
            for number, photo in enumerate(photos)
            if not self.drafts.is_present(self._file(photo), self._origin)
        ]
        for (_, item), detections, _ in self._results(stale, "writing"):
            assert item.asked is not None
            self._write(item.asked, detections)
        self.report.unchanged = len(photos) - len(set(self.report.written))
        for photo in photos:
            self.drafts.link(self._link(photo), photo.path)

    def _write_one(self, photos: Sequence[AskedPhoto]) -> None:
        """One COCO file of all photos."""
        names = "\n".join([self._origin, *map(self._link, photos)])
        origin = hashlib.sha256(names.encode()).hexdigest()
        if not photos or self.drafts.is_present(coco.FILE_NAME, origin):
            self.report.unchanged = int(bool(photos))
            return
        dataset = PredictedDataset(
            self.class_names, "masks" in self._onlooker.trained.facts.outputs
        )
        links: list[str] = []
        items = list(enumerate(map(_asked_item, photos)))
        for (_, item), detections, _ in self._results(items, "writing"):
            assert item.asked is not None
            dataset.add(item.asked.path, detections.filter(self._min_score))
            links.append(self._link(item.asked))
            self.drafts.link(links[-1], item.asked.path)
        dataset.prepare()
        if self.drafts.write(coco.FILE_NAME, coco.text_of(dataset, links), origin):
            self.report.written.append(coco.FILE_NAME)
        else:
            self.report.unchanged = 1

    def _write_lists(self) -> None:
        """The order of the photos, and the names of the classes in the network's order."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for row in self.report.order:
            figures = (f"{row.uncertainty:.4f}", f"{row.unlikeness:.4f}", row.objects)
            rows.writerow([row.photo, *figures, row.file])
        contents = {
            ORDER_FILE: text.getvalue(),
            CLASSES_FILE: "".join(f"{name}\n" for name in self.class_names[1:]),
        }
        for name, content in contents.items():
            if self.drafts.is_taken(name):
                self.report.by_person.append(name)
            else:
                self.drafts.write(name, content)


def fingerprint(trained: Trained, min_score: float) -> str:
    """What a draft depends on beside its photo: weights, settings, class names, lowest score."""
    digest = hashlib.sha256()
    for values in trained.network.get_weights():
        if values.dtype.kind == "f":  # not the states of random draws
            digest.update(repr(values.shape).encode() + values.tobytes())
    facts = trained.class_names, sorted(trained.facts.outputs), min_score
    digest.update(repr((trained.config.to_json(), *facts)).encode())
    return digest.hexdigest()


def label(trained: Trained, request: LabelRequest, prepare: Any, progress: bool) -> LabelReport:
    """What :meth:`maskdet.models.detecting.DetectingModel.label` does, of what was asked."""
    labelled = request.labelled
    if isinstance(labelled, str | os.PathLike):
        labelled = Dataset.load(labelled)
    labelling = Labelling(
        trained, request.out, request.format, request.min_score, prepare, progress
    )
    photos = request.photos
    unlabelled = photos if labelled is None else without_labelled(photos, labelled)
    labelling.report.labelled = len(photos) - len(unlabelled)
    labelling.run(unlabelled, labelled, request.count)
    return labelling.report


def without_labelled(photos: Sequence[AskedPhoto], labelled: Dataset) -> list[AskedPhoto]:
    """Photos that are neither files of a data set nor copies of such."""
    files = {Path(os.path.realpath(item.path)) for item in _labelled_items(labelled) if item.path}
    sizes = {file.stat().st_size for file in files if file.is_file()}
    contents: set[str] | None = None
    unlabelled = []
    for photo in photos:
        path = Path(os.path.realpath(photo.path))
        if path in files:
            continue
        # Content is read of photos alone that have the size of a labelled one.
        if path.is_file() and path.stat().st_size in sizes:
            if contents is None:
                contents = {_content(file) for file in files if file.is_file()}
            if _content(path) in contents:
                continue
        unlabelled.append(photo)
    return unlabelled


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
