"""Promise: whatever kind of picture a photo is, it arrives as the same uint8 RGB array."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from maskdet.errors import DataError, UsageError
from maskdet.geometry.placement import Placement, place
from maskdet.images import (
    check_image,
    image_header,
    image_size,
    read_image,
    resize_image,
    turn_boxes,
    turn_plane,
    write_image,
)

KANGAROO = Path(__file__).resolve().parents[1] / "../shared/data/kangaroo/images"
needs_kangaroo = pytest.mark.skipif(not KANGAROO.is_dir(), reason="no ../shared/data/kangaroo")


def pattern(height: int = 4, width: int = 6) -> NDArray[np.uint8]:
    """An image in which no two turned versions look alike."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 0] = np.arange(height)[:, None] * 20
    image[..., 1] = np.arange(width) * 30
    image[..., 2] = 7
    return image


def save_turned(path: Path, image: NDArray[np.uint8], value: object, tag_type: int = 3) -> None:
    """A PNG with an orientation tag of any value; type 3 is SHORT, 4 LONG."""
    packed = struct.pack("<H2x" if tag_type == 3 else "<L", value)
    exif = b"II*\0" + struct.pack("<LHHHL", 8, 1, 0x0112, tag_type, 1) + packed + b"\0" * 4
    Image.fromarray(image).save(path, exif=exif)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.gif", "a.webp", "a.ppm"])
def test_every_kind_of_file(tmp_path: Path, name: str) -> None:
    image = pattern()
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(image).save(tmp_path / name, **options)
    read = read_image(tmp_path / name)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, image)
    assert image_size(tmp_path / name) == (4, 6)


def test_grey_alpha_palette_and_one_bit(tmp_path: Path) -> None:
    grey = pattern()[..., 1]
    three = np.repeat(grey[:, :, None], 3, axis=2)
    rgba = np.dstack([pattern(), np.full((4, 6), 9, np.uint8)])
    rgba[0, 0, 3] = 0
    cases: dict[str, tuple[Image.Image, NDArray[np.uint8]]] = {
        "L": (Image.fromarray(grey), three),
        "LA": (Image.merge("LA", [Image.fromarray(grey), Image.new("L", (6, 4), 3)]), three),
        "RGBA": (Image.fromarray(rgba), pattern()),
        "P": (Image.fromarray(pattern()).quantize(64), pattern()),
        "1": (Image.fromarray(grey > 60), np.where(three > 60, 255, 0).astype(np.uint8)),
    }
    for mode, (picture, expected) in cases.items():
        assert picture.mode == mode
        picture.save(tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(read_image(tmp_path / f"{mode}.png"), expected, mode)


def test_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(pattern()).quantize(64)
    picture.save(tmp_path / "a.png", transparency=bytes([0, 128, 255]))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pattern())


def test_sixteen_bit_is_scaled_not_cut(tmp_path: Path) -> None:
    values = np.array([[0, 257, 12850, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values).save(tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        assert read_image(tmp_path / name)[0, :, 0].tolist() == [0, 1, 50, 255]


def test_float_tiff_of_0_to_1_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.2, 1.0]], dtype=np.float32)).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif")[0, :, 2].tolist() == [0, 51, 255]


# Where the stored picture's top left pixel must be seen, by EXIF orientation (TIFF 6.0, tag 274).
CORNERS = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    stored = np.zeros((4, 6, 3), dtype=np.uint8)
    stored[0, 0] = 255
    save_turned(tmp_path / "a.png", stored, orientation)
    seen = read_image(tmp_path / "a.png")
    corner = CORNERS[orientation]
    y, x = (0 if corner[0] == "t" else -1), (0 if corner[1] == "l" else -1)
    assert seen.shape == ((6, 4, 3) if orientation >= 5 else (4, 6, 3))
    assert seen[y, x].tolist() == [255, 255, 255] and int(seen.sum()) == 765
    assert image_header(tmp_path / "a.png") == (seen.shape[:2], orientation)


@pytest.mark.parametrize(("value", "tag_type"), [(0, 3), (9, 3), (65537, 4)])
def test_orientations_that_do_not_exist_count_as_none(
    tmp_path: Path, value: int, tag_type: int
) -> None:
    save_turned(tmp_path / "a.png", pattern(), value, tag_type)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pattern())


