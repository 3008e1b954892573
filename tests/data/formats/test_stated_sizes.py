"""Promise: objects lie where they were drawn, whatever EXIF does to the photo.

Files that state the size of the photo before turning are turned with it, in every format; where a
photo has another size than was stated, a warning says so.
"""

import io
import json
import warnings

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.annotated import Shape
from maskdet.data.formats import coco, csv_table, cvat, labelme, mask_folders, tfrecord
from maskdet.data.formats.example_proto import parse_example, records
from maskdet.errors import DataError, DataWarning
from maskdet.geometry.rle import encode_rle
from maskdet.images import png_bytes

TURNS = [5, 6, 7, 8]
# The object as stored, in a photo of 60 x 40 pixels (width x height): y1, x1, y2, x2.
STORED = (4, 10, 16, 38)


def save_photo(path, orientation, bright=STORED, size=(60, 40)):
    """A dark photo with a bright rectangle, stored unturned with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 20, np.uint8)
    y1, x1, y2, x2 = bright
    pixels[y1:y2, x1:x2] = 230
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, quality=100, subsampling=0, exif=exif)


def plane():
    mask = np.zeros((40, 60), bool)
    mask[STORED[0] : STORED[2], STORED[1] : STORED[3]] = True
    return mask


def ring():
    y1, x1, y2, x2 = STORED
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def coco_with(**annotation):
    def write(folder):
        content = {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": 1, "category_id": 1, **annotation}],
        }
        (folder / "c.json").write_text(json.dumps(content))
        return coco

    return write


def labelme_polygon(folder):
    shape = {"label": "cat", "points": ring(), "shape_type": "polygon"}
    size = {"imageHeight": 40, "imageWidth": 60}
    (folder / "a.json").write_text(json.dumps({"shapes": [shape], "imagePath": "a.jpg", **size}))
    return labelme


def table(rows):
    def write(folder):
        header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        (folder / "t.csv").write_text(header + rows)
        return csv_table

    return write


def cvat_mask(folder):
    y1, x1, y2, x2 = STORED
    height, width = y2 - y1, x2 - x1
    mask = f'<mask label="cat" rle="0,{height * width}" left="{x1}" top="{y1}" '
    mask += f'width="{width}" height="{height}"/>'
    image = f'<image name="a.jpg" width="60" height="40">{mask}</image>'
    (folder / "annotations.xml").write_text(f"<annotations>{image}</annotations>")
    return cvat


def record_of_others(folder):
    """As the TF Object Detection API's tools write it: they do not turn photos."""
    photo = (folder / "a.jpg").read_bytes()
    y1, x1, y2, x2 = (side / whole for side, whole in zip(STORED, (40, 60) * 2, strict=True))
    features = {
        "image/height": 40, "image/width": 60, "image/filename": b"a.jpg", "image/encoded": photo,
        "image/object/class/text": [b"cat"],
        "image/object/mask": [png_bytes(plane().astype(np.uint8))],
        **{f"image/object/bbox/{name}": np.array([side], np.float32)
           for name, side in zip(("ymin", "xmin", "ymax", "xmax"), (y1, x1, y2, x2), strict=True)},
    }  # fmt: skip
    (folder / "a.record").write_bytes(tfrecord.framed(tfrecord.build_example(features)))
    return tfrecord


def mask_pictures(folder):
    (folder / "1" / "images").mkdir(parents=True)
    (folder / "a.jpg").rename(folder / "1" / "images" / "a.jpg")
    (folder / "1" / "masks").mkdir()
    Image.fromarray(plane()).save(folder / "1" / "masks" / "0.png")
    return mask_folders


def paired_masks(folder):
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    (folder / "a.jpg").rename(folder / "photos" / "a.jpg")
    Image.fromarray(plane().astype(np.uint8)).save(folder / "masks" / "a.png")
    return mask_folders


