"""Promise: a damaged annotation file gives a result or one clear error, never anything else.

Ten thousand files are made by damaging small sound ones of every format: bytes changed, cut,
doubled and swapped, numbers replaced by odd ones, records doubled or given another one's number,
files emptied. Photos are plain in one half, in the other EXIF turns them, and a second sound file
describes them too. A quarter more are of sets as other tools make them. Each is read; only
DataError may come out, in time.
"""

import base64
import io
import random
import re
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from maskdet.data.dataset import Dataset
from maskdet.data.formats import (
    FORMATS,
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
from maskdet.errors import DataError

COUNT = 10_000
# A mutated file that takes longer than this to read counts as a hang.
SLOWEST = 5.0
ODD = (
    b"-1", b"0", b"1e400", b"nan", b"-inf", b"99999999999999999999", b"1.5", b"''", b"null", b"{}",
    b"[]", b'"x"', b"\xff\xfe", b"\x00", b"true", b"<a>", b"&b;", b"2147483648", b"1e-320",
)  # fmt: skip
ANNOTATIONS = (".xml", ".json", ".txt", ".csv", ".yaml", ".pbtxt", ".record")


class Two(Dataset):
    """Two small pictures with three objects, one of them an L with a hole."""

    def load_image(self, image_id):
        return np.full((24, 32, 3), 40 + 60 * image_id, np.uint8)

    def load_mask(self, image_id):
        masks = np.zeros((24, 32, 2 - image_id), bool)
        masks[2:12, 3:20, 0] = True
        masks[5:8, 6:9, 0] = False
        if image_id == 0:
            masks[14:22, 10:30, 1] = True
        return masks, np.array([1, 2][: 2 - image_id])


def two():
    dataset = Two()
    for number, name in enumerate(["cat", "small dog"], start=1):
        dataset.add_class("made", number, name)
    for number in range(2):
        dataset.add_image("made", f"photo{number}", None)
    dataset.prepare()
    return dataset


def mutated(data, rng):
    """Some bytes of a file changed in one of nine ways, once or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        if not data:
            return b"x"
        at, length = rng.randrange(len(data)), rng.randint(1, 12)
        way = rng.randrange(9)
        if way == 0:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif way == 1:
            data = data[:at] + data[at + length :]
        elif way == 2:
            data = data[: at + length] + data[at:]
        elif way == 3:
            data = data[:at]
        elif way == 4:
            numbers = list(re.finditer(rb"-?\d+\.?\d*", data)) or [re.search(b"", data)]
            number = rng.choice(numbers)
            data = data[: number.start()] + rng.choice(ODD) + data[number.end() :]
        elif way == 5:  # a record twice: a JSON object, an XML element or a line
            found = list(re.finditer(rb"\{[^{}]*\}|<(\w+)[^<>]*/>|[^\n]+\n", data))
            if found:
                record = rng.choice(found)
                between = b", " if record[0].startswith(b"{") else b""
                data = data[: record.end()] + between + record[0] + data[record.end() :]
        elif way == 6:  # one number in the place of another: ids, sizes and corners exchanged
            numbers = list(re.finditer(rb"-?\d+\.?\d*", data))
            if numbers:
                number, other = rng.choice(numbers), rng.choice(numbers)
                data = data[: number.start()] + other[0] + data[number.end() :]
        elif way == 7 and rng.random() < 0.2:
            data = rng.choice((b"", b" \n"))
        else:
            other = rng.randrange(len(data))
            a, b = data[at : at + length], data[other : other + length]
            data = data[:at] + b + data[at + length :]
            data = data[:other] + a + data[other + length :]
    return data


# Folders of photos have no annotation file.
READ = [form for form in FORMATS if form is not image_folders]


# Formats that read all files below a folder, so that two sets below it are one.
TOGETHER = [coco, createml, csv_table, cvat, labelme, tfrecord, via, voc]
MASKS = {"masks", "SegmentationObject"}


def turned(folder):
    """Photos saved anew with an EXIF orientation; what was stated is their size as stored."""
    for path in folder.rglob("*.png"):
        if not MASKS & set(path.parts):
            exif = Image.Exif()
            exif[0x0112] = 6
            with Image.open(path) as picture:
                picture.load()
            picture.save(path, exif=exif)


@pytest.mark.parametrize("photos", ["plain", "turned"])
@pytest.mark.parametrize("form", READ, ids=lambda form: form.NAME)
def test_mutated_files(form, photos, tmp_path):
    form.write(two(), tmp_path)
    if photos == "turned":
        turned(tmp_path)
        if form in TOGETHER:
            form.write(two(), tmp_path / "again")
    files = [p for p in sorted(tmp_path.rglob("*")) if p.suffix.lower() in ANNOTATIONS]
    pictures = sorted(tmp_path.rglob("*mask*/**/*.png"))
    files = files or pictures  # a format of mask pictures alone
    assert files, "the format wrote no annotation"
    read_mutated(form, tmp_path, files, COUNT // (2 * len(READ)) + 1, f"{form.NAME} {photos}")


def read_mutated(form, folder, files, share, seed):
    """Read a set ``share`` times, one of its files changed each time."""
    rng = random.Random(seed)
    results = {"read": 0, "refused": 0}
    for number in range(share):
        path = rng.choice(files)
        sound = path.read_bytes()
        path.write_bytes(mutated(sound, rng))
        started = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = form.read(folder, on_error=rng.choice(("raise", "skip")))
                for image_id in dataset.image_ids:
                    dataset.load_boxes(image_id)
                    if dataset.provides_masks:
                        dataset.load_mask(image_id)
            results["read"] += 1
        except DataError as error:
            assert str(error).strip() and len(str(error)) < 2000
            results["refused"] += 1
        except Exception as error:
            saved = io.BytesIO(path.read_bytes()).getvalue()
            pytest.fail(f"mutation {number} of {path.name}: {error!r}\n{saved[:600]!r}")
        finally:
            path.write_bytes(sound)
        assert time.monotonic() - started < SLOWEST, f"mutation {number} of {path.name} hangs"
    assert min(results.values()) > share // 50, results  # mutations are neither harmless nor fatal


YAML = (
    "path: .\ntrain: [train.txt]\nval: images\nkpt_shape: [2, 3]\nnames:\n  0: cat\n  1: 'a dog'\n"
)
POSES = "0 0.5 0.5 0.25 0.5 0.1 0.1 2 0.9 0.9 0\n1 0.5 0.5 1 1\n"
CVAT = (
    '<annotations><image name="b/p0.png" width="32" height="24"><box label="cat" xtl="6" ytl="4" '
    'xbr="20" ybr="12" rotation="30.5"/><polygon label="cat" points="1,1;9,1;9,9" group_id="1"/>'
    '<mask label="cat" rle="2,4,2" left="10" top="2" width="4" height="2" group_id="1"/></image>'
    '<image name="c/p0.png"><ellipse label="dog" cx="9" cy="9" rx="4" ry="3" group_id="1"/></image>'
    "</annotations>"
)
LABELME = """{"imagePath": "images/p0.png", "imageHeight": 24, "imageWidth": 32, "shapes": [
 {"label": "cat", "shape_type": "rotation", "points": [[9, 2], [16, 9], [9, 16], [2, 9]]},
 {"label": "cat", "shape_type": "rectangle", "points": [[1, 1], [9, 1], [9, 7], [1, 7]],
  "group_id": 1}, {"label": "cat", "shape_type": "circle", "points": [[9, 9], [9, 14]],
  "group_id": 1}, {"label": "cat", "shape_type": "mask", "group_id": 1, "points": [[4, 4], [7, 5]],
  "mask": "MASK"}]}
"""


def mask_picture(mode):
    plane = np.zeros((24, 32), np.uint8)
    plane[2:12, 3:20], plane[14:22, 10:30] = 1, 2
    picture = Image.fromarray(plane)
    if mode == "P":
        picture = Image.frombytes("P", picture.size, plane.tobytes())
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    content = io.BytesIO()
    picture.convert(mode).save(content, format="PNG")
    return content.getvalue()


LABELME = LABELME.replace("MASK", base64.b64encode(mask_picture("LA")).decode())
# Files as other tools make them: what the writers here never write.
OTHERS = {
    "poses": (
        yolo,
        {"data.yaml": YAML, "train.txt": "data/images/p0.png\n", "labels/p0.txt": POSES},
    ),
    "two yamls": (yolo, {"a.yaml": YAML, "data.yaml": YAML, "Labels/p0.TXT": POSES}),
    "turned and grouped": (cvat, {"a.xml": CVAT}),
    "groups of all shapes": (labelme, {"p0.json": LABELME}),
    "grey and alpha": (mask_folders, {"masks/p0.png": mask_picture("LA")}),
    "palette": (mask_folders, {"masks/p0.png": mask_picture("P")}),
    "colours": (mask_folders, {"p0/images/p0.png": b"", "p0/masks/1.png": mask_picture("RGBA")}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_mutated_files_of_other_tools(name, tmp_path):
    form, contents = OTHERS[name]
    for photo in ("images/p0.png", "images/b/p0.png", "images/c/p0.png", "p0/images/p0.png"):
        if photo.startswith("p0") == any(file.startswith("p0/") for file in contents):
            (tmp_path / photo).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 24), (40, 90, 20)).save(tmp_path / photo)
    files = []
    for file, content in contents.items():
        if content:
            files.append(tmp_path / file)
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            files[-1].write_bytes(content.encode() if isinstance(content, str) else content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sum(form.read(tmp_path).class_counts().values()) >= 1
    read_mutated(form, tmp_path, files, COUNT // (4 * len(OTHERS)), name)
