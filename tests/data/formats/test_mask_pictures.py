"""Promise: a mask picture gives the objects that a person sees in it, or says that it cannot.

Transparency, palettes, colours and soft edges are what programs add to masks unasked.
"""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from maskdet.data.dataset import Dataset
from maskdet.data.formats import mask_folders
from maskdet.data.mask_pictures import has_soft_edges, object_numbers, object_pixels
from maskdet.errors import DataError

SHAPE = (40, 60)
SQUARE = np.zeros(SHAPE, np.uint8)
SQUARE[5:15, 10:30] = 255  # 200 pixels


def saved(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(path)
    return path


def planes(mode, *values):
    return Image.merge(mode, [Image.fromarray(np.asarray(v, np.uint8)) for v in values])


def palette(colours, numbers, **options):
    picture = Image.fromarray(np.asarray(numbers, np.uint8), "L").convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette([part for colour in colours for part in colour])
    picture.info.update(options)
    return picture


FULL = np.full(SHAPE, 255, np.uint8)
NOTHING = np.zeros(SHAPE, np.uint8)
SEEN = SQUARE > 0
OF_ONE = {
    "grey": SQUARE,
    "ones": SQUARE // 255,
    "black and white": Image.fromarray(SQUARE).convert("1"),
    "grey with an opaque alpha": planes("LA", SQUARE, FULL),
    "white where transparent": planes("LA", FULL, SQUARE),
    "a colour": planes("RGB", SQUARE, NOTHING, SQUARE // 2),
    "a colour with an opaque alpha": planes("RGBA", NOTHING, NOTHING, SQUARE, FULL),
    "drawn on nothing": planes("RGBA", FULL, FULL, FULL, SQUARE),
    "an alpha of nothing": planes("RGBA", SQUARE, SQUARE, SQUARE, NOTHING),
    "palette": palette([(0, 0, 0), (255, 0, 0)], SEEN),
    "palette in another order": palette([(255, 0, 0), (0, 0, 0)], ~SEEN),
}


@pytest.mark.parametrize("picture", OF_ONE.values(), ids=OF_ONE)
def test_one_object_whatever_the_picture(picture, tmp_path):
    path = saved(tmp_path / "m.png", picture)
    np.testing.assert_array_equal(object_pixels(path), SEEN)


def test_inks_of_print_are_colours(tmp_path):
    picture = planes("RGB", SQUARE, NOTHING, NOTHING).convert("CMYK")
    np.testing.assert_array_equal(object_pixels(saved(tmp_path / "m.tif", picture)), SEEN)


def numbered():
    plane = np.zeros(SHAPE, np.uint8)
    plane[2:8, 2:9], plane[20:22, 30:40], plane[35, 50] = 1, 7, 200
    return plane


OF_NUMBERS = {
    "grey": numbered(),
    "grey as RGB": Image.fromarray(numbered()).convert("RGB"),
    "grey with alpha": planes("LA", numbered(), FULL),
    "16 bit": numbered().astype(np.uint16),
}


@pytest.mark.parametrize("picture", OF_NUMBERS.values(), ids=OF_NUMBERS)
def test_numbers_whatever_the_picture(picture, tmp_path):
    saved(tmp_path / "images" / "a.jpg", np.zeros((*SHAPE, 3), np.uint8))
    saved(tmp_path / "masks" / "a.png", picture)
    dataset = mask_folders.read(tmp_path)
    assert dataset.load_boxes(0)[0].tolist() == [[2, 2, 8, 9], [20, 30, 22, 40], [35, 50, 36, 51]]
    assert dataset.load_mask(0)[0].sum(axis=(0, 1)).tolist() == [42, 20, 1]


def test_a_palette_in_another_order_shows_its_colours(tmp_path):
    grey = palette([(3, 3, 3), (0, 0, 0), (9, 9, 9)], np.choose(SEEN, [1, 0]))
    assert object_numbers(saved(tmp_path / "m.png", grey)) == [3]


def soft(numbers=SQUARE, radius=2):
    return Image.fromarray(numbers).filter(ImageFilter.GaussianBlur(radius))


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (planes("RGB", SQUARE, SQUARE // 2, NOTHING), "is in colours"),
        (palette([(255, 0, 0), (0, 0, 0)], ~SEEN), "is in colours"),
        (soft(), "has soft edges"),
        (soft().convert("RGB"), "has soft edges"),
        (
            Image.fromarray(numbered()).resize((200, 150), Image.Resampling.BICUBIC),
            "has soft edges",
        ),
    ],
    ids=["colours", "palette", "smoothed", "smoothed in RGB", "scaled"],
)
def test_what_numbers_no_objects_is_named(picture, reason, tmp_path):
    saved(tmp_path / "images" / "a.jpg", np.zeros((*SHAPE, 3), np.uint8))
    path = saved(tmp_path / "masks" / "a.png", picture)
    with pytest.raises(DataError, match=rf"a\.png {reason}.*save it as a grey PNG"):
        object_numbers(path)
    with pytest.raises(DataError, match=reason):
        mask_folders.read(tmp_path)


def test_soft_edges_of_one_object_are_cut_in_the_middle(tmp_path):
    pixels = object_pixels(saved(tmp_path / "m.png", soft(radius=1)))
    assert abs(int(pixels.sum()) - 200) <= 8 and not (pixels & ~SEEN).any()


def test_a_cut_out_photo_is_an_object_to_its_darkest_pixel(tmp_path):
    photo = np.random.default_rng(0).integers(1, 255, SHAPE, dtype=np.uint8) * SEEN
    for picture in (photo, planes("RGB", photo, photo[::-1, ::-1] * SEEN, photo // 2)):
        np.testing.assert_array_equal(object_pixels(saved(tmp_path / "m.png", picture)), SEEN)


def test_small_objects_are_no_soft_edges():
    plane = np.zeros(SHAPE, np.int32)
    plane[1::3, 1::4] = 1 + np.arange(plane[1::3, 1::4].size).reshape(plane[1::3, 1::4].shape)
    assert not has_soft_edges(plane)
    cells = np.kron(1 + np.arange(60).reshape(6, 10), np.ones((5, 5), np.int32))  # side by side
    assert not has_soft_edges(cells)
    assert not has_soft_edges(plane[:2]) and not has_soft_edges(plane == 1)


def test_pictures_of_classes_are_neither_photos_nor_objects(tmp_path):
    saved(tmp_path / "SegmentationClass" / "a.png", SQUARE)
    saved(tmp_path / "SegmentationObject" / "a.png", numbered())
    saved(tmp_path / "images" / "a.jpg", np.zeros((*SHAPE, 3), np.uint8))
    dataset = Dataset.load(tmp_path)
    assert [info["path"] for info in dataset.image_info] == [str(tmp_path / "images" / "a.jpg")]
    assert len(dataset.load_boxes(0)[0]) == 3


@pytest.mark.parametrize("form", ["{part}/images/{name}", "images/{part}/{name}"])
def test_parts_with_the_same_names_stay_apart(form, tmp_path):
    for number, part in enumerate(("cam1", "cam2")):
        photo = form.format(part=part, name="0001.jpg")
        saved(tmp_path / photo, np.zeros((*SHAPE, 3), np.uint8))
        saved(tmp_path / form.format(part=part, name="0002.jpg"), np.zeros((*SHAPE, 3), np.uint8))
        for name in ("0001.png", "0002.png"):
            mask = form.replace("images", "masks").format(part=part, name=name)
            saved(tmp_path / mask, np.roll(SQUARE, number, axis=0))
    dataset = mask_folders.read(tmp_path)
    tops = {
        info["path"]: dataset.load_boxes(k)[0][0, 0] for k, info in enumerate(dataset.image_info)
    }
    assert len(tops) == 4
    assert all(top == (5 if "cam1" in path else 6) for path, top in tops.items())
