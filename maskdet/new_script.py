"""The script that ``maskdet new`` writes: its text, put together for a family and a data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from maskdet.base_config import BaseConfig
from maskdet.config import MobileConfig
from maskdet.errors import UsageError
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
    photos = 100 if data is None else max(1, round(0.8 * data.photos))
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
        "parts": _DRAWN_PARTS if data is None or data.parts is None else _given_parts(data),
        "first_layers": quoted(first.layers),
        "second_layers": quoted(second.layers),
        "first_epochs": first.epochs,
        "second_epochs": second.epochs,
        "second_share": f"{second.learning_rate / first.learning_rate:g}",
        "imports": _imports(kind, detects, data),
        "settings": _settings(kind.config, detects),
        "evaluation": _DETECTOR_SCORES if detects else _CLASSIFIER_SCORES,
        "finds": "Draw what trained weights find in photos" if detects else _SAYS,
        "min_score": ", min_score=args.min_score" if detects else "",
        "score_option": _SCORE_OPTION if detects else "",
    }
    words = {key: Template(str(value)).safe_substitute(words) for key, value in words.items()}
    return Template(_SCRIPT).substitute(words)


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
    lines = [_INPUT_SIZE]
    lines += [f"    {key} = {getattr(config, key)!r}" for key in ("IMAGE_MIN_DIM", "IMAGE_MAX_DIM")]
    for key, comment in _SETTINGS.items():
        value = getattr(config, key, None)
        if value is not None and (detects or not key.startswith("DETECTION")):
            shown = quoted(value) if isinstance(value, str) else repr(value)
            lines.append(f"{comment}\n    {key} = {shown}")
    return "\n".join(lines)


def _reading(detects: bool, family: str, data: ScriptData | None) -> str:
    if data is None:
        if not detects:
            return _OWN_LABELS
        return _OWN_BOXES + (_MASKS_REMARK if family == "mask_rcnn" else "")
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
    added = _ADDED if not difficult else _ADDED_DIFFICULT
    methods = [_LOADED_PHOTOS] if data.embedded else []
    if not detects:
        methods.append(_LOADED_LABELS)
    elif family == "mask_rcnn" and data.masks:
        methods.append(_LOADED_MASKS)
    else:
        methods.append(_LOADED_BOXES)
    skipped = _SKIPPED if data.skip else ""
    head = _LOADED.replace("$call", call).replace("$added", added).replace("$skipped", skipped)
    part = ", part" if data.parts is not None else ""
    return head.replace("$part", part) + "".join(methods)


def _given_parts(data: ScriptData) -> str:
    assert data.parts is not None
    train, test = (quoted(part) for part in data.parts)
    return _GIVEN_PARTS.replace("$train", train).replace("$test", test)


_SAYS = "Write into photos what trained weights say they show"
_INPUT_SIZE = """\
    # Sides of the network's input in pixels. A larger one sees smaller things, and takes longer."""
_SETTINGS: dict[str, Any] = {
    "IMAGES_PER_GPU": "    # Photos in a step of training; fewer need less memory.",
    "LEARNING_RATE": "    # Of the first stage; halve it where losses jump.",
    "AUGMENTATION": (
        "    # Random changes of the photos to train on: none, light, default, strong or parts."
    ),
    "EVALUATE_EVERY": "    # Epochs between two evaluations while it trains; 0: only at the end.",
    "DETECTION_MIN_CONFIDENCE": "    # Lowest score of what is reported.",
}

_LOADED = '''
    def load_$name(self, folder$part):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class("$name", number, name)
        # Your own reading can go here: an add_image for each photo, with all that the
        # methods below need to know of it. Dataset.load reads the usual formats.
$skipped        self.whole = $call
        for number in self.whole.image_ids:
            path = self.whole.image_info[number]["path"]
$added
'''
_SKIPPED = "        # What cannot be used is left out, with a warning.\n"
_ADDED = '            self.add_image("$name", int(number), path)'
_ADDED_DIFFICULT = """\
            # Objects that are too difficult to count for or against a detector.
            difficult = self.whole.load_difficult(number)
            self.add_image("$name", int(number), path, difficult=difficult)"""
