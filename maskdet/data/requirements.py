"""What a training asks of a data set."""

from maskdet.data.dataset import Dataset
from maskdet.errors import ConfigError, UsageError

#: Images from which on objects are not counted one by one, from boxes and from bitmaps.
_MANY, _MANY_BITMAPS = 5000, 200


def check_classes(dataset: Dataset, num_classes: int) -> None:
    """Raises ConfigError or UsageError where a data set is not prepared, empty, or has another
    number of classes than ``num_classes`` (with the background)."""
    names = list(getattr(dataset, "class_names", []))
    if not names:
        raise UsageError("The data set is not prepared; call its prepare() first.")
    if len(names) != num_classes:
        raise ConfigError(
            f"NUM_CLASSES is {num_classes}, but the data set has {len(names)} classes with "
            f"the background ({', '.join(names)}); set NUM_CLASSES = {len(names)}."
        )
    if not len(dataset.image_ids):
        raise UsageError("The data set has no images; look at the path it was read from.")


def largest_count(dataset: Dataset, limit: int) -> int:
    """Objects of the image with most of them, 1 to ``limit``; large sets are not counted.

    Targets are worked out for every padded object too, so padding beyond what a set needs is paid
    for at each step.
    """
    images = len(dataset.image_ids)
    from_bitmaps = dataset.provides_masks and not dataset.gives_boxes
    if images > (_MANY_BITMAPS if from_bitmaps else _MANY):
        return limit
    read = dataset.load_mask if from_bitmaps else dataset.load_boxes
    counts = [len(read(int(image_id))[1]) for image_id in dataset.image_ids]
    return max(1, min(limit, max(counts, default=1)))
