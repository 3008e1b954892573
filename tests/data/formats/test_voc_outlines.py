"""Promise: outlines that XML files hold become masks, whoever wrote them, and none is dropped."""

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data import check
from maskdet.data.formats import coco, voc
from maskdet.data.formats.voc_xml import parse_file
from maskdet.errors import DataError, DataWarning, SkippedData
from maskdet.geometry.polygons import mask_from_polygons

L_SHAPE = [(4, 6), (20, 6), (20, 30), (14, 30), (14, 16), (4, 16)]  # y, x
BOX = "<bndbox><xmin>6</xmin><ymin>4</ymin><xmax>30</xmax><ymax>20</ymax></bndbox>"


def numbered(corners):
    """As Roboflow writes it."""
    sides = "".join(f"<x{k}>{x}</x{k}><y{k}>{y}</y{k}>" for k, (y, x) in enumerate(corners, 1))
    return f"<polygon>{sides}</polygon>"


def listed(corners):
    """As LabelMe's web page writes it."""
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for y, x in corners)
    return f"<polygon><username>me</username>{points}</polygon>"


def thing(content, name="leaf"):
    return f"<object><name>{name}</name>{content}</object>"


def put(folder, *things, name="a", size=(40, 60), head=""):
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (9, 90, 9)).save(folder / f"{name}.png")
    text = f"<annotation><filename>{name}.png</filename>{head}{''.join(things)}</annotation>"
    (folder / f"{name}.xml").write_text(text)
    return folder


def mask(*parts, shape=(40, 60)):
    return mask_from_polygons([np.array(part, float) for part in parts], shape)


@pytest.mark.parametrize("write", [numbered, listed])
@pytest.mark.parametrize("box", [BOX, ""], ids=["with a box", "without"])
def test_an_outline_is_a_mask(write, box, tmp_path):
    dataset = Dataset.load(put(tmp_path, thing(box + write(L_SHAPE))))
    assert dataset.provides_masks and dataset.class_names == ["BG", "leaf"]
    boxes, _, masks = dataset.load_instances(0)
    assert boxes.tolist() == [[4, 6, 20, 30]]
    np.testing.assert_array_equal(masks[..., 0], mask(L_SHAPE))
    assert masks.sum() < 16 * 24 - 100
    np.testing.assert_array_equal(dataset.load_shapes(0)[0].polygons[0], L_SHAPE)


def test_parts_and_boxes_beside_them(tmp_path):
    second = [(30, 40), (36, 40), (36, 50)]
    dataset = voc.read(put(tmp_path, thing(numbered(L_SHAPE) + numbered(second)), thing(BOX)))
    boxes, _, masks = dataset.load_instances(0)
    assert boxes.tolist() == [[4, 6, 36, 50], [4, 6, 20, 30]]
    np.testing.assert_array_equal(masks[..., 0], mask(L_SHAPE, second))
    assert masks[4:20, 6:30, 1].all() and masks[..., 1].sum() == 16 * 24
    assert dataset.load_shapes(0)[1] is None


def test_outlines_survive_conversion_as_they_are(tmp_path):
    dataset = voc.read(put(tmp_path / "a", thing(numbered(L_SHAPE)), thing(BOX, "box")))
    coco.write(dataset, tmp_path / "b")
    again = coco.read(tmp_path / "b")
    np.testing.assert_array_equal(again.load_shapes(0)[0].polygons[0], L_SHAPE)
    voc.write(dataset, tmp_path / "c")
    np.testing.assert_array_equal(
        voc.read(tmp_path / "c").load_mask(0)[0][..., 0],
        mask(L_SHAPE) & ~dataset.load_mask(0)[0][..., 1],
    )


def test_deleted_objects_and_the_size_of_the_web_page(tmp_path):
    head = "<imagesize><nrows>40</nrows><ncols>60</ncols></imagesize>"
    gone = thing(f"<deleted>1</deleted>{BOX}", "gone")
    folder = put(tmp_path, gone, thing(f"<deleted>0</deleted>{listed(L_SHAPE)}"), head=head)
    file = parse_file(folder / "a.xml")
    assert file.size == (40, 60)
    assert [(item.name, item.location.split(",")[0]) for item in file.objects] == [
        ("leaf", "object 2 (leaf)")
    ]
    assert voc.read(folder).class_names == ["BG", "leaf"]
    report = check(folder)
    assert report.counts["objects by class"] == {"leaf": 1}
    assert not [finding for finding in report.findings if finding.severity == "error"]


