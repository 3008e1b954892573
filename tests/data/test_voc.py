"""Promise: any VOC XML folder is read as it was drawn, or the faulty file and line are named."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from maskdet.data import Dataset, read_image, write_image
from maskdet.data.formats import voc
from maskdet.data.formats.voc_xml import parse_file
from maskdet.errors import DataError, MaskdetWarning, UsageError

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (SHARED / name).is_dir(), reason=f"no ../shared/data/{name}")


def thing(
    name: str = "cat", box: tuple[Any, ...] = (2, 3, 12, 9), extra: str = "", tag: str = "bndbox"
) -> str:
    """An <object>; the box is xmin, ymin, xmax, ymax."""
    sides = "".join(
        f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object>\n<name>{name}</name>{extra}<{tag}>{sides}</{tag}>\n</object>\n"


def put_xml(path: Path, *things: str, filename: str = "", size: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"<annotation>\n<filename>{filename}</filename>\n{size}\n"
    path.write_text(head + "".join(things) + "</annotation>", encoding="utf-8")
    return path


def put_photo(path: Path, shade: int = 1, shape: tuple[int, int] = (20, 30)) -> Path:
    write_image(path, np.full((*shape, 3), shade, dtype=np.uint8))
    return path


def one(tmp_path: Path, *things: str, **options: Any) -> voc.VOCDataset:
    """A set of one photo, 30 wide and 20 high, with these objects."""
    put_photo(tmp_path / "a.png")
    put_xml(tmp_path / "a.xml", *things)
    return voc.read(tmp_path, **options)


# ---- what is read --------------------------------------------------------------------------


def test_every_field(tmp_path: Path) -> None:
    extra = "<pose>Left</pose><truncated>1</truncated><difficult>1</difficult>"
    part = "<part><name>head</name><bndbox><xmin>5</xmin></bndbox></part>"
    polygon = "<polygon><x1>1</x1><y1>2</y1></polygon><occluded>1</occluded>"
    dataset = one(
        tmp_path,
        thing("dog", (2, 3, 12, 9), extra),
        thing("cat", ("48.5e-1", " 1 ", "30", "2e1"), part + polygon),
    )
    boxes, class_ids = dataset.load_boxes(0)
    assert dataset.class_names == ["BG", "cat", "dog"] and class_ids.tolist() == [2, 1]
    assert boxes.dtype == np.float32 and class_ids.dtype == np.int32
    np.testing.assert_array_equal(boxes, np.float32([[3, 2, 9, 12], [1, 4.85, 20, 30]]))
    assert dataset.load_difficult(0).tolist() == [True, False]
    info = dataset.image_info[0]
    assert info["truncated"].tolist() == [True, False]
    assert info["occluded"].tolist() == [False, True]
    assert info["pose"] == ["Left", ""] and info["id"] == "a" and info["source"] == "voc"
    assert (info["height"], info["width"]) == dataset.image_shape(0) == (20, 30)
    assert info["annotation"] == str(tmp_path / "a.xml")
    assert dataset.image_reference(0) == info["path"] == str(tmp_path / "a.png")
    assert not dataset.provides_masks and dataset.load_instances(0)[2] is None
    masks, _ = dataset.load_mask(0)
    assert masks.shape == (20, 30, 2) and masks[3:9, 2:12, 0].all() and masks[..., 0].sum() == 60


@pytest.mark.parametrize(
    "text", ["", "0", "Unspecified", "no", "2"], ids=["empty", "0", "word", "no", "2"]
)
def test_odd_flags_count_as_no(tmp_path: Path, text: str) -> None:
    dataset = one(tmp_path, thing(extra=f"<difficult>{text}</difficult>"))
    assert dataset.load_difficult(0).tolist() == [False]


def test_images_without_objects_stay(tmp_path: Path) -> None:
    put_photo(tmp_path / "b.png")
    put_xml(tmp_path / "b.xml", thing())
    dataset = one(tmp_path)
    assert [info["id"] for info in dataset.image_info] == ["a", "b"]
    boxes, class_ids, masks = dataset.load_instances(0)
    assert boxes.shape == (0, 4) and class_ids.shape == (0,) and masks is None


LAYOUTS = {
    "beside": ("1.xml", "1.jpg"),
    "two folders": ("annots/1.xml", "images/1.jpg"),
    "voc": ("Annotations/1.xml", "JPEGImages/1.jpg"),
    "below": ("VOCdevkit/VOC2012/Annotations/1.xml", "VOCdevkit/VOC2012/JPEGImages/1.jpg"),
    "upper case": ("1.XML", "1.JPG"),
    "spaces and dots": ("shot (1) v1.2 é.xml", "shot (1) v1.2 é.png"),
    "other kind": ("Annotations/1.xml", "images/1.tiff"),
}


@pytest.mark.parametrize(("xml", "photo"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path: Path, xml: str, photo: str) -> None:
    put_photo(tmp_path / photo)
    put_xml(tmp_path / xml, thing())
    assert voc.recognise(tmp_path)
    dataset = Dataset.load(tmp_path)
    assert [info["path"] for info in dataset.image_info] == [str(tmp_path / photo)]


@pytest.mark.parametrize("mirror", [("annots/{}", "images/{}"), ("{}/annots", "{}/images")])
def test_same_names_in_sub_folders(tmp_path: Path, mirror: tuple[str, str]) -> None:
    for shade, part in enumerate(("test", "train"), start=10):
        put_photo(tmp_path / mirror[1].format(part) / "1.png", shade)
        put_xml(tmp_path / mirror[0].format(part) / "1.xml", thing(part))
    dataset = voc.read(tmp_path)
    assert [info["id"] for info in dataset.image_info] == [
        f"{mirror[0].format(part)}/1" for part in ("test", "train")
    ]
    assert [int(dataset.load_image(i)[0, 0, 0]) for i in (0, 1)] == [10, 11]
    assert [dataset.load_boxes(i)[1].tolist() for i in (0, 1)] == [[1], [2]]


@pytest.mark.parametrize("name", ["photo.png", r"C:\Users\me\photo.png", "/home/x/photo.png"])
def test_filename_serves_where_names_differ(tmp_path: Path, name: str) -> None:
    put_photo(tmp_path / "JPEGImages/photo.png")
    put_xml(tmp_path / "Annotations/x17.xml", thing(), filename=name)
    assert voc.read(tmp_path).image_info[0]["path"] == str(tmp_path / "JPEGImages/photo.png")


def test_xml_of_the_same_name_wins_over_a_stale_filename(tmp_path: Path) -> None:
    put_photo(tmp_path / "old.png")
    put_photo(tmp_path / "new.png")
    put_xml(tmp_path / "new.xml", thing(), filename="old.png")
    assert voc.read(tmp_path).image_info[0]["path"] == str(tmp_path / "new.png")


def test_filename_decides_between_two_kinds_of_file(tmp_path: Path) -> None:
    for ending in ("png", "bmp"):
        put_photo(tmp_path / f"a.{ending}")
    put_xml(tmp_path / "a.xml", thing(), filename="a.png")
    assert voc.read(tmp_path).image_info[0]["path"].endswith("a.png")
    put_xml(tmp_path / "a.xml", thing())
    with pytest.raises(DataError, match="a.bmp and .*a.png may belong to .*a.xml"):
        voc.read(tmp_path)


def test_two_xml_files_of_one_photo_are_named(tmp_path: Path) -> None:
    put_photo(tmp_path / "a.png")
    put_xml(tmp_path / "annots/a.xml", thing())
    put_xml(tmp_path / "backup/a.xml", thing())
    with pytest.raises(DataError, match="Both .*annots/a.xml and .*backup/a.xml describe"):
        voc.read(tmp_path)


def test_the_folder_of_xml_files_alone_finds_the_photos_beside_it(tmp_path: Path) -> None:
    put_photo(tmp_path / "JPEGImages/1.jpg")
    put_xml(tmp_path / "Annotations/1.xml", thing())
    assert len(voc.read(tmp_path / "Annotations").image_ids) == 1


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    put_photo(tmp_path / "disk/1.png")
    put_xml(tmp_path / "set/annots/1.xml", thing())
    (tmp_path / "set/images").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/loop").symlink_to(tmp_path / "set")
    dataset = voc.read(tmp_path / "set")
    assert [info["path"] for info in dataset.image_info] == [str(tmp_path / "set/images/1.png")]


def test_image_sets(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put_photo(tmp_path / f"JPEGImages/{name}.png")
        put_xml(tmp_path / f"Annotations/{name}.xml", thing(name))
    lists = tmp_path / "ImageSets/Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("c\na  1\n\n")
    (lists / "bad.txt").write_text("a\nzz\n")
    train = voc.read(tmp_path, image_set="train", classes=["a", "b", "c"])
    assert [info["id"] for info in train.image_info] == ["c", "a"]
    with pytest.raises(DataError, match="lists zz"):
        voc.read(tmp_path, image_set="bad")
    with pytest.raises(DataError, match="known here: bad, train"):
        voc.read(tmp_path, image_set="val")


def test_classes_give_the_order_of_ids(tmp_path: Path) -> None:
    dataset = one(tmp_path, thing("cat"), thing("dog"), classes=["zebra", "dog", "cat"])
    assert dataset.class_names == ["BG", "zebra", "dog", "cat"]
    assert dataset.load_boxes(0)[1].tolist() == [3, 2]


def test_digits_as_names_stay_text(tmp_path: Path) -> None:
    assert one(tmp_path, thing("0019"), thing("0001")).class_names == ["BG", "0001", "0019"]


# ---- coordinates ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((1, 1, 30, 20), [1, 1, 20, 30]),
        ((0, 0, 31, 22), [0, 0, 20, 30]),
        ((-1, -2, 5, 5), [0, 0, 5, 5]),
        ((29.5, 3, 30.4, 4), [3, 29.5, 4, 30]),
    ],
    ids=["1-based whole", "2 too far", "2 before", "floats"],
)
def test_values_stay_and_small_overshoots_are_cut(
    tmp_path: Path, box: tuple[float, ...], expected: list[float]
) -> None:
    assert one(tmp_path, thing(box=box)).load_boxes(0)[0].tolist() == [expected]


def test_one_based_moves_the_min_corner_only(tmp_path: Path) -> None:
    dataset = one(tmp_path, thing(box=(1, 1, 30, 20)), one_based=True)
    assert dataset.load_boxes(0)[0].tolist() == [[0, 0, 20, 30]]


def test_boxes_drawn_on_the_unturned_photo_are_turned_with_it(tmp_path: Path) -> None:
    stored = np.zeros((20, 30, 3), dtype=np.uint8)
    stored[3:9, 2:12] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    for size in ("<width>30</width><height>20</height>", "<width>20</width><height>30</height>"):
        unturned = size.startswith("<width>30")
        box = (2, 3, 12, 9) if unturned else (11, 2, 17, 12)
        put_xml(tmp_path / "a.xml", thing(box=box), size=f"<size>{size}</size>")
        dataset = voc.read(tmp_path)
        masks = dataset.load_mask(0)[0]
        assert dataset.image_shape(0) == (30, 20)
        np.testing.assert_array_equal(masks[..., 0], dataset.load_image(0)[..., 0] == 255)


def test_another_stated_size_warns_once(tmp_path: Path) -> None:
    for name in "ab":
        put_photo(tmp_path / f"{name}.png")
        size = "<size><width>60</width><height>40</height></size>"
        put_xml(tmp_path / f"{name}.xml", thing(), size=size)
    with pytest.warns(MaskdetWarning, match="2 XML files state another size.*a.xml") as caught:
        voc.read(tmp_path)
    assert len(caught) == 1


def test_size_of_zero_or_missing_is_no_size(tmp_path: Path) -> None:
    for size in ("<size><width>0</width><height>0</height></size>", "<size/>", ""):
        path = put_xml(tmp_path / "a.xml", thing(), size=size)
        assert parse_file(path).size is None


# ---- bad input -----------------------------------------------------------------------------

BAD = {
    "too far right": (thing(box=(2, 3, 33, 9)), r"xmax 33, ymax 9 of object 2 \(cat\).*30 x 20"),
    "too far up": (thing(box=(2, -3, 12, 9)), r"ymin -3.*object 2 \(cat\).*leaves the image"),
    "outside": (thing(box=(200, 300, 210, 310)), "leaves the image"),
    "no area": (thing(box=(5, 5, 5, 9)), r"object 2 \(cat\), .*a.xml, line 7 has no area"),
    "inside out": (thing(box=(12, 3, 2, 9)), "has no area"),
    "cut to nothing": (thing(box=(30, 3, 32, 9)), "has no area"),
    "no number": (thing(box=("x", 3, 12, 9)), r"<xmin> is 'x', not a number, in object 2"),
    "empty": (thing(box=("", 3, 12, 9)), "<xmin> is ''"),
    "nan": (thing(box=("nan", 3, 12, 9)), "<xmin> is 'nan'"),
    "infinite": (thing(box=(2, 3, "1e999", 9)), "<xmax> is '1e999'"),
    "no box": (thing(tag="robndbox"), "no <bndbox> in object 2"),
    "no name": (thing(""), r"no <name> in object 2 \(no name\)"),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_objects_are_named_and_can_be_skipped(tmp_path: Path, bad: str, words: str) -> None:
    things = (thing("dog"), bad, thing("eel", (1, 1, 4, 4)))
    with pytest.raises(DataError, match=words) as caught:
        one(tmp_path, *things)
    assert f"{tmp_path / 'a.xml'}, line 7" in str(caught.value)
    with pytest.warns(MaskdetWarning, match=words) as warned:
        dataset = one(tmp_path, *things, on_error="skip")
    assert len(warned) == 1
    assert dataset.class_names == ["BG", "dog", "eel"]
    assert dataset.load_boxes(0)[0].tolist() == [[3, 2, 9, 12], [1, 1, 4, 4]]
    assert len(dataset.load_difficult(0)) == 2


def test_unknown_class_lists_the_known_and_the_nearest(tmp_path: Path) -> None:
    words = r"object 1 \(kangroo\), .*a.xml, line 4; known are dog, kangaroo \(did you mean 'kanga"
    with pytest.raises(DataError, match=words):
        one(tmp_path, thing("kangroo"), classes=["dog", "kangaroo"])
    with pytest.warns(MaskdetWarning, match="kangroo"):
        dataset = one(tmp_path, thing("kangroo"), classes=["dog", "kangaroo"], on_error="skip")
    assert dataset.class_counts() == {"dog": 0, "kangaroo": 0}


def break_xml(folder: Path) -> str:
    (folder / "b.xml").write_text("<annotation>\n<object>\n</annotation>\n")
    return r"b.xml, line 3 is not valid XML"


def empty_xml(folder: Path) -> str:
    (folder / "b.xml").write_bytes(b"")
    return r"b.xml, line 1 is not valid XML"


def unknown_encoding(folder: Path) -> str:
    (folder / "b.xml").write_text("<?xml version='1.0' encoding='klingon'?><annotation/>")
    return r"b.xml, line 1 is not valid XML"


def foreign_xml(folder: Path) -> str:
    (folder / "b.xml").write_text("<annotations/>")
    return r"b.xml is not a VOC annotation: its root is <annotations>"


def lose_photo(folder: Path) -> str:
    (folder / "b.jpg").unlink()
    return r"photo of .*b.xml is missing: there is none called 'b'"


def cut_photo(folder: Path) -> str:
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes()[:-40])
    return r"b.jpg is truncated"


def garble_photo(folder: Path) -> str:
    (folder / "b.jpg").write_text("not a picture")
    return r"b.jpg is no picture"


@pytest.mark.parametrize(
    "spoil",
    [break_xml, empty_xml, unknown_encoding, foreign_xml, lose_photo, cut_photo, garble_photo],
)
def test_bad_files_are_named_and_can_be_skipped(tmp_path: Path, spoil: Any) -> None:
    for name in ("a", "b"):
        image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
        write_image(tmp_path / f"{name}.jpg", image)
        put_xml(tmp_path / f"{name}.xml", thing())
    words = spoil(tmp_path)
    with pytest.raises(DataError, match=words):
        Dataset.load(tmp_path)
    with pytest.warns(MaskdetWarning, match=f"{words}.*b.xml is left out") as warned:
        dataset = Dataset.load(tmp_path, on_error="skip")
    assert len(warned) == 1 and [info["id"] for info in dataset.image_info] == ["a"]


def test_nothing_usable_is_an_error_even_when_skipping(tmp_path: Path) -> None:
    put_xml(tmp_path / "a.xml", thing())
    with (
        pytest.warns(MaskdetWarning, match="a.xml is missing"),
        pytest.raises(DataError, match="No image .* 1 XML files were found there, 0 photos"),
    ):
        voc.read(tmp_path, on_error="skip")


def test_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="on_error must be one of raise, skip"):
        voc.read(tmp_path, on_error="ignore")
    with pytest.raises(UsageError, match="masks must be one of"):
        voc.read(tmp_path, masks="yes")


def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("12")
    put_photo(tmp_path / "a.png")
    path = put_xml(tmp_path / "a.xml", thing(box=("&s;", 1, 20, 9)))
    head = f'<!DOCTYPE annotation [<!ENTITY s SYSTEM "{secret.as_uri()}">]>\n'
    path.write_text(head + path.read_text())
    with pytest.raises(DataError, match="<xmin> is ''"):
        voc.read(tmp_path)


@given(st.integers(0, 400), st.binary(max_size=6))
@settings(max_examples=150, deadline=None)
def test_damaged_text_gives_objects_or_a_data_error(position: int, noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = put_xml(Path(folder) / "a.xml", thing(), thing("dog"), size="<size/>")
        text = path.read_bytes()
        path.write_bytes(text[:position] + noise + text[position + 2 :])
        try:
            objects = voc.read_objects(path, (20, 30))
        except DataError as error:
            assert "a.xml" in str(error)
        else:
            assert all(np.isfinite(item.box).all() for item in objects)


def test_only_folders_with_voc_files_are_recognised(tmp_path: Path) -> None:
    assert not voc.recognise(tmp_path)
    (tmp_path / "cvat.xml").write_text("<annotations><image/></annotations>")
    (tmp_path / "broken.xml").write_text("<html>")
    assert not voc.recognise(tmp_path) and not voc.recognise(tmp_path / "cvat.xml")
    (tmp_path / "voc.xml").write_text("<annotation>\n<object>")
    assert voc.recognise(tmp_path)


# ---- masks ---------------------------------------------------------------------------------


def put_masks(folder: Path, names: str = "ab") -> np.ndarray:
    """Photos with two objects each, and VOC2012's mask pictures: a border of 255 around one."""
    plane = np.zeros((20, 30), dtype=np.uint8)
    plane[2:10, 2:10] = 255
    plane[3:9, 3:9] = 1
    plane[5:15, 8:20] = 2
    for name in names:
        put_photo(folder / f"JPEGImages/{name}.png")
        things = thing("cat", (3, 3, 9, 9)), thing("dog", (8, 5, 20, 15))
        put_xml(folder / f"Annotations/{name}.xml", *things)
        picture = Image.fromarray(plane)
        picture.putpalette(bytes(range(256)) * 3)
        for kind in ("SegmentationObject", "SegmentationClass"):
            (folder / kind).mkdir(exist_ok=True)
            picture.save(folder / f"{kind}/{name}.png")
    return plane


