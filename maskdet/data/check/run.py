"""One line that says whether annotations are sound."""

import os
import warnings
from pathlib import Path

import numpy as np

from maskdet.base_config import BaseConfig
from maskdet.data.check.anchors import check_anchors
from maskdet.data.check.contents import (
    check_boxes,
    check_classes,
    check_masks,
    check_photos,
    counts,
)
from maskdet.data.check.finding import SEVERITIES, Finding
from maskdet.data.check.repair import repaired
from maskdet.data.check.report import CheckReport
from maskdet.data.check.voc_files import check_voc_files
from maskdet.data.dataset import Dataset
from maskdet.data.formats import FORMATS, voc
from maskdet.data.formats.image_folders import ImageFolderDataset
from maskdet.data.formats.photo_files import files_below
from maskdet.data.formats.synsets import is_synset
from maskdet.errors import DataError, DataWarning, MaskdetWarning, SkippedData
from maskdet.images import photo_endings

# What a report calls a defect that a reader met, and how grave it is; all others are unusable
# annotations. The last four are finer than what reports call them.
_REPORTED = {
    "box outside its image": ("box outside its image", "error"),
    "box without area": ("box without area", "error"),
    "broken XML": ("broken XML", "error"),
    "class in doubt": ("class in doubt", "warning"),
    "missing photo": ("missing photo", "error"),
    "shapes without area": ("shapes without area", "note"),
    "size of another photo": ("size of another photo", "warning"),
    "unknown class": ("unknown class", "error"),
    "unreadable photo": ("unreadable photo", "error"),
    "damaged mask": ("unreadable photo", "error"),
    "mask outside its image": ("box outside its image", "error"),
    "missing value": ("missing photo", "error"),
    "unknown shape": ("unknown class", "error"),
}
_UNUSABLE = ("unusable annotation", "error")
# What was used all the same, with a sentence that says how.
_USED = {
    "box and outline disagree": ("box and outline disagree", "warning"),
    "outline over the edge": ("outline over the edge", "note"),
    "photo described twice": ("photo described twice", "warning"),
}


def check(
    data: Dataset | str | os.PathLike[str],
    config: BaseConfig | None = None,
    fix: bool = False,
    progress: bool = False,
) -> CheckReport:
    """Look for everything that would spoil a training, and count what is there.

    Args:
        data: a prepared data set, or the path of one in any format: then also what never became
            part of it is found (broken files, missing photos, photos without annotation).
        config: also say how well its anchors fit.
        fix: make ``report.repaired``, a data set without what could be mended. Files are never
            touched.
        progress: show a bar while photos are compared.
    """
    name = str(data) if not isinstance(data, Dataset) else _name(data)
    report = CheckReport(name)
    findings: list[Finding] = []
    spelled: dict[str, int] | None = None
    dataset = data if isinstance(data, Dataset) else None
    if dataset is None:
        dataset, findings, spelled = _read(Path(str(data)))
    if dataset is not None:
        report.dataset = dataset
        report.counts = counts(dataset)
        known = {(f.kind, image) for f in findings for image in f.images}
        repeated = {f.kind for f in findings if f.kind == "duplicated box"}
        content_findings = [*check_boxes(dataset), *check_masks(dataset)]
        if isinstance(dataset, ImageFolderDataset):  # it has no objects anywhere
            report.counts["images by class"] = _by_label(dataset)
            content_findings = []
        # Reading names the first such object alone.
        named = {finding.kind for finding in content_findings} & {"box and outline disagree"}
        findings = [finding for finding in findings if finding.kind not in named]
        # Doubled boxes of VOC files are named with their line already.
        findings += [f for f in content_findings if f.kind not in repeated]
        findings += check_classes(spelled or dataset.class_counts())
        paths = [str(info["path"]) for info in dataset.image_info if _is_file(info)]
        findings += [f for f in check_photos(paths, progress) if (f.kind, f.images[0]) not in known]
        if config is not None:
            findings += check_anchors(dataset, config)
        if fix:
            report.repaired = repaired(dataset)
    report.findings = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
    return report


def _by_label(dataset: ImageFolderDataset) -> dict[str, int]:
    numbers = np.bincount(dataset.labels, minlength=dataset.num_classes)
    return {name: int(n) for name, n in zip(dataset.class_names[1:], numbers[1:], strict=True)}


def _name(dataset: Dataset) -> str:
    return ", ".join(source for source in dataset.sources if source) or type(dataset).__name__


def _is_file(info: dict[str, object]) -> bool:
    return bool(info.get("path")) and os.path.isfile(str(info["path"]))


def _read(path: Path) -> tuple[Dataset | None, list[Finding], dict[str, int] | None]:
    """What could be read, what was refused, and (for VOC files) class names as written."""
    form = next((form for form in FORMATS if path.exists() and form.recognise(path)), None)
    is_voc = form is voc
    findings: list[Finding] = []
    spelled = None
    if is_voc:
        findings, written = check_voc_files(path)
        # WordNet ids are no spellings; the set knows the names that they stand for.
        spelled = None if all(map(is_synset, written)) else written
    dataset = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MaskdetWarning)
        try:
            dataset = Dataset.load(path, on_error="skip", index=False)
        except DataError as error:
            findings.append(Finding("nothing usable", "error", str(error)))
    kinds = {finding.kind for finding in findings}
    # What the raw files say already is said there with more detail.
    covered = {"broken XML", "box outside its image"} & kinds
    if kinds & {"box without area", "swapped corners"}:
        covered.add("box without area")
    named: set[str] = set()
    for warning in (entry.message for entry in caught):
        if isinstance(warning, MaskdetWarning):
            named |= _photos_of(warning)
            finding = _from_warning(warning)
            if not is_voc or finding.kind not in covered:
                findings.append(finding)
    if dataset is not None:
        spare = _photos_left_out(path, dataset)
        findings += [finding for finding in spare if finding.images[0] not in named]
    return dataset, findings, spelled


def _photos_of(warning: MaskdetWarning) -> set[str]:
    """Paths that a warning's error names already."""
    if not isinstance(warning, SkippedData):
        return set()
    return {str(path) for path in (warning.error.path, *warning.error.photos) if path is not None}


def _from_warning(warning: MaskdetWarning) -> Finding:
    kind = warning.kind if isinstance(warning, DataWarning) else ""
    if not isinstance(warning, SkippedData) and kind in _USED:
        return Finding(*_USED[kind], str(warning))
    text = str(warning.error if isinstance(warning, SkippedData) else warning)
    return Finding(*_REPORTED.get(kind, _UNUSABLE), text)


def _photos_left_out(path: Path, dataset: Dataset) -> list[Finding]:
    """Photos below the folder that no annotation describes."""
    if not path.is_dir() or isinstance(dataset, ImageFolderDataset):
        return []
    used = {os.path.realpath(str(info["path"])) for info in dataset.image_info}
    used |= {
        os.path.realpath(shape.picture[0])
        for info in dataset.image_info
        for shape in info.get("shapes", ())
        if shape is not None and shape.picture is not None
    }
    masks = {"SegmentationObject", "SegmentationClass", "masks", "PedMasks"}
    endings = photo_endings()
    spare = [
        file
        for file in files_below(path)
        if file.suffix.lower() in endings
        and os.path.realpath(file) not in used
        and not masks & set(file.parts)
    ]
    return [
        Finding("photo without annotation", "note", f"{file} is described nowhere.", (str(file),))
        for file in spare
    ]