def test_outlines_turn_with_the_photo(tmp_path):
    head = "<size><width>60</width><height>40</height></size>"
    folder = put(tmp_path, thing(numbered(L_SHAPE)), head=head)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(folder / "a.jpg", exif=exif)
    (folder / "a.png").unlink()
    dataset = voc.read(folder)
    assert dataset.image_shape(0) == (60, 40)
    # Clockwise: what was left is on top, the lower edge on the left.
    assert dataset.load_boxes(0)[0].tolist() == [[6, 20, 30, 36]]
    np.testing.assert_array_equal(dataset.load_mask(0)[0][..., 0], np.rot90(mask(L_SHAPE), -1))


def test_outlines_and_boxes_are_compared_as_in_other_formats(tmp_path):
    over = [(4, 30), (4, 90), (20, 90), (20, 30)]
    with pytest.warns(DataWarning, match="1 outlines leave their photo"):
        dataset = voc.read(put(tmp_path / "over", thing(numbered(over))))
    assert dataset.load_boxes(0)[0].tolist() == [[4, 30, 20, 60]]
    assert dataset.load_mask(0)[0].sum() == 16 * 30
    elsewhere = [(30, 40), (38, 40), (38, 50)]
    with pytest.warns(DataWarning, match=r"1 objects have a box .* object 1 \(leaf\)"):
        voc.read(put(tmp_path / "other", thing(BOX + numbered(elsewhere))))


def test_an_index_keeps_outlines(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "home"))
    folder = put(tmp_path / "set", thing(numbered(L_SHAPE)))
    for _ in range(2):
        dataset = Dataset.load(folder, index=True)
        np.testing.assert_array_equal(dataset.load_mask(0)[0][..., 0], mask(L_SHAPE))


def test_which_masks_count(tmp_path):
    put(tmp_path, thing(numbered(L_SHAPE)))
    put(tmp_path, thing(BOX), name="b")
    assert len(voc.read(tmp_path, masks="only").image_ids) == 1
    assert not voc.read(tmp_path, masks="none").provides_masks
    plane = np.zeros((40, 60), np.uint8)
    plane[5:9, 7:12] = 1
    (tmp_path / "SegmentationObject").mkdir()
    Image.fromarray(plane).save(tmp_path / "SegmentationObject" / "b.png")
    dataset = voc.read(tmp_path)
    np.testing.assert_array_equal(dataset.load_mask(0)[0][..., 0], mask(L_SHAPE))
    assert dataset.load_mask(1)[0].sum() == 20
    assert dataset.load_shapes(1)[0].picture == (dataset.image_info[1]["mask"], 1)


def test_a_mask_picture_in_another_spelling(tmp_path):
    folder = put(tmp_path, thing(BOX), name="a b")
    plane = np.zeros((40, 60), np.uint8)
    plane[5:9, 7:12] = 1
    (folder / "SegmentationObject").mkdir()
    Image.fromarray(plane).save(folder / "SegmentationObject" / "A%20B.png")
    assert voc.read(folder).load_mask(0)[0].sum() == 20
    # But not that of another photo.
    put(tmp_path, thing(BOX), name="A%20B")
    dataset = voc.read(folder, masks="only")
    assert [info["id"] for info in dataset.image_info] == ["A%20B"]


def test_masks_of_a_subclass_are_its_shapes(tmp_path):
    class Own(voc.VOCDataset):
        def load_mask(self, image_id):
            return np.ones((40, 60, 1), bool), np.array([1], np.int32)

    dataset = voc.read(put(tmp_path, thing(numbered(L_SHAPE))))
    own = Own()
    own.image_info, own.class_info = dataset.image_info, dataset.class_info
    own.prepare()
    assert own.load_shapes(0)[0].mask((40, 60)).all()


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        ("<polygon><x1>1</x1><y1>two</y1></polygon>", "A corner of the <polygon> of object 1"),
        ("<polygon><x1>1</x1><y2>2</y2></polygon>", "no pair of numbers <x1> and <y1>"),
        ("<polygon><pt><x>1</x></pt></polygon>", "no pair of numbers <x> and <y>"),
        (numbered(L_SHAPE[:2]), "no <bndbox>"),
    ],
)
def test_what_is_no_outline_is_named(polygon, words, tmp_path):
    folder = put(tmp_path, thing(polygon), thing(BOX))
    with pytest.raises(DataError, match=words):
        voc.read(folder)
    with pytest.warns(SkippedData, match=words):
        assert len(voc.read(folder, on_error="skip").load_boxes(0)[0]) == 1