@given(st.integers(1, 8), st.integers(0, 3), st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_boxes_and_planes_turn_as_photos_do(orientation: int, y: int, x: int) -> None:
    stored = np.zeros((5, 7, 3), dtype=np.uint8)
    stored[y : y + 2, x : x + 3] = 255
    turned = turn_plane(stored, orientation)
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(content, format="PNG", exif=exif)
    np.testing.assert_array_equal(turned, read_image(content))
    box = turn_boxes([[y, x, y + 2, x + 3]], orientation, turned.shape[:2])[0].astype(int)
    assert (turned[box[0] : box[2], box[1] : box[3]] == 255).all()
    assert (box[2] - box[0]) * (box[3] - box[1]) == 6


def test_missing_broken_and_foreign_files_are_named(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    for path, words in ((tmp_path / "no.jpg", "no photo"), (text, "no picture"), (empty, "no pic")):
        for function in (read_image, image_size, check_image):
            with pytest.raises(DataError, match=words) as caught:
                function(path)
            assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp"])
def test_truncated_photo_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_image(path, np.random.default_rng(0).integers(0, 255, (60, 60, 3)).astype(np.uint8))
    check_image(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert image_size(path) == (60, 60)
    for function in (read_image, check_image):
        with pytest.raises(DataError, match=f"{name} is truncated"):
            function(path)


def test_truncated_jpeg_can_be_filled(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    write_image(path, np.full((64, 64, 3), 200, np.uint8) + pattern(64, 1) // 40)
    whole = read_image(path)
    path.write_bytes(path.read_bytes()[:-60])
    filled = read_image(path, on_truncated="fill")
    assert filled.shape == whole.shape
    np.testing.assert_array_equal(filled[:8], whole[:8])
    with pytest.raises(UsageError, match="on_truncated"):
        read_image(path, on_truncated="ignore")


def test_resize_puts_the_image_into_its_window() -> None:
    image = np.full((40, 20, 3), 100, dtype=np.uint8)
    placement = place(image.shape, 0, 64, mode="square", min_scale=1.6)
    canvas = resize_image(image, placement)
    y1, x1, y2, x2 = placement.window
    assert canvas.shape == (64, 64, 3) and canvas.dtype == np.uint8
    assert (canvas[y1:y2, x1:x2] == 100).all()
    assert int(canvas.sum()) == 300 * (y2 - y1) * (x2 - x1)


def test_around_an_image_in_the_corner_is_yoloxs_grey() -> None:
    image = np.full((40, 20, 3), 100, dtype=np.uint8)
    canvas = resize_image(image, place(image.shape, 64, 64, mode="corner"))
    assert (canvas[:, :32] == 100).all() and (canvas[:, 32:] == 114).all()


def test_shrinking_averages_instead_of_dropping_pixels() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, ::2] = 200  # stripes a pixel wide
    shrunk = resize_image(image, place((64, 64), 0, 16))
    assert np.abs(shrunk[2:-2, 2:-2].astype(int) - 100).max() <= 15


def test_resize_without_change_copies() -> None:
    image = pattern()
    canvas = resize_image(image, Placement((4, 6), (4, 6), 1.0, (0, 0, 4, 6)))
    np.testing.assert_array_equal(canvas, image)
    canvas[:] = 0
    assert image.any()


def test_resize_refuses_another_image() -> None:
    with pytest.raises(UsageError, match=r"\(5, 6, 3\)"):
        resize_image(pattern(5), place((4, 6), 0, 64))
    with pytest.raises(UsageError, match="float64"):
        resize_image(pattern().astype(float), place((4, 6), 0, 64))


def test_write_makes_folders_and_leaves_no_parts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    write_image(path, pattern())
    np.testing.assert_array_equal(read_image(path), pattern())
    for bad, name in ((np.zeros((2, 2, 4), np.uint8), "b.png"), (pattern(), "b.xyz")):
        with pytest.raises(UsageError):
            write_image(tmp_path / "new" / name, bad)
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


@needs_kangaroo
def test_kangaroo_defects() -> None:
    for name, shape in (("00076.jpg", None), ("00103.jpg", None)):
        with Image.open(KANGAROO / name) as picture:
            assert picture.getexif().get(0x0112) in (0, 65537)
            shape = picture.size[::-1]
        assert read_image(KANGAROO / name).shape[:2] == shape == image_size(KANGAROO / name)
    for function in (read_image, check_image):
        with pytest.raises(DataError, match=r"00090.jpg is truncated"):
            function(KANGAROO / "00090.jpg")
    assert read_image(KANGAROO / "00090.jpg", on_truncated="fill").shape[2] == 3