_LOADED_PHOTOS = '''
    def load_image(self, image_id):
        """The photo, uint8 (height, width, 3), RGB: it lies inside a file of the set."""
        return self.whole.load_image(self.image_info[image_id]["id"])
'''
_LOADED_BOXES = '''
    def load_boxes(self, image_id):
        """Boxes (N, 4) as y1, x1, y2, x2 in pixels, and N class ids."""
        return self.whole.load_boxes(self.image_info[image_id]["id"])
'''
_LOADED_MASKS = '''
    def load_mask(self, image_id):
        """Masks, bool (height, width, N), and N class ids."""
        return self.whole.load_mask(self.image_info[image_id]["id"])
'''
_LOADED_LABELS = '''
    def load_label(self, image_id):
        """The class id of a photo."""
        return self.whole.load_label(self.image_info[image_id]["id"])
'''
_OWN_BOXES = '''
    def load_$name(self, folder):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class("$name", number, name)
        # Your own reading goes here. As it stands, a text file of its name lies beside each
        # photo, with a line for each object: class x1 y1 x2 y2, in pixels.
        for file in sorted(Path(folder).rglob("*.txt")):
            for ending in (".jpg", ".jpeg", ".png"):
                photo = file.with_suffix(ending)
                if photo.is_file():
                    self.add_image("$name", photo.name, str(photo), lines=str(file))

    def load_boxes(self, image_id):
        """Boxes (N, 4) as y1, x1, y2, x2 in pixels, and N class ids."""
        file = Path(self.image_info[image_id]["lines"])
        boxes, class_ids = [], []
        for line in filter(str.strip, file.read_text(encoding="utf-8").splitlines()):
            name, x1, y1, x2, y2 = line.rsplit(maxsplit=4)
            if name not in CLASSES:
                raise DataError(f"{file}: {name!r} is not in CLASSES; add it there.")
            boxes.append([float(y1), float(x1), float(y2), float(x2)])
            class_ids.append(CLASSES.index(name) + 1)
        boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
        return boxes, np.array(class_ids, dtype=np.int32)
'''
_MASKS_REMARK = """
    # Have you masks? Write load_mask(self, image_id) in place of load_boxes: it gives bool
    # (height, width, N) and N class ids, and the boxes follow from the masks.
"""
_OWN_LABELS = '''
    def load_$name(self, folder):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class("$name", number, name)
            # Your own reading goes here. As it stands, photos lie in a folder for each class.
            for photo in sorted((Path(folder) / name).rglob("*.*")):
                if photo.suffix.lower() in (".jpg", ".jpeg", ".png"):
                    image_id = f"{name}/{photo.name}"
                    self.add_image("$name", image_id, str(photo), label=number)

    def load_label(self, image_id):
        """The class id of a photo."""
        return self.image_info[image_id]["label"]
'''
_DRAWN_PARTS = '''
    """The photos to train on, and those to test on."""
    dataset = ${title}Dataset()
    dataset.load_$name(folder)
    dataset.prepare()
    if not dataset.num_images:
        raise UsageError(f"There are no photos with their objects in {folder}.")
    # Photos that are nearly the same stay together, else the test would be too easy.
    parts = split(dataset, {"train": 0.8, "test": 0.2}, group="similar")
    return parts["train"], parts["test"]'''
_GIVEN_PARTS = '''
    """The photos to train on, and those to test on."""
    datasets = []
    for part in ($train, $test):
        dataset = ${title}Dataset()
        dataset.load_$name(folder, part)
        dataset.prepare()
        if not dataset.num_images:
            raise UsageError(f"There are no photos of {part} in {folder}.")
        datasets.append(dataset)
    return datasets'''
_DETECTOR_SCORES = """
    # Average precision looks at the whole course from the surest detection down.
    model = open_model(weights, min_score=0.001)
    images = (test_set.load_image(i) for i in test_set.image_ids)
    detections = list(model.detections(images))
    evaluation = evaluate_detections(test_set, detections)
    print(evaluation.table())
    for name, path in write_results(out, test_set, detections, evaluation).items():
        print(f"{name}: {path}")"""
