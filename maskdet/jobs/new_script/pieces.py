"""What a script is put together from; ``$name`` and the like are filled in."""

SAYS = "Write into photos what trained weights say they show"
INPUT_SIZE = """\
    # Sides of the network's input in pixels. A larger one sees smaller things, and takes longer."""
SETTINGS: dict[str, str] = {
    "IMAGES_PER_GPU": "    # Photos in a step of training; fewer need less memory.",
    "LEARNING_RATE": "    # Of the first stage; halve it where losses jump.",
    "AUGMENTATION": (
        "    # Random changes of the photos to train on: none, light, default, strong or parts."
    ),
    "EVALUATE_EVERY": "    # Epochs between two evaluations while it trains; 0: only at the end.",
    "DETECTION_MIN_CONFIDENCE": "    # Lowest score of what is reported.",
}

LOADED = '''
    def load_$name(self, folder$part):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class(SOURCE, number, name)
        # Your own reading can go here: an add_image for each photo, with all that the
        # methods below need to know of it. Dataset.load reads the usual formats.
$skipped        self.whole = $call
        for number in self.whole.image_ids:
            path = self.whole.image_info[number]["path"]
$added
'''
SKIPPED = "        # What cannot be used is left out, with a warning.\n"
ADDED = "            self.add_image(SOURCE, int(number), path)"
ADDED_DIFFICULT = """\
            # Objects that are too difficult to count for or against a detector.
            difficult = self.whole.load_difficult(number)
            self.add_image(SOURCE, int(number), path, difficult=difficult)"""
LOADED_PHOTOS = '''
    def load_image(self, image_id):
        """The photo, uint8 (height, width, 3), RGB: it lies inside a file of the set."""
        return self.whole.load_image(self.image_info[image_id]["id"])
'''
LOADED_BOXES = '''
    def load_boxes(self, image_id):
        """Boxes (N, 4) as y1, x1, y2, x2 in pixels, and N class ids."""
        return self.whole.load_boxes(self.image_info[image_id]["id"])
'''
LOADED_MASKS = '''
    def load_mask(self, image_id):
        """Masks, bool (height, width, N), and N class ids."""
        return self.whole.load_mask(self.image_info[image_id]["id"])
'''
LOADED_LABELS = '''
    def load_label(self, image_id):
        """The class id of a photo."""
        return self.whole.load_label(self.image_info[image_id]["id"])
'''
OWN_BOXES = '''
    def load_$name(self, folder):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class(SOURCE, number, name)
        # Your own reading goes here. As it stands, a text file of its name lies beside each
        # photo, with a line for each object: class x1 y1 x2 y2, in pixels.
        for file in sorted(Path(folder).rglob("*.txt")):
            for ending in (".jpg", ".jpeg", ".png"):
                photo = file.with_suffix(ending)
                if photo.is_file():
                    self.add_image(SOURCE, photo.name, str(photo), lines=str(file))

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
MASKS_REMARK = """
    # Have you masks? Write load_mask(self, image_id) in place of load_boxes: it gives bool
    # (height, width, N) and N class ids, and the boxes follow from the masks.
"""
OWN_LABELS = '''
    def load_$name(self, folder):
        """Add the classes and the photos of a folder."""
        for number, name in enumerate(CLASSES, start=1):
            self.add_class(SOURCE, number, name)
            # Your own reading goes here. As it stands, photos lie in a folder for each class.
            for photo in sorted((Path(folder) / name).rglob("*.*")):
                if photo.suffix.lower() in (".jpg", ".jpeg", ".png"):
                    image_id = f"{name}/{photo.name}"
                    self.add_image(SOURCE, image_id, str(photo), label=number)

    def load_label(self, image_id):
        """The class id of a photo."""
        return self.image_info[image_id]["label"]
'''
DRAWN_PARTS = '''
    """The photos to train on, and those to test on."""
    dataset = ${title}Dataset()
    dataset.load_$name(folder)
    dataset.prepare()
    if not dataset.num_images:
        raise UsageError(f"There are no photos with their objects in {folder}.")
    # Photos that are nearly the same stay together, else the test would be too easy.
    parts = split(dataset, {"train": 0.8, "test": 0.2}, group="similar")
    return parts["train"], parts["test"]'''
GIVEN_PARTS = '''
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
DETECTOR_SCORES = """
    # Average precision looks at the whole course from the surest detection down.
    model = open_model(weights, min_score=0.001)
    images = (test_set.load_image(i) for i in test_set.image_ids)
    detections = list(model.detections(images))
    evaluation = evaluate_detections(test_set, detections)
    print(evaluation.table())
    for name, path in write_results(out, test_set, detections, evaluation).items():
        print(f"{name}: {path}")"""
CLASSIFIER_SCORES = """
    evaluation = open_model(weights).evaluate(test_set)
    print(evaluation.table())
    # Among the photos that it is most wrong about are often some in the wrong folder.
    worst = Path(out) / "worst.png"
    evaluation.draw_worst(test_set, worst)
    print(f"most wrong: {worst}")"""
SCORE_OPTION = """
    finding.add_argument("--min-score", type=float, default=0.5)"""

SCRIPT = '''\
"""Trains $what and tries it on new photos; written by `maskdet new`, to be edited.

Train:   python $name.py train
Detect:  python $name.py detect WEIGHTS.h5 PHOTO_OR_FOLDER
"""

import argparse
import sys
from pathlib import Path

$imports

$data
OUTPUT = "${name}_output"
# What the classes and photos below belong to.
SOURCE = "$name"
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
    training.add_argument("--out", default=OUTPUT, help="folder for results")
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
