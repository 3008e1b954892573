"""What the documentation's pictures are made of: networks and photos of made scenes.

Every part is made when a picture first asks for it, and kept for the next.
"""

from functools import cached_property
from pathlib import Path

from maskdet import Classifier, ClassifierConfig, Dataset
from maskdet.data.scenes import write_scenes
from maskdet.data.split import split
from maskdet.images import write_image
from maskdet.jobs.demo import run_demo

# Scenes that things are cut out of: other ones than the demo's.
CUT_SCENES, CUT_SEED = 60, 1
# Pixels of the shorter side that a thing has at least; of five things one is held out.
SMALLEST_THING, HELD_OUT = 28, 5


class Workshop:
    """Networks and photos for the pictures.

    Args:
        demo: folder of ``make demo``; the demo is run there if it has not been.
        folder: for everything else, anew for each run.
    """

    def __init__(self, demo: Path, folder: Path) -> None:
        self.demo_folder, self.folder = demo, folder

    @cached_property
    def demo(self) -> Path:
        """The folder of a finished demo."""
        # The last thing that a demo writes.
        if not (self.demo_folder / "report.html").is_file():
            run_demo(self.demo_folder)
        return self.demo_folder

    @cached_property
    def scenes(self) -> dict[str, Dataset]:
        """The demo's photos as ``run_demo`` splits them: "train", and "test", held out."""
        dataset = Dataset.load(self.demo / "dataset")
        return split(dataset, {"train": 5 / 6, "test": 1 / 6}, seed=0)

    @cached_property
    def things(self) -> Path:
        """A folder of pictures of single things: ``train`` and ``val``, a folder a kind in each."""
        scenes = self.folder / "scenes"
        write_scenes(scenes, CUT_SCENES, seed=CUT_SEED, progress=False)
        cut_things(Dataset.load(scenes), self.folder / "things")
        return self.folder / "things"

    @cached_property
    def classifier(self) -> Path:
        """Weights of a classifier of the things."""
        train, val = (Dataset.load(self.things / part) for part in ("train", "val"))

        class Things(ClassifierConfig):
            NAME = "things"
            NUM_CLASSES = train.num_classes

        model = Classifier("training", Things(), self.folder / "logs")
        model.load_weights("imagenet")
        model.train(train, val, recipe="quick")
        model.save_weights(self.folder / "things.h5")
        return self.folder / "things.h5"


def cut_things(scenes: Dataset, folder: Path) -> None:
    """Write each thing of a set of scenes, with a little of what is around it, as a PNG of its own.

    Args:
        scenes: with boxes.
        folder: gets ``train/KIND/KIND N.png``; ``val/KIND/KIND N.png`` of every fifth of a kind.
    """
    counts: dict[str, int] = {}
    for image_id in scenes.image_ids:
        image = scenes.load_image(image_id)
        boxes, class_ids = scenes.load_boxes(image_id)
        for (y1, x1, y2, x2), class_id in zip(boxes.astype(int), class_ids, strict=True):
            if min(y2 - y1, x2 - x1) < SMALLEST_THING:
                continue
            kind = scenes.class_names[class_id]
            counts[kind] = counts.get(kind, 0) + 1
            part = "train" if counts[kind] % HELD_OUT else "val"
            margin = max(y2 - y1, x2 - x1) // 6
            cut = image[max(0, y1 - margin) : y2 + margin, max(0, x1 - margin) : x2 + margin]
            write_image(folder / part / kind / f"{kind} {counts[kind]}.png", cut)
