"""A script's text, put together for a family and a data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from maskdet.base_config import BaseConfig
from maskdet.config import MobileConfig
from maskdet.errors import UsageError
from maskdet.jobs.new_script.pieces import (
    ADDED,
    ADDED_DIFFICULT,
    CLASSIFIER_SCORES,
    DETECTOR_SCORES,
    DRAWN_PARTS,
    GIVEN_PARTS,
    INPUT_SIZE,
    LOADED,
    LOADED_BOXES,
    LOADED_LABELS,
    LOADED_MASKS,
    LOADED_PHOTOS,
    MASKS_REMARK,
    OWN_BOXES,
    OWN_LABELS,
    SAYS,
    SCORE_OPTION,
    SCRIPT,
    SETTINGS,
    SKIPPED,
)
from maskdet.models.classifier.config import ClassifierConfig
from maskdet.models.ssd.config import SsdConfig
from maskdet.models.yolox.config import YoloxConfig
from maskdet.training.recipes import DEFAULT_RECIPE, recipe_stages

# Columns that most people's formatters leave in a line.
_COLUMNS = 88
# A longer name would make lines of the script longer than that.
_LONGEST_NAME = 30


@dataclass(frozen=True)
class ScriptFamily:
    """A family that scripts are written for.

    Attributes:
        model: name of the class that users make.
        config: the Config that a script subclasses.
        title: what the script's first line calls it.
    """

    model: str
    config: type[BaseConfig]
    title: str


#: By the names that weight files call them.
FAMILIES = {
    "mask_rcnn": ScriptFamily("MaskRCNN", MobileConfig, "Mask R-CNN"),
    "ssd": ScriptFamily("SSD", SsdConfig, "SSD"),
    "yolox": ScriptFamily("YOLOX", YoloxConfig, "YOLOX"),
    "classifier": ScriptFamily("Classifier", ClassifierConfig, "a classifier"),
}
CLASSIFIER = "classifier"


@dataclass(frozen=True)
class ScriptData:
    """The data set that a script reads.

    Attributes:
        path: of its folder or file, as it stands in the script.
        class_names: in full, in the order of their ids, without the background.
        photos: how many there are.
        training_photos: how many of them are trained on.
        masks: whether objects have masks of their own.
        embedded: whether photos lie inside the set's own files.
        parts: names of the parts to train on and to test on, where the set has such.
        parts_are_folders: whether these are data sets of their own, in folders below ``path``;
            else the reader's ``split`` chooses them.
        skip: whether something in it cannot be used and is to be left out.
    """

    path: str
    class_names: tuple[str, ...]
    photos: int
    training_photos: int
    masks: bool = False
    embedded: bool = False
    parts: tuple[str, str] | None = None
    parts_are_folders: bool = False
    skip: bool = False


def plain_name(name: str) -> str:
    """A name as a script's identifiers have it: "my photos" becomes "my_photos".

    Raises:
        UsageError: for one that cannot begin an identifier, or is too long.
    """
    plain = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_").lower()
    if not plain or not plain[0].isalpha():
        raise UsageError(
            f"{name!r} cannot name a script, a class and a Config; give one that begins with a "
            "letter, such as kangaroos."
        )
    if len(plain) > _LONGEST_NAME:
        raise UsageError(f"{name!r} is too long a name; use {_LONGEST_NAME} letters at most.")
    return plain


def script_text(name: str, family: str, data: ScriptData | None = None) -> str:
    """A script that trains, evaluates and detects, to be run as it stands and then edited.

    Args:
        name: as :func:`plain_name` gives it.
        family: one of :data:`FAMILIES`.
        data: what it reads; None: photos with a file of lines beside each, or in folders by class.
    """
    kind = FAMILIES[family]
    detects = family != CLASSIFIER
    # A set of usual size for the recipe, where nobody knows.
    photos = 100 if data is None else data.training_photos
    first, second = recipe_stages(kind.config(), DEFAULT_RECIPE, photos)
    words = {
        "name": name,
        "title": "".join(part.capitalize() for part in name.split("_")),
        "what": kind.title,
        "model": kind.model,
        "config": kind.config.__name__,
        "data": _assigned("DATA", "my_photos" if data is None else data.path),
        "classes": _tuple("CLASSES", ("first", "second") if data is None else data.class_names),
        "reading": _reading(detects, family, data),
        "parts": DRAWN_PARTS if data is None or data.parts is None else _given_parts(data),
        "first_layers": quoted(first.layers),
        "second_layers": quoted(second.layers),
        "first_epochs": first.epochs,
        "second_epochs": second.epochs,
        "second_share": f"{second.learning_rate / first.learning_rate:g}",
        "imports": _imports(kind, detects, data),
        "settings": _settings(kind.config, detects),
        "evaluation": DETECTOR_SCORES if detects else CLASSIFIER_SCORES,
        "finds": "Draw what trained weights find in photos" if detects else SAYS,
        "min_score": ", min_score=args.min_score" if detects else "",
        "score_option": SCORE_OPTION if detects else "",
    }
    words = {key: Template(str(value)).safe_substitute(words) for key, value in words.items()}
    return Template(SCRIPT).substitute(words)


def quoted(text: str) -> str:
    """A text as Python has it, in the quotes that formatters choose: double ones, if they can."""
    doubles, singles = text.count('"'), text.count("'")
    body = repr(text + "'\"")[1:-1]  # with both in it, repr escapes ' alone
    body = body.removesuffix("\\'\"").replace("\\'", "'")
    if doubles > singles:
        return "'" + body.replace("'", "\\'") + "'"
    return '"' + body.replace('"', '\\"') + '"'


def _assigned(name: str, text: str) -> str:
    """``name = "text"``, in pieces where the line would be too long."""
    line = f"{name} = {quoted(text)}"
    # The $ of a path must not be taken for a place to fill.
    if len(line) <= _COLUMNS:
        return line.replace("$", "$$")
    pieces = [text[start : start + 60] for start in range(0, len(text), 60)]
    inner = "".join(f"    {quoted(piece)}\n" for piece in pieces)
    return f"{name} = (\n{inner})".replace("$", "$$")


def _tuple(name: str, texts: Sequence[str]) -> str:
    inner = ", ".join(map(quoted, texts)) + ("," if len(texts) == 1 else "")
    line = f"{name} = ({inner})"
    if len(line) > _COLUMNS:
        line = f"{name} = (\n{''.join(f'    {quoted(text)},{chr(10)}' for text in texts)})"
    return line.replace("$", "$$")


def _imports(kind: ScriptFamily, detects: bool, data: ScriptData | None) -> str:
    names = sorted(["Dataset", kind.model, kind.config.__name__], key=_import_order)
    lines = [f"from maskdet import {', '.join(names)}, open_model"]
    if data is None or data.parts is None:
        lines.append("from maskdet.data.split import split")
    own = data is None and detects
    lines.append(
        f"from maskdet.errors import {'DataError, ' if own else ''}MaskdetError, UsageError"
    )
    if detects:
        lines.append("from maskdet.evaluation.pictures import write_results")
        lines.append("from maskdet.evaluation.report import evaluate_detections")
    lines.append("from maskdet.images import read_image, write_image")
    lines.append("from maskdet.photo_results import asked_photos")
    if own:
        lines.insert(0, "import numpy as np")
    return "\n".join(lines)


def _import_order(name: str) -> tuple[bool, str]:
    """Constants first, then classes, as import sorters have it."""
    return not name.isupper(), name


def _settings(config: type[BaseConfig], detects: bool) -> str:
    lines = [INPUT_SIZE]
    lines += [f"    {key} = {getattr(config, key)!r}" for key in ("IMAGE_MIN_DIM", "IMAGE_MAX_DIM")]
    for key, comment in SETTINGS.items():
        value = getattr(config, key, None)
        if value is not None and (detects or not key.startswith("DETECTION")):
            shown = quoted(value) if isinstance(value, str) else repr(value)
            lines.append(f"{comment}\n    {key} = {shown}")
    return "\n".join(lines)


def _reading(detects: bool, family: str, data: ScriptData | None) -> str:
    if data is None:
        if not detects:
            return OWN_LABELS
        return OWN_BOXES + (MASKS_REMARK if family == "mask_rcnn" else "")
    options = "classes=CLASSES" + (', on_error="skip"' if data.skip else "")
    source = "folder"
    if data.parts is not None and data.parts_are_folders:
        source = "Path(folder) / part"
    elif data.parts is not None:
        options = f"split=part, {options}"
    call = f"Dataset.load({source}, {options})"
    difficult = ""
    if detects:
        difficult = ", difficult=self.whole.load_difficult(number)"
    added = ADDED if not difficult else ADDED_DIFFICULT
    methods = [LOADED_PHOTOS] if data.embedded else []
    if not detects:
        methods.append(LOADED_LABELS)
    elif family == "mask_rcnn" and data.masks:
        methods.append(LOADED_MASKS)
    else:
        methods.append(LOADED_BOXES)
    skipped = SKIPPED if data.skip else ""
    head = LOADED.replace("$call", call).replace("$added", added).replace("$skipped", skipped)
    part = ", part" if data.parts is not None else ""
    return head.replace("$part", part) + "".join(methods)


def _given_parts(data: ScriptData) -> str:
    assert data.parts is not None
    train, test = (quoted(part) for part in data.parts)
    return GIVEN_PARTS.replace("$train", train).replace("$test", test)