_CLASSIFIER_SCORES = """
    evaluation = open_model(weights).evaluate(test_set)
    print(evaluation.table())
    # Among the photos that it is most wrong about are often some in the wrong folder.
    worst = Path(out) / "worst.png"
    evaluation.draw_worst(test_set, worst)
    print(f"most wrong: {worst}")"""
_SCORE_OPTION = """
    finding.add_argument("--min-score", type=float, default=0.5)"""

_SCRIPT = '''\
"""Trains $what and tries it on new photos; written by `maskdet new`, to be edited.

Train:   python $name.py train
Detect:  python $name.py detect ${name}_output/weights.h5 PHOTO_OR_FOLDER
"""

import argparse
import sys
from pathlib import Path

$imports

$data
# The names of the classes; their ids are 1, 2 and so on, the background is 0.
$classes


class ${title}Dataset(Dataset):
    """Which photos there are, and what is in them."""
$reading

class ${title}Config($config):
    """The settings that are changed first; display() prints all of them."""

    NAME = "$name"
    NUM_CLASSES = 1 + len(CLASSES)
$settings


def load_parts(folder):$parts


def train(args):
    """Train in two stages: what is new first, then more of the network, gently."""
    train_set, test_set = load_parts(args.data)
    print(f"Photos: {train_set.num_images} to train, {test_set.num_images} to test on")
    config = ${title}Config()
    config.SEED = args.seed
    config.STEPS_PER_EPOCH = args.steps
    model = $model(mode="training", config=config, model_dir=args.logs)
    if args.weights == "last":
        model.load_weights(model.find_last())
    elif args.weights != "none":
        model.load_weights(args.weights)
    rate = config.LEARNING_RATE
    first, total = args.epochs[0], sum(args.epochs)
    # Epochs are counted over both stages, so that "last" goes on where a training was cut.
    if model.epoch < first:
        model.train(train_set, test_set, rate, epochs=first, layers=$first_layers)
    if model.epoch < total:
        rate = rate * $second_share
        model.train(train_set, test_set, rate, epochs=total, layers=$second_layers)
    weights = Path(args.out) / "weights.h5"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(weights)
    evaluate(weights, test_set, args.out)
    print(f"weights: {weights}")


def evaluate(weights, test_set, out):
    """Print scores on photos that were not trained on, and leave pictures."""$evaluation


def detect(args):
    """$finds."""
    model = open_model(args.weights$min_score)
    for photo in asked_photos(args.photos, args.out):
        image = read_image(photo.path)
        [result] = model.results([image])
        picture = Path(args.out) / f"{photo.name}.jpg"
        write_image(picture, result.draw(image))
        print(f"{photo.path}: {result.listing()} -> {picture}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="train or detect")
    training = commands.add_parser("train", help="train, and evaluate")
    training.set_defaults(run=train)
    training.add_argument("--data", default=DATA, help="default: %(default)s")
    training.add_argument(
        "--weights",
        default="pretrained",
        help="to start from: pretrained (default), none, last or a .h5 file",
    )
    training.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        default=[$first_epochs, $second_epochs],
        metavar=("FIRST", "SECOND"),
        help="of each stage (default: $first_epochs $second_epochs)",
    )
    training.add_argument("--steps", type=int, help="of an epoch (default: all photos)")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--logs", default="logs", help="folder for checkpoints")
    training.add_argument("--out", default="${name}_output", help="folder for results")
    finding = commands.add_parser("detect", help="try trained weights on photos")
    finding.set_defaults(run=detect)
    finding.add_argument("weights")
    finding.add_argument("photos", nargs="+", help="photos or folders of photos")
    finding.add_argument("--out", default="detections", help="folder for pictures")$score_option
    return parser.parse_args()


def main():
    args = parse_arguments()
    try:
        args.run(args)
    except MaskdetError as error:
        sys.exit(f"{sys.argv[0]}: {error}")


if __name__ == "__main__":
    main()
'''
