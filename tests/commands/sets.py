"""Small data sets for the commands that read and write such."""

import numpy as np

from maskdet.data.formats.voc_xml import VOCObject, build_xml
from maskdet.files import write_whole
from maskdet.images import write_image

SIDE = 60


def thing(name, box, difficult=False):
    return VOCObject(
        name, box, difficult=difficult, truncated=False, occluded=False, pose="", location=""
    )


def write_set(folder, count=10):
    """VOC XML: in each photo a cat, in every second one a dog too, the last one empty.

    Photos are noise, so that no two are similar.
    """
    for number in range(count):
        draws = np.random.default_rng(number)
        photo = draws.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        write_image(folder / "images" / f"{number:02}.png", photo)
        objects = [thing("cat", (5.0, 10.0, 25.0, 40.0))]
        if number % 2:
            objects.append(thing("dog", (30.0, 30.0, 50.0, 55.0), difficult=number == 1))
        text = build_xml(
            f"{number:02}.png",
            "images",
            (SIDE, SIDE),
            objects if number < count - 1 else [],
            False,
        )
        write_whole(folder / "annots" / f"{number:02}.xml", text)
    return folder


def write_classes(folder, count=6):
    """Photos in folders "blue" and "red"."""
    for k, name in enumerate(("blue", "red")):
        for number in range(count):
            draws = np.random.default_rng((k, number))
            photo = draws.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
            write_image(folder / name / f"{name}{number}.png", photo)
    return folder


def files_of(folder):
    """Content by path of all that lies in a folder, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
