"""Splitting a data set into parts in which every class occurs as often as its share says."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from maskdet.data.dataset import Dataset
from maskdet.data.groups import Grouping, group_numbers
from maskdet.errors import UsageError

Array = NDArray[Any]
AnyDataset = TypeVar("AnyDataset", bound=Dataset)


def split(
    dataset: AnyDataset,
    fractions: Mapping[str, float],
    seed: int = 0,
    group: Grouping | None = None,
) -> dict[str, AnyDataset]:
    """Parts of a prepared data set, no image in two of them; each keeps the images' order.

    Stratified by class: images are dealt out class by class, the rarest first, each to the part
    that still lacks most objects of that class (Sechidis, Tsoumakas and Vlahavas, "On the
    Stratification of Multi-Label Data", 2011, with counts in place of presence). Images without
    objects count as a class of their own; in sets for classification each image counts as one
    object of its class. The number of images in each part is exact, up to rounding (with groups: up
    to the groups' sizes). The same seed gives the same parts.

    Args:
        fractions: share of the images for each part's name, e.g. ``{"train": 0.8, "test": 0.2}``;
            each above 0, together at most 1. What is left over is in no part.
        group: keeps images together: "prefix" by file names without their last number, "similar"
            near-identical photos, or a function of ``image_info`` that gives each image's group.

    Raises:
        UsageError: for other fractions, or where a part would get no image.
    """
    shares = np.array([float(share) for share in fractions.values()])
    total = float(shares.sum())
    if not len(shares) or not (shares > 0).all() or total > 1 + 1e-9:
        raise UsageError(
            f"Fractions must each be above 0 and together at most 1, but are {dict(fractions)} "
            f"(sum {total:g})."
        )
    groups = group_numbers(dataset, group)
    counts = _class_table(dataset)
    # The last part is what nobody asked for.
    part_sizes = _rounded(np.append(shares, max(0.0, 1.0 - total)) * len(counts))
    for (name, share), number in zip(fractions.items(), part_sizes, strict=False):
        if number == 0:
            raise UsageError(
                f"Part {name!r} would get none of the {len(counts)} images; raise its fraction "
                f"({share:g}) or add images."
            )
    sizes = np.bincount(groups)
    together = np.zeros((len(sizes), counts.shape[1]), dtype=np.int64)
    np.add.at(together, groups, counts)
    dealt = _deal(together, sizes, part_sizes, np.random.default_rng(seed))
    owner = dealt[groups]
    for part, name in enumerate(fractions):
        if not (owner == part).any():
            raise UsageError(
                f"Part {name!r} would get none of the {len(sizes)} groups of images; use fewer "
                "parts or smaller groups."
            )
    return {
        name: dataset.subset(np.flatnonzero(owner == part).tolist())
        for part, name in enumerate(fractions)
    }


def _class_table(dataset: Dataset) -> Array:
    """Objects by image and class, int (images, classes + 1); the last column: has no objects.

    An image that has a class as a whole counts as one object of it.
    """
    images = range(len(dataset.image_info))
    if dataset.gives_labels:
        ids = [np.array([dataset.load_label(i)]) for i in images]
    else:
        ids = [dataset.load_boxes(i)[1] for i in images]
    classes = 1 + max((int(np.abs(row).max(initial=0)) for row in ids), default=0)
    table = np.zeros((len(ids), classes + 1), dtype=np.int64)
    for row, class_ids in zip(table, ids, strict=True):
        row[:-1] = np.bincount(np.abs(np.asarray(class_ids, dtype=np.int64)), minlength=classes)
        row[-1] = len(class_ids) == 0
    return table


def _rounded(wanted: Array) -> Array:
    """Whole numbers near ``wanted`` with the same sum: the largest remainders are rounded up."""
    wanted = np.around(wanted, 6)
    numbers = np.floor(wanted).astype(np.int64)
    missing = int(round(float(wanted.sum()))) - int(numbers.sum())
    for part in np.argsort(numbers - wanted, kind="stable")[:missing]:
        numbers[part] += 1
    return numbers


def _deal(counts: Array, sizes: Array, part_sizes: Array, rng: np.random.Generator) -> Array:
    """The part of each group of images, int (groups,).

    Args:
        counts: objects by group and class.
        sizes: images by group.
        part_sizes: images by part.
    """
    free = part_sizes.astype(np.int64).copy()
    part_shares = part_sizes / max(1, part_sizes.sum())  # (parts,)
    lacking = counts.sum(axis=0)[None, :] * part_shares[:, None]  # (parts, classes)
    owner = np.full(len(counts), -1)
    order = rng.permutation(len(counts))
    while (owner < 0).any():
        open_images = order[owner[order] < 0]
        left = counts[open_images].sum(axis=0)
        rarest = int(np.argmin(np.where(left > 0, left, np.iinfo(np.int64).max)))
        members = open_images[counts[open_images, rarest] > 0]
        # Images with many objects of the class first: late on they would upset the balance.
        for image in members[np.argsort(-counts[members, rarest], kind="stable")]:
            candidates = np.flatnonzero(free >= sizes[image])
            if not len(candidates):  # a group that is too large for what is left anywhere
                candidates = np.flatnonzero(free == free.max())
            need = lacking[candidates, rarest]
            best = candidates[need >= need.max() - 1e-9]
            part = best[np.argmax(free[best])]
            owner[image] = part
            free[part] -= sizes[image]
            lacking[part] -= counts[image]
    return owner
