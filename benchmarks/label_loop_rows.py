"""What benchmarks/label_loop.py measures: trainings on more and more photos of a set."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy_rows import row_of
from trained import loaded

from maskdet.models.usefulness import useful_order


def loop_rows(parts, ways, seed, args):
    """A row for each training, way by way.

    Args:
        parts: an ``accuracy_sets.Parts``.
        ways: of "chosen" and "random".
        seed: of the first photos, the random ones and the trainings.
        args: of the command line.
    """
    count = parts.train.num_images
    drawn = np.random.default_rng(seed).permutation(count)  # (photos,)
    first = drawn[: args.counts[0]].tolist()
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "first.h5"
        start = _row(parts, first, seed, args, weights)
        for way in ways:
            yield {"way": way, **start}
            labelled, newest = list(first), weights
            for number in args.counts[1:]:
                others = [row for row in drawn.tolist() if row not in set(labelled)]
                if way == "chosen":
                    others = _by_use(parts.train, newest, others, labelled)
                labelled += others[: number - len(labelled)]
                newest = Path(folder) / f"{way}_{number}.h5"
                yield {"way": way, **_row(parts, labelled, seed, args, newest)}
                if len(labelled) < number:
                    break  # the set has no more


def _row(parts, labelled, seed, args, weights):
    train = parts.train.subset(sorted(labelled))
    row = row_of(replace(parts, train=train, validation=None), seed, args, weights)
    objects = sum(len(train.load_boxes(i)[1]) for i in train.image_ids)
    return {"labelled": len(labelled), "objects": objects, **row}


def _by_use(dataset, weights, others, labelled):
    """Other photos, the most useful first, by the network that the labelled ones have taught."""
    order = useful_order(
        loaded(weights),
        (dataset.load_image(i) for i in others),
        (dataset.load_image(i) for i in labelled),
    )
    return [others[row] for row in order.indices.tolist()]