def test_masks_by_object_number(tmp_path: Path) -> None:
    plane = put_masks(tmp_path)
    dataset = voc.read(tmp_path)
    assert dataset.provides_masks and dataset.subset([1]).provides_masks
    boxes, class_ids, masks = dataset.load_instances(1)
    assert masks is not None and masks.dtype == bool and masks.shape == (20, 30, 2)
    np.testing.assert_array_equal(masks[..., 0], plane == 1)
    np.testing.assert_array_equal(masks[..., 1], plane == 2)
    assert class_ids.tolist() == [1, 2] and boxes[1].tolist() == [5, 8, 15, 20]


def test_masks_keep_their_objects_when_one_is_skipped(tmp_path: Path) -> None:
    plane = put_masks(tmp_path, "a")
    bad = thing("ape", (5, 5, 5, 5))
    put_xml(tmp_path / "Annotations/a.xml", bad, thing("dog", (8, 5, 20, 15)))
    with pytest.warns(MaskdetWarning, match="no area"):
        dataset = voc.read(tmp_path, on_error="skip")
    masks, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1]
    np.testing.assert_array_equal(masks[..., 0], plane == 2)


def test_masks_for_some_images_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_masks(tmp_path, "ab")
    (tmp_path / "SegmentationObject/b.png").unlink()
    dataset = voc.read(tmp_path)
    assert (
        not dataset.provides_masks and "1 images" in caplog.text and "masks='only'" in caplog.text
    )
    assert not dataset.subset([0]).provides_masks
    only = voc.read(tmp_path, masks="only")
    assert only.provides_masks and [info["id"] for info in only.image_info] == ["a"]
    assert not voc.read(tmp_path, masks="none").provides_masks
    put_xml(tmp_path / "Annotations/b.xml")  # without objects no mask is needed
    dataset = voc.read(tmp_path)
    assert dataset.provides_masks and dataset.load_mask(1)[0].shape == (20, 30, 0)


