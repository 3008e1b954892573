"""Two images made one: objects pasted from another image, or both shining through each other."""

from dataclasses import replace

import numpy as np

from maskdet.data.augment.geometric import cut
from maskdet.data.augment.sample import Sample, joined


def paste_objects(sample: Sample, other: Sample, share: float, rng: np.random.Generator) -> Sample:
    """Some of another image's objects laid over this one by their masks (Ghiasi et al. 2021).

    What is hidden by then loses that part of its mask. Both images have one size; where either has
    no masks nothing changes, and what has only a box is not pasted.

    Args:
        share: chance of each of the other's objects.
    """
    if sample.masks is None or other.masks is None or sample.image.shape != other.image.shape:
        return sample
    chance = rng.random(len(other.masks)) < share
    pasted = np.flatnonzero(chance & (other.class_ids > 0) & other.has_outlines)
    if not len(pasted):
        return sample
    covered = np.asarray(other.masks[pasted].any(axis=0))
    image = np.where(covered[..., None], other.image, sample.image)
    whole = sample.masks.sum(axis=(1, 2)).astype(np.float64)
    under = cut(replace(sample, image=image, masks=sample.masks & ~covered), whole)
    return joined(image, [under, other.subset(pasted)])


def blend(sample: Sample, other: Sample, share: float) -> Sample:
    """Both images, this one with weight ``share``, and the objects of both (Zhang et al. 2019)."""
    if sample.image.shape != other.image.shape or (sample.masks is None) != (other.masks is None):
        return sample
    mixed = share * sample.image.astype(np.float32) + (1 - share) * other.image
    image = np.around(mixed) if sample.image.dtype == np.uint8 else mixed
    return joined(image.astype(sample.image.dtype), [sample, other])
