"""What is asked of a call that drafts annotations, checked before any network is looked for."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet.data.dataset import Dataset
from maskdet.data.formats import voc
from maskdet.data.written_folder import check_apart
from maskdet.errors import UsageError
from maskdet.photo_results import (
    AskedPhoto,
    asked_photos,
    no_photos,
    only_failures,
    shown_path,
)
from maskdet.setting_checks import check_share_value

PathLike = str | os.PathLike[str]
#: Ending of the annotation of each photo, "" for one file of all.
FORMATS = {"voc": ".xml", "labelme": ".json", "coco": ""}


@dataclass(frozen=True)
class LabelRequest:
    """The arguments of :meth:`maskdet.models.detecting.DetectingModel.label`.

    Attributes:
        photos: that are asked for; one of them at least is there.
        out: folder for the drafts.
        format: one of FORMATS.
        labelled: the set that is labelled already, or where it is.
        count: of drafts to write; None: all.
        min_score: lowest score of an object that is written.
    """

    photos: Sequence[AskedPhoto]
    out: Path
    format: str
    labelled: Dataset | PathLike | None
    count: int | None
    min_score: float


def label_request(
    images: Sequence[PathLike] | PathLike,
    out: PathLike,
    format_name: str,
    labelled: Dataset | PathLike | None,
    count: int | None,
    min_score: float,
) -> LabelRequest:
    """What is asked for.

    Raises:
        UsageError: for an unknown format, a count below 1, no photos, or ``labelled`` within
            ``out``.
        DataError: if none of the photos is there.
        ConfigError: for a score that is none.
    """
    if format_name not in FORMATS:
        raise UsageError(
            f"Drafts are written as {', '.join(FORMATS)}, not as {format_name!r}; write one of "
            "these, which maskdet convert turns into other formats."
        )
    if count is not None and count < 1:
        raise UsageError(f"The number of photos to write is {count}; give 1 or more.")
    check_share_value("The lowest score", min_score)
    sources = [images] if isinstance(images, str | os.PathLike) else list(images)
    photos = [
        photo
        for photo in asked_photos(sources, out)
        if not set(photo.name.parts) & set(voc.MASK_FOLDERS)
    ]
    if not photos:
        raise no_photos(sources)
    if not any(photo.path.exists() for photo in photos):
        raise only_failures(
            [f"There is no photo {shown_path(photo.path)}; check the path." for photo in photos]
        )
    if isinstance(labelled, str | os.PathLike):
        check_apart(out, labelled)
    return LabelRequest(photos, Path(out), format_name, labelled, count, min_score)
