"""The sets that benchmarks/accuracy.py trains on, each with its usual split."""

import atexit
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskdet import Dataset
from maskdet.data.image_sets import read_image_sets
from maskdet.data.scenes import write_scenes
from maskdet.data.split import split
from maskdet.errors import DataError, UsageError

# The demo's.
SCENES, SCENES_SIDE = 270, 256
QUICK_SCENES, QUICK_SIDE = 12, 64


@dataclass
class Parts:
    """A set's photos by what they are for.

    Attributes:
        train: to learn from.
        test: what the figures are of.
        validation: photos of neither that a training may look at; None where the set has none.
        own: the set's own (train, validation), to choose settings with; None where it has none.
        name: of what ``test`` is: "test", "validation" or "fold 2/5".
    """

    train: Dataset
    test: Dataset
    validation: Dataset | None = None
    own: tuple[Dataset, Dataset] | None = None
    name: str = "test"


def parts_of(name, data, validate=None, quick=False):
    """A set's parts.

    Args:
        name: one of ``READERS``.
        data: folder that has the real sets.
        validate: None for the usual test photos. "own" or (K, N): these are left alone; tested is
            on the set's own validation photos, or on the K-th of N folds of its training photos.

    Raises:
        DataError: if the set is absent.
        UsageError: for "own" where the set has no validation photos.
    """
    usual = READERS[name](Path(data), quick)
    if validate is None:
        return usual
    if validate == "own":
        if usual.own is None:
            raise UsageError(f"{name} has no validation photos of its own; use --validate K/N.")
        return Parts(*usual.own, name="validation")
    fold, folds = validate
    # The folds are the same for every seed. Near-identical photos would tell what they are asked.
    shares = {str(number): 1 / folds for number in range(1, folds + 1)}
    held_out = split(usual.train, shares, seed=0, group="similar")[str(fold)]
    ids = {str(info["id"]) for info in held_out.image_info}
    train = chosen(usual.train, lambda image_id: image_id not in ids)
    return Parts(train, held_out, name=f"fold {fold}/{folds}")


def some_photos(dataset, count, seed):
    """``count`` of a set's photos, drawn by the seed; fewer are a part of more.

    Raises:
        UsageError: if there are not so many.
    """
    if count > dataset.num_images:
        raise UsageError(f"--photos asks for {count}, but there are {dataset.num_images} to train.")
    drawn = np.random.default_rng(seed).permutation(dataset.num_images)[:count]
    return dataset.subset(sorted(drawn.tolist()))


def chosen(dataset, wanted):
    """The images whose id (a text) is wanted."""
    return dataset.subset(i for i, info in enumerate(dataset.image_info) if wanted(str(info["id"])))


def opened(path, **options):
    """A set; objects and photos that cannot be used are left out without a word.

    Raises:
        DataError: if it is absent.
    """
    if not path.is_dir():
        raise DataError(f"There is no {path}; give --data the folder that holds the set.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Dataset.load(path, on_error="skip", **options)


def kangaroo(data, quick):
    """As the tutorial splits it, see examples/kangaroo."""
    dataset = opened(data / "kangaroo")
    dataset = chosen(dataset, lambda i: i != "00090")  # truncated
    return Parts(chosen(dataset, lambda i: int(i) < 150), chosen(dataset, lambda i: int(i) >= 150))


def balloon(data, quick):
    """Outlines; its validation photos are what everybody tests on."""
    return Parts(opened(data / "balloon" / "train"), opened(data / "balloon" / "val"))


def bccd(data, quick):
    """Its lists "trainval" and "test"; to choose settings "train" and "val"."""
    folder = data / "bccd"
    lists = read_image_sets(opened(folder), folder / "ImageSets" / "Main")
    own = lists["train"], lists["val"]
    return Parts(lists["trainval"], lists["test"], own=own)


def nuts_bolts(data, quick):
    """Its folders train, valid and test."""
    folder = data / "nuts_bolts"
    train, valid, test = (opened(folder, split=name) for name in ("train", "val", "test"))
    return Parts(train, test, valid, own=(train, valid))


def scenes(data, quick):
    """The demo's made scenes; the same ones for every seed, so that only the training differs."""
    count, side = (QUICK_SCENES, QUICK_SIDE) if quick else (SCENES, SCENES_SIDE)
    folder = Path(tempfile.mkdtemp(prefix="scenes_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_scenes(folder, count, size=(side, side), seed=0)
    parts = split(Dataset.load(folder), {"train": 5 / 6, "test": 1 / 6}, seed=0)
    return Parts(parts["train"], parts["test"])


READERS = {f.__name__: f for f in (kangaroo, balloon, bccd, nuts_bolts, scenes)}