BBOX = [STORED[1], STORED[0], STORED[3] - STORED[1], STORED[2] - STORED[0]]
WRITERS = {
    "coco box": coco_with(bbox=BBOX),
    "coco polygon": coco_with(segmentation=[[v for corner in ring() for v in corner]]),
    "coco runs": coco_with(bbox=BBOX, segmentation=encode_rle(plane())),
    "labelme": labelme_polygon,
    "csv": table("a.jpg,60,40,cat,10,4,38,16\n"),
    "csv shares": table(f"a.jpg,60,40,cat,{10 / 60},0.1,{38 / 60},0.4\n"),
    "cvat mask": cvat_mask,
    "tfrecord": record_of_others,
    "mask pictures": mask_pictures,
    "paired masks": paired_masks,
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("write", WRITERS)
def test_objects_are_turned_with_the_photo(write, orientation, tmp_path):
    save_photo(tmp_path / "a.jpg", orientation)
    form = WRITERS[write](tmp_path)
    dataset = form.read(tmp_path)
    photo = dataset.load_image(0)
    assert photo.shape == (60, 40, 3)
    bright = photo[..., 0] > 128
    ys, xs = np.nonzero(bright)
    box = [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
    np.testing.assert_allclose(dataset.load_boxes(0)[0], [box], atol=1e-4)
    np.testing.assert_array_equal(dataset.load_mask(0)[0][..., 0], bright)


@pytest.mark.parametrize("orientation", [1, *TURNS])
def test_a_size_as_shown_is_left_alone(orientation, tmp_path):
    """Tools that turn photos themselves state the turned size."""
    save_photo(tmp_path / "a.jpg", orientation)
    width, height = (60, 40) if orientation == 1 else (40, 60)
    table(f"a.jpg,{width},{height},cat,10,4,38,16\n")(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert csv_table.read(tmp_path).load_boxes(0)[0].tolist() == [[4, 10, 16, 38]]


@pytest.mark.parametrize("write", ["coco box", "labelme", "csv"])
def test_another_size_than_stated_is_warned_of(write, tmp_path):
    save_photo(tmp_path / "a.jpg", 1, size=(120, 80))
    form = WRITERS[write](tmp_path)
    with pytest.warns(DataWarning, match="60 x 40 stated, 120 x 80 pixels") as caught:
        dataset = form.read(tmp_path)
    assert [entry.message.kind for entry in caught] == ["size of another photo"]
    assert dataset.load_boxes(0)[0].tolist() == [list(STORED)]
    report = check(tmp_path)
    assert report.of_kind("size of another photo") and report.sound


def test_shares_of_a_resized_photo_are_right(tmp_path):
    save_photo(tmp_path / "a.jpg", 1, size=(120, 80))
    form = WRITERS["csv shares"](tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boxes = form.read(tmp_path).load_boxes(0)[0]
    np.testing.assert_allclose(boxes, [[8, 20, 32, 76]], atol=1e-4)


def test_a_turned_mask_picture_survives_the_index(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "home"))
    save_photo(tmp_path / "set" / "a.jpg", 6)
    mask_pictures(tmp_path / "set")
    plain = Dataset.load(tmp_path / "set", index=False)
    for _ in range(2):
        dataset = Dataset.load(tmp_path / "set", index=True)
        np.testing.assert_array_equal(dataset.load_mask(0)[0], plain.load_mask(0)[0])
    assert dataset.load_mask(0)[0].sum() == plane().sum()


def test_a_mask_picture_of_another_size_is_still_refused(tmp_path):
    save_photo(tmp_path / "1" / "images" / "a.jpg", 6)
    (tmp_path / "1" / "masks").mkdir()
    Image.fromarray(np.ones((60, 41), bool)).save(tmp_path / "1" / "masks" / "0.png")
    with pytest.raises(DataError, match="41x60 pixels"):
        mask_folders.read(tmp_path)
    with pytest.raises(DataError, match="60x40 pixels"):
        Shape(picture=(str(tmp_path / "1" / "images" / "a.jpg"), None)).mask((60, 40))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_our_records_fit_readers_that_do_not_turn(orientation, tmp_path):
    """TensorFlow's decoders know nothing of EXIF: boxes, masks and sizes are of what they see."""
    save_photo(tmp_path / "in" / "a.jpg", orientation)
    height, width = (60, 40) if orientation >= 5 else (40, 60)
    table(f"a.jpg,{width},{height},cat,10,4,38,16\n")(tmp_path / "in")
    dataset = csv_table.read(tmp_path / "in")
    tfrecord.write(dataset, tmp_path / "out")
    ((offset, data),) = records(tmp_path / "out" / "data.record")
    features = parse_example(data, offset, "record 0")
    with Image.open(io.BytesIO(features["image/encoded"][0].value)) as picture:
        seen = np.asarray(picture.convert("RGB"))
    stated = [int(features[f"image/{side}"][0]) for side in ("height", "width")]
    assert list(seen.shape[:2]) == stated == [height, width]
    np.testing.assert_array_equal(seen, dataset.load_image(0))
    shares = [features[f"image/object/bbox/{side}"][0] for side in ("ymin", "xmin")]
    np.testing.assert_allclose(shares, [4 / height, 10 / width], rtol=1e-6)
    kept = features["image/encoded"][0].value == (tmp_path / "in" / "a.jpg").read_bytes()
    assert kept == (orientation == 1)
    again = tfrecord.read(tmp_path / "out")
    np.testing.assert_allclose(again.load_boxes(0)[0], dataset.load_boxes(0)[0], atol=1e-4)


def test_records_that_earlier_versions_wrote_of_turned_photos_are_read_as_before(tmp_path):
    """They hold the turned size and the photo with its EXIF orientation."""
    save_photo(tmp_path / "a.jpg", 6)
    features = {
        "image/height": 60, "image/width": 40, "image/encoded": (tmp_path / "a.jpg").read_bytes(),
        "image/object/class/text": [b"cat"],
        **{f"image/object/bbox/{name}": np.array([side], np.float32)
           for name, side in zip(("ymin", "xmin", "ymax", "xmax"), (0.1, 0.2, 0.5, 0.7),
                                 strict=True)},
    }  # fmt: skip
    (tmp_path / "a.record").write_bytes(tfrecord.framed(tfrecord.build_example(features)))
    boxes = tfrecord.read(tmp_path / "a.record").load_boxes(0)[0]
    np.testing.assert_allclose(boxes, [[6, 8, 30, 28]], rtol=1e-6)