def test_bad_masks_are_named(tmp_path: Path) -> None:
    put_masks(tmp_path, "a")
    path = tmp_path / "SegmentationObject/a.png"
    dataset = voc.read(tmp_path)
    for picture, words in (
        (Image.new("RGB", (30, 20)), "colour picture"),
        (Image.new("L", (31, 20)), "31 x 20 pixels, but its photo 30 x 20"),
    ):
        picture.save(path)
        with pytest.raises(DataError, match=rf"a\.png.*{words}"):
            dataset.load_mask(0)
    path.write_text("no picture")
    with pytest.raises(DataError, match="cannot be read"):
        dataset.load_mask(0)


# ---- writing -------------------------------------------------------------------------------


class Made(Dataset):
    """Images without files, masks that overlap."""

    def load_image(self, image_id: int) -> Any:
        return np.full((20, 30, 3), 40 + image_id, dtype=np.uint8)

    def load_mask(self, image_id: int) -> Any:
        count = self.image_info[image_id]["count"]
        masks = np.zeros((20, 30, count), dtype=bool)
        for k in range(count):
            masks[k % 15 : k % 15 + 5, k // 15 : k // 15 + 6, k] = True
        return masks, [1 + k % 2 for k in range(count)]


def made(*counts: int) -> Made:
    dataset = Made()
    dataset.add_class("x", 1, "cat")
    dataset.add_class("x", 2, "dog")
    for number, count in enumerate(counts):
        dataset.add_image("x", f"part/{number}", None, count=count)
    dataset.prepare()
    return dataset


def test_masks_survive_writing_and_later_objects_win(tmp_path: Path) -> None:
    dataset = made(0, 3)
    voc.write(dataset, tmp_path)
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*"))
    assert files == [
        f"{folder}/part_{k}.{ending}"
        for folder, ending in (
            ("Annotations", "xml"),
            ("JPEGImages", "png"),
            ("SegmentationObject", "png"),
        )
        for k in (0, 1)
    ]
    with Image.open(tmp_path / "SegmentationObject/part_1.png") as picture:
        assert picture.mode == "P"
        # VOC's palette: 1 dark red, 2 dark green, 3 olive, 255 cream
        assert picture.getpalette()[3:12] == [128, 0, 0, 0, 128, 0, 128, 128, 0]
        assert picture.getpalette()[-3:] == [224, 224, 192]
    again = Dataset.load(tmp_path)
    assert again.provides_masks and again.class_names == dataset.class_names
    boxes, class_ids, masks = again.load_instances(1)
    expected_boxes, expected_ids, expected = dataset.load_instances(1)
    assert expected is not None and masks is not None
    np.testing.assert_array_equal(boxes, expected_boxes)
    np.testing.assert_array_equal(class_ids, expected_ids)
    covered = np.zeros((20, 30), dtype=bool)
    for k in (2, 1, 0):
        np.testing.assert_array_equal(masks[..., k], expected[..., k] & ~covered)
        covered |= expected[..., k]
    np.testing.assert_array_equal(again.load_image(1), dataset.load_image(1))


def test_more_than_254_masks_need_16_bits(tmp_path: Path) -> None:
    voc.write(made(300), tmp_path)
    with Image.open(tmp_path / "SegmentationObject/part_0.png") as picture:
        assert picture.mode.startswith("I;16")
    masks, class_ids = voc.read(tmp_path).load_mask(0)
    assert masks.shape == (20, 30, 300) and len(class_ids) == 300
    np.testing.assert_array_equal(masks[..., 299], made(300).load_mask(0)[0][..., 299])


def test_written_file_is_laid_out_as_labelimg_does(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    extra = "<pose>Left</pose><truncated>1</truncated><difficult>1</difficult>"
    dataset = one(tmp_path / "in", thing("cat", ("2.5", 3, 12, 9), extra))
    voc.write(dataset, tmp_path / "out")
    assert (tmp_path / "out/Annotations/a.xml").read_text() == (
        "<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>a.png</filename>\n"
        "\t<source>\n\t\t<database>Unknown</database>\n\t</source>\n"
        "\t<size>\n\t\t<width>30</width>\n\t\t<height>20</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        "\t<segmented>0</segmented>\n"
        "\t<object>\n\t\t<name>cat</name>\n\t\t<pose>Left</pose>\n"
        "\t\t<truncated>1</truncated>\n\t\t<difficult>1</difficult>\n"
        "\t\t<bndbox>\n\t\t\t<xmin>2.5</xmin>\n\t\t\t<ymin>3</ymin>\n"
        "\t\t\t<xmax>12</xmax>\n\t\t\t<ymax>9</ymax>\n\t\t</bndbox>\n\t</object>\n"
        "</annotation>\n"
    )


side = st.floats(0, 19, width=32)


@given(
    st.lists(st.tuples(side, side, side, side), max_size=8),
    st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_boxes_survive_writing_exactly(
    tmp_path: Path, boxes: list[tuple[float, ...]], one_based: bool
) -> None:
    # A box of float32 fractions can only be shifted by one without loss if they are coarse.
    grid = [tuple(round(v * 64) / 64 for v in box) for box in boxes] if one_based else boxes
    grid = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in grid]
    grid = [box for box in grid if box[0] < box[2] and box[1] < box[3]]
    dataset = Dataset()
    dataset.add_class("x", 1, "köttbulle & <sås>")
    put_photo(tmp_path / "in.png")
    dataset.add_image("x", "bild å/1", tmp_path / "in.png", rows=grid)
    dataset.prepare()
    dataset.__class__ = type(
        "Rows",
        (Dataset,),
        {
            "load_boxes": lambda self, i: (
                np.array(self.image_info[i]["rows"], np.float32).reshape(-1, 4),
                np.ones(len(self.image_info[i]["rows"]), np.int32),
            )
        },
    )
    voc.write(dataset, tmp_path / "out", one_based=one_based)
    again = voc.read(tmp_path / "out", one_based=one_based)
    np.testing.assert_array_equal(again.load_boxes(0)[0], dataset.load_boxes(0)[0])
    assert again.class_names == (dataset.class_names if grid else ["BG"])


def test_crowds_become_difficult_and_boxes_without_area_are_left_out(tmp_path: Path) -> None:
    class Odd(Made):
        def load_mask(self, image_id: int) -> Any:
            masks = np.zeros((20, 30, 2), dtype=bool)
            masks[2:5, 2:5, 1] = True
            return masks, [1, -2]

    odd = made(1)
    odd.__class__ = Odd
    with pytest.warns(MaskdetWarning, match=r"Object 1 \(cat\) of x image part/0 has no area"):
        voc.write(odd, tmp_path)
    again = voc.read(tmp_path)
    assert again.class_names == ["BG", "dog"] and again.load_difficult(0).tolist() == [True]
    assert again.load_mask(0)[0][..., 0].sum() == 9


def test_names_that_collide_are_kept_apart(tmp_path: Path) -> None:
    dataset = made(1, 1, 1)
    for info, name in zip(dataset.image_info, ("../../a b", "a_b", "A/B"), strict=True):
        info["id"] = name
    voc.write(dataset, tmp_path / "out")
    names = sorted(path.stem for path in (tmp_path / "out/Annotations").iterdir())
    assert names == ["A_B_3", "a_b", "a_b_2"] and os.listdir(tmp_path) == ["out"]


# ---- real files ----------------------------------------------------------------------------


@needs("kangaroo")
def test_kangaroo(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"00090\.jpg is truncated"):
        Dataset.load(SHARED / "kangaroo")
    with pytest.warns(MaskdetWarning, match=r"00090\.jpg") as caught:
        dataset = Dataset.load(SHARED / "kangaroo", on_error="skip")
    assert len(caught) == 1 and len(dataset.image_ids) == 163
    assert dataset.class_counts() == {"kangaroo": 263}
    assert dataset.image_info[0]["id"] == "00001" and dataset.image_shape(0) == (319, 450)
    assert dataset.load_boxes(0)[0].tolist() == [[89, 233, 262, 386], [105, 134, 253, 341]]
    files = sorted((SHARED / "kangaroo/annots").glob("*.xml"))
    assert sum(len(voc.read_objects(file)) for file in files) == 266
    few = dataset.subset([0, 75])
    voc.write(few, tmp_path)
    again = Dataset.load(tmp_path)
    for i in (0, 1):
        np.testing.assert_array_equal(again.load_boxes(i)[0], few.load_boxes(i)[0])
        np.testing.assert_array_equal(again.load_image(i), read_image(few.image_info[i]["path"]))


@needs("bccd")
def test_bccd() -> None:
    words = r"object 13 \(RBC\), .*BloodImage_00338\.xml, line 158 has no area"
    with pytest.raises(DataError, match=words):
        Dataset.load(SHARED / "bccd")
    with pytest.warns(MaskdetWarning, match="no area") as caught:
        dataset = Dataset.load(SHARED / "bccd", on_error="skip")
    assert ["00338" in str(w.message) or "00343" in str(w.message) for w in caught] == [True, True]
    assert len(dataset.image_ids) == 364
    assert dataset.class_counts() == {"Platelets": 361, "RBC": 4153, "WBC": 372}
    assert len(voc.read(SHARED / "bccd", image_set="test").image_ids) == 72


@needs("formats")
def test_files_of_many_tools_parse() -> None:
    files = sorted((SHARED / "formats/labelimg_variety").rglob("*.xml"))
    assert len(files) == 19
    names = {o.name for f in files for o in parse_file(f).objects if not isinstance(o, DataError)}
    assert {"0001", "clip", "hololens", "Battery"} <= names
    assert "head" not in names and "Shu Wang" not in names
    datumaro = next(f for f in files if "datumaro" in str(f))
    assert [o.box for o in voc.read_objects(datumaro)] == [(2, 1, 4, 3), (5, 4, 7, 6)]
    turned = next(f for f in files if "Dataset_Convert" in str(f))
    with pytest.raises(DataError, match="P0003.xml, line .* has no area"):
        voc.read_objects(turned)


@needs("formats")
def test_labelme_export(tmp_path: Path) -> None:
    labelme = SHARED / "formats/labelme"
    for file in (labelme / "bbox_detection/data_dataset_voc/Annotations").glob("*.xml"):
        put_xml(tmp_path / file.name).write_bytes(file.read_bytes())
        photo = labelme / f"instance_segmentation/data_dataset_voc/JPEGImages/{file.stem}.jpg"
        (tmp_path / photo.name).write_bytes(photo.read_bytes())
    dataset = Dataset.load(tmp_path)
    assert dataset.class_counts() == {"bus": 2, "car": 1, "person": 6}
    assert not any(dataset.load_difficult(i).any() for i in dataset.image_ids)
