"""File formats of data sets, a module each, in the order in which they are tried.

A format is a module with ``NAME``, ``LOOKS_FOR`` (both for messages), ``HOLDS``,
``recognise(path)``, ``read(path, ...)`` and ``write(dataset, path)``.

``HOLDS`` is what a set may have without losing it in ``write``: "boxes", "masks", "crowds" (or
"crowds as difficult"), "difficult", "labels" (a class for each image), and "photos" where the
photos lie in the format's own files.
"""

from maskdet.data.formats import (
    coco,
    createml,
    csv_table,
    cvat,
    image_folders,
    labelme,
    mask_folders,
    tfrecord,
    via,
    voc,
    yolo,
)

FORMATS = (
    tfrecord,
    voc,
    cvat,
    coco,
    via,
    createml,
    labelme,
    yolo,
    csv_table,
    mask_folders,
    image_folders,
)

__all__ = ["FORMATS", *(form.__name__.rpartition(".")[2] for form in FORMATS)]
