"""Guards: the examples read what they say they read, and their helpers compute what they say."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskdet import Detections
from maskdet.errors import DataError
from maskdet.geometry import encode_rle

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DATA = ROOT / "../shared/data"


def needs(path):
    return pytest.mark.skipif(not (DATA / path).exists(), reason=f"../shared/data/{path} is absent")


def script(path):
    """An example as a module, by its path: folders of examples are no packages."""
    name = "tested_" + path.removesuffix(".py").replace("/", "_")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def run(path, *arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(EXAMPLES / path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def write_picture(path, height=20, width=30, value=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), value, dtype=np.uint8)).save(path)


# ---- shapes -------------------------------------------------------------------------------------
def test_shapes_have_the_area_they_should():
    shapes = script("shapes/train.py")
    areas = {k: shapes.shape_mask(k, (50, 50), 20, (100, 100)).sum() for k in shapes.KINDS}
    assert areas["square"] == 40 * 40
    assert areas["circle"] == pytest.approx(np.pi * 20**2, rel=0.01)
    assert areas["triangle"] == pytest.approx(40 * 40 / 2, rel=0.03)
    cut = shapes.shape_mask("square", (0, 0), 20, (100, 100))
    assert cut.sum() == 20 * 20  # only a quarter lies inside
    with pytest.raises(ValueError, match="square, circle, triangle"):
        shapes.shape_mask("star", (0, 0), 5, (9, 9))


def test_a_shape_in_front_takes_pixels_from_those_behind():
    shapes = script("shapes/train.py")
    behind = {"kind": "square", "centre": (20, 20), "radius": 10, "colour": (255, 0, 0)}
    front = {"kind": "square", "centre": (20, 30), "radius": 10, "colour": (0, 0, 255)}
    masks = shapes.visible_masks([behind, front], (40, 40))
    assert masks[..., 0].sum() == 20 * 10
    assert masks[..., 1].sum() == 20 * 20
    assert not (masks[..., 0] & masks[..., 1]).any()


def test_shapes_pictures_masks_and_classes_agree_and_repeat():
    shapes = script("shapes/train.py")
    dataset, again = shapes.ShapesDataset(), shapes.ShapesDataset()
    for one in (dataset, again):
        one.load_shapes(12, (128, 128), seed=3)
        one.prepare()
    assert dataset.class_names == ["BG", "square", "circle", "triangle"]
    for image_id in dataset.image_ids:
        image = dataset.load_image(image_id)
        masks, class_ids = dataset.load_mask(image_id)
        described = dataset.image_info[image_id]["shapes"]
        assert image.shape == (128, 128, 3) and image.dtype == np.uint8
        assert [dataset.class_names[i] for i in class_ids] == [s["kind"] for s in described]
        assert masks.any(axis=(0, 1)).all()
        assert masks.sum(axis=2).max() <= 1
        for i, shape in enumerate(described):  # the noise is small, but white and black clip it
            colour = image[masks[..., i]].mean(axis=0)
            assert np.abs(colour - shape["colour"]).max() < 4
        np.testing.assert_array_equal(image, again.load_image(image_id))
        np.testing.assert_array_equal(masks, again.load_mask(image_id)[0])


# ---- balloon ------------------------------------------------------------------------------------
SQUARE = {"name": "polygon", "all_points_x": [2, 12, 12, 2], "all_points_y": [5, 5, 10, 10]}
RECT = {"name": "rect", "x": 20, "y": 1, "width": 4, "height": 6}
CIRCLE = {"name": "circle", "cx": 15, "cy": 10, "r": 6}


def balloon_folder(tmp_path, content, name="via_region_data.json"):
    for photo in ("a.png", "empty.png"):
        write_picture(tmp_path / "train" / photo)
    (tmp_path / "train" / name).write_text(json.dumps(content))
    return tmp_path


def opened_balloons(folder, subset="train"):
    dataset = script("balloon/train.py").BalloonDataset()
    dataset.load_balloon(folder, subset)
    dataset.prepare()
    return dataset


def via(version, shapes):
    regions = [{"shape_attributes": shape, "region_attributes": {}} for shape in shapes]
    if version == 1:
        regions = {str(i): region for i, region in enumerate(regions)}
    photos = {
        "a.png99": {"filename": "a.png", "size": 99, "regions": regions},
        "empty.png9": {"filename": "empty.png", "size": 9, "regions": [] if version > 1 else {}},
    }
    return photos if version < 3 else {"_via_settings": {}, "_via_img_metadata": photos}


@pytest.mark.parametrize("version", [1, 2, 3], ids=["VIA 1", "VIA 2", "VIA 2 project"])
def test_balloon_outlines_of_via_become_masks(tmp_path, version):
    dataset = opened_balloons(balloon_folder(tmp_path, via(version, [SQUARE, RECT, CIRCLE])))
    masks, class_ids = dataset.load_mask(0)
    assert masks.shape == (20, 30, 3) and masks.dtype == bool
    assert class_ids.tolist() == [1, 1, 1]
    assert masks[5:10, 2:12, 0].all() and masks[..., 0].sum() == 50
    assert masks[1:7, 20:24, 1].all() and masks[..., 1].sum() == 24
    assert masks[..., 2].sum() == pytest.approx(np.pi * 36, rel=0.05)
    np.testing.assert_array_equal(dataset.load_boxes(0)[0][0], [5, 2, 10, 12])
    assert dataset.load_mask(1)[0].shape == (20, 30, 0)


def test_balloon_outlines_of_coco_become_masks(tmp_path):
    runs = np.zeros((20, 30), dtype=bool)
    runs[3:6, 4:8] = True
    parts = [[2, 5, 12, 5, 12, 10, 2, 10], [20, 1, 24, 1, 24, 7, 20, 7]]
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "empty.png"}],
        "categories": [{"id": 3, "name": "balloon"}, {"id": 4, "name": "string"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "segmentation": parts},
            {"image_id": 7, "category_id": 4, "segmentation": parts},
            {"image_id": 7, "category_id": 3, "segmentation": encode_rle(runs)},
        ],
    }
    dataset = opened_balloons(balloon_folder(tmp_path, content, "outlines.json"))
    masks, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1, 1]
    assert masks[..., 0].sum() == 50 + 24
    np.testing.assert_array_equal(masks[..., 1], runs)


@pytest.mark.parametrize(
    "content, message",
    [
        (via(1, [{"name": "point", "cx": 1, "cy": 1}]), "a.png: a 'point' has no area"),
        (
            via(1, [{"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}]),
            "needs three corners but has 2",
        ),
        ([1, 2], "neither VIA's JSON nor COCO's"),
        ({"a": {"b": 1}}, "neither VIA's JSON nor COCO's"),
    ],
)
def test_balloon_says_what_is_wrong_with_a_file(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        opened_balloons(balloon_folder(tmp_path, content))


def test_balloon_says_what_is_missing(tmp_path, capsys):
    with pytest.raises(DataError, match="There is no folder .*val"):
        opened_balloons(tmp_path, "val")
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match="but has none"):
        opened_balloons(tmp_path, "val")
    folder = balloon_folder(tmp_path, via(1, [SQUARE]))
    (folder / "train" / "empty.png").unlink()
    assert opened_balloons(folder).num_images == 1
    assert "1 photos named in the JSON" in capsys.readouterr().out


@needs("balloon")
def test_balloon_reads_the_real_set():
    train, val = opened_balloons(DATA / "balloon"), opened_balloons(DATA / "balloon", "val")
    assert (train.num_images, val.num_images) == (61, 13)
    assert sum(len(info["objects"]) for info in train.image_info) == 255
    assert sum(len(info["objects"]) for info in val.image_info) == 50
    masks, class_ids = val.load_mask(0)
    assert masks.shape[2] == len(class_ids) == len(val.image_info[0]["objects"])
    assert masks.any(axis=(0, 1)).all()


@needs("formats/via2/dataset")
def test_balloon_reads_real_via_2():
    dataset = opened_balloons(DATA / "formats/via2/dataset")
    assert dataset.num_images == 9
    assert sum(len(info["objects"]) for info in dataset.image_info) == 82
    masks, _ = dataset.load_mask(dataset.image_from_source_map["balloon.d1.png"])
    assert masks[12:42, 6:34, 0].all()


def test_color_splash_keeps_colour_in_the_masks_only():
    splash = script("balloon/train.py").color_splash
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    image[:] = (200, 100, 50)
    masks = np.zeros((4, 6, 2), dtype=bool)
    masks[1, 1, 0] = masks[2, 3, 1] = True
    result = splash(image, masks)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert result.dtype == np.uint8
    assert result[1, 1].tolist() == result[2, 3].tolist() == [200, 100, 50]
    assert (result[~masks.any(axis=2)] == grey).all()
    assert (splash(image, masks[..., :0]) == grey).all()
    assert image[0, 0].tolist() == [200, 100, 50]


def test_splash_of_a_video_without_opencv_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DataError, match="pip install opencv-python-headless"):
        script("balloon/train.py").load_opencv()


class FakeVideo:
    """As much of OpenCV as the splash uses; frames are blue, green, red."""

    CAP_PROP_FPS = 5

    def __init__(self, frames):
        self.frames, self.written, self.opened = list(frames), [], None

    def VideoCapture(self, path):
        return self

    def VideoWriter(self, path, code, rate, size):
        self.opened = (path, rate, size)
        return self

    def VideoWriter_fourcc(self, *letters):
        return "".join(letters)

    def get(self, key):
        return 12.0

    def read(self):
        return (True, self.frames.pop(0)) if self.frames else (False, None)

    def write(self, frame):
        self.written.append(frame)

    def release(self):
        pass


class FakeModel:
    """Finds one object, the left half; remembers the frames it was shown."""

    def __init__(self):
        self.seen = []

    def detections(self, images):
        for image in images:
            self.seen.append(image)
            height, width = image.shape[:2]
            yield Detections(
                boxes=[[0, 0, height, width / 2]],
                class_ids=[1],
                scores=[0.9],
                class_names=("BG", "balloon"),
                image_shape=(height, width),
                small_masks=np.ones((1, 4, 4)),
            )


def test_splash_of_a_video_turns_colours_around_and_back(tmp_path):
    frame = np.zeros((4, 8, 3), dtype=np.uint8)
    frame[:] = (10, 20, 250)  # blue, green, red
    video, model = FakeVideo([frame, frame]), FakeModel()
    target = tmp_path / "out.mp4"
    assert script("balloon/train.py").splash_video(video, model, Path("in.mp4"), target) == 2
    assert video.opened == (str(target), 12.0, (8, 4))
    assert model.seen[0][0, 0].tolist() == [250, 20, 10]
    assert video.written[0][0, 0].tolist() == [10, 20, 250]
    grey = video.written[0][0, 7]
    assert len(set(grey.tolist())) == 1
    with pytest.raises(DataError, match="no frames"):
        script("balloon/train.py").splash_video(FakeVideo([]), model, Path("in.mp4"), target)


# ---- nucleus ------------------------------------------------------------------------------------
def test_nucleus_run_lengths_go_down_the_columns_from_1():
    nucleus = script("nucleus/nucleus.py")
    mask = np.zeros((3, 4), dtype=bool)
    mask[0, 0] = mask[2, 1] = mask[0, 2] = mask[2, 3] = True
    assert nucleus.rle_encode(mask) == "1 1 6 2 12 1"  # (2, 1) and (0, 2) are neighbours there
    assert nucleus.rle_encode(np.zeros((3, 4), dtype=bool)) == ""
    assert nucleus.rle_encode(np.ones((3, 4), dtype=bool)) == "1 12"
    with pytest.raises(DataError, match="pairs"):
        nucleus.rle_decode("1 2 3", (3, 4))


@pytest.mark.parametrize("seed", range(5))
def test_nucleus_run_lengths_decode_to_the_mask(seed):
    nucleus = script("nucleus/nucleus.py")
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 20), rng.integers(1, 20))) < 0.5
    np.testing.assert_array_equal(nucleus.rle_decode(nucleus.rle_encode(mask), mask.shape), mask)


def test_nucleus_overlaps_go_to_the_better_one():
    nucleus = script("nucleus/nucleus.py")
    masks = np.zeros((4, 6, 3), dtype=bool)
    masks[:, 0:3, 0] = True
    masks[:, 2:5, 1] = True
    masks[1:3, 2:4, 2] = True  # wholly inside the second, which is better
    first, second = nucleus.without_overlaps(masks, [0.5, 0.9, 0.7])
    np.testing.assert_array_equal(first, masks[..., 1])
    assert second[:, :2].all() and second.sum() == 8
    rows = nucleus.submission_rows("x", masks, [0.5, 0.9, 0.7])
    assert rows == [("x", "9 12"), ("x", "1 8")]
    assert nucleus.submission_rows("y", masks[..., :0], []) == [("y", "")]


def nucleus_folder(tmp_path):
    for name, count in (("aa", 2), ("bb", 0)):
        write_picture(tmp_path / "stage" / name / "images" / f"{name}.png", 10, 12)
        (tmp_path / "stage" / name / "masks").mkdir()
        for i in range(count):
            plane = np.zeros((10, 12), dtype=np.uint8)
            plane[i : i + 3, i : i + 2 + i] = 255
            Image.fromarray(plane).save(tmp_path / "stage" / name / "masks" / f"{i}.png")
    return tmp_path


def test_nucleus_reads_a_file_a_nucleus(tmp_path):
    nucleus = script("nucleus/nucleus.py")
    folder = nucleus_folder(tmp_path)
    for arguments in ((folder, "stage"), (folder / "stage",)):
        dataset = nucleus.NucleusDataset()
        dataset.load_nucleus(*arguments)
        dataset.prepare()
        masks, class_ids = dataset.load_mask(0)
        assert dataset.image_reference(0) == "aa"
        assert masks.sum(axis=(0, 1)).tolist() == [6, 9]
        assert class_ids.tolist() == [1, 1]
        assert dataset.load_mask(1)[0].shape == (10, 12, 0)


def test_nucleus_says_what_is_missing(tmp_path):
    nucleus = script("nucleus/nucleus.py")
    folder = nucleus_folder(tmp_path)
    with pytest.raises(DataError, match="There is no folder"):
        nucleus.NucleusDataset().load_nucleus(folder, "stage2")
    with pytest.raises(DataError, match="it holds stage: name one as --subset"):
        nucleus.NucleusDataset().load_nucleus(folder)
    Image.fromarray(np.zeros((3, 3), dtype=np.uint8)).save(folder / "stage/bb/masks/odd.png")
    dataset = nucleus.NucleusDataset()
    dataset.load_nucleus(folder, "stage")
    dataset.prepare()
    with pytest.raises(DataError, match="make them one size"):
        dataset.load_mask(1)


@needs("formats/masks")
def test_nucleus_reads_the_real_set():
    nucleus = script("nucleus/nucleus.py")
    dataset = nucleus.NucleusDataset()
    dataset.load_nucleus(DATA / "formats/masks", "stage1_train")
    dataset.prepare()
    counts = [dataset.load_mask(i)[0].shape[2] for i in dataset.image_ids]
    assert counts == [27, 36, 70, 86, 7, 16, 62, 22]
    masks, _ = dataset.load_mask(4)
    rows = nucleus.submission_rows("id", masks, np.linspace(1, 0.5, 7))
    back = np.stack([nucleus.rle_decode(text, masks.shape[:2]) for _, text in rows], axis=-1)
    np.testing.assert_array_equal(back, masks)  # corrected masks do not overlap


# ---- COCO ---------------------------------------------------------------------------------------
def coco_folder(tmp_path):
    write_picture(tmp_path / "images" / "one.png")
    write_picture(tmp_path / "images" / "two.png")
    crowd = np.zeros((20, 30), dtype=bool)
    crowd[10:20, 0:9] = True
    square = [2, 5, 12, 5, 12, 10, 2, 10]

    def entry(number, image, category, segmentation, area, crowd=0):
        return {
            "id": number,
            "image_id": image,
            "category_id": category,
            "segmentation": segmentation,
            "bbox": [2, 5, 10, 5],
            "area": area,
            "iscrowd": crowd,
        }

    content = {
        "images": [
            {"id": 50, "file_name": "two.png", "height": 20, "width": 30},
            {"id": 40, "file_name": "one.png", "height": 20, "width": 30},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
        "annotations": [
            entry(1, 40, 18, [square], 50),
            entry(2, 40, 1, encode_rle(crowd), 90, crowd=1),
            entry(3, 50, 1, [square, [20, 1, 24, 1, 24, 7, 20, 7]], 74),
            entry(4, 50, 1, [[3, 3, 3.1, 3, 3, 3.1]], 0),  # round no pixel's middle
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return tmp_path


def opened_coco(source, **options):
    dataset = script("coco/coco.py").CocoDataset()
    truth = dataset.load_coco(source, **options)
    dataset.prepare()
    return dataset, truth


@pytest.mark.parametrize("form", ["folder", "file", "as COCO"])
def test_coco_objects_and_crowds(tmp_path, form):
    folder, options = coco_folder(tmp_path), {}
    source = folder / "instances.json" if form == "file" else folder
    if form == "as COCO":
        (folder / "annotations").mkdir()
        (folder / "instances.json").rename(folder / "annotations/instances_val.json")
        (folder / "images").rename(folder / "val")
        options = {"subset": "val"}
    dataset, _ = opened_coco(source, **options)
    assert dataset.class_names == ["BG", "person", "dog"]  # by COCO's ids
    assert [info["id"] for info in dataset.image_info] == [40, 50]
    masks, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [2, -1]
    assert masks.sum(axis=(0, 1)).tolist() == [50, 90]
    masks, class_ids = dataset.load_mask(1)
    assert class_ids.tolist() == [1]
    assert masks.sum(axis=(0, 1)).tolist() == [74]
    assert dataset.load_image(0).shape == (20, 30, 3)


def test_coco_with_some_classes(tmp_path):
    dataset, _ = opened_coco(coco_folder(tmp_path), class_ids=[18])
    assert dataset.class_names == ["BG", "dog"]
    assert [info["id"] for info in dataset.image_info] == [40]
    assert dataset.load_mask(0)[1].tolist() == [1]
    with pytest.raises(DataError, match="no COCO annotation file"):
        opened_coco(tmp_path, class_ids=[99])
    with pytest.raises(DataError, match="instances_val2017.json"):
        opened_coco(tmp_path / "images", subset="val2017")


def test_coco_reads_compressed_runs():
    from pycocotools import mask as mask_tools

    mask = np.zeros((7, 9), dtype=bool)
    mask[2:5, 3:8] = True
    runs = mask_tools.frPyObjects(encode_rle(mask), 7, 9)
    read = script("coco/coco.py").object_mask
    np.testing.assert_array_equal(read(runs, (7, 9)), mask)
    np.testing.assert_array_equal(read(encode_rle(mask), (7, 9)), mask)
    with pytest.raises(DataError, match="do not fit"):
        read(encode_rle(mask), (9, 7))


def perfect(dataset):
    """Detections that are the objects themselves, crowds left out; masks fill their boxes."""
    for image_id in dataset.image_ids:
        boxes, class_ids, masks = dataset.load_instances(image_id)
        wanted = class_ids > 0
        small = []
        for box, i in zip(boxes[wanted].astype(int), np.flatnonzero(wanted), strict=True):
            part = Image.fromarray(masks[box[0] : box[2], box[1] : box[3], i])
            small.append(np.asarray(part.resize((112, 112), Image.Resampling.NEAREST), dtype=float))
        yield Detections(
            boxes=boxes[wanted],
            class_ids=class_ids[wanted],
            scores=np.full(wanted.sum(), 0.9),
            class_names=tuple(dataset.class_names),
            image_shape=masks.shape[:2],
            small_masks=np.array(small).reshape(-1, 112, 112),
        )


def test_coco_results_have_cocos_own_ids_and_runs(tmp_path):
    from pycocotools import mask as mask_tools

    coco = script("coco/coco.py")
    dataset, truth = opened_coco(coco_folder(tmp_path))
    results = coco.build_coco_results(dataset, [0, 1], perfect(dataset))
    assert [(r["image_id"], r["category_id"]) for r in results] == [(40, 18), (50, 1)]
    assert results[0]["bbox"] == [2, 5, 10, 5]
    assert json.loads(json.dumps(results)) == results
    assert [int(mask_tools.area(r["segmentation"])) for r in results] == [50, 74]
    for kind in ("bbox", "segm"):
        scores = coco.coco_scores(truth, results[:1], [40], kind, [1, 18])
        assert scores[1] == pytest.approx(1.0)
    nothing = coco.coco_scores(truth, [], [40], "segm", [1, 18])
    assert nothing[0] == 0.0


@needs("coco_sample")
def test_coco_reads_the_real_sample_and_scores_its_own_objects():
    coco = script("coco/coco.py")
    dataset, truth = opened_coco(DATA / "coco_sample")
    assert (dataset.num_images, dataset.num_classes) == (80, 81)
    assert sum(len(info["annotations"]) for info in dataset.image_info) == 815
    crowds = [dataset.load_mask(i)[1].min(initial=0) < 0 for i in dataset.image_ids]
    assert 0 < sum(crowds) <= 11
    part = dataset.subset(range(12))
    results = coco.build_coco_results(part, range(12), perfect(part))
    source_ids = [info["id"] for info in part.image_info]
    for kind in ("bbox", "segm"):
        scores = coco.coco_scores(truth, results, source_ids, kind, truth.getCatIds())
        assert scores[1] > 0.97, kind  # AP at IoU 0.5


# ---- inspections --------------------------------------------------------------------------------
def test_the_data_are_inspected_without_a_screen(tmp_path):
    result = run("inspect/inspect_data.py", "--images", 6, "--output", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    names = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert names == {
        "images",
        "classes",
        "box_sizes",
        "resized",
        "mini_masks",
        "anchors",
        "positive_anchors",
        "augmentation",
    }


def test_an_inspection_without_weights_says_how_to_get_them(tmp_path):
    result = run("inspect/inspect_weights.py", cwd=tmp_path)
    assert result.returncode == 1
    assert "run 'python examples/shapes/train.py' first" in result.stderr


# ---- as a whole ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path, arguments, message",
    [
        ("balloon/train.py", ["evaluate", "--dataset", ".", "--weights", "x.h5"], "no folder val"),
        ("shapes/train.py", ["--weights", "x.h5"], "there is no file x.h5"),
        ("nucleus/nucleus.py", ["train", "--dataset", "nowhere"], "There is no folder nowhere"),
        ("coco/coco.py", ["evaluate", "--dataset", ".", "--weights", "x.h5"], "instances.json"),
    ],
)
def test_mistakes_end_in_one_sentence(tmp_path, path, arguments, message):
    result = run(path, *arguments, cwd=tmp_path)
    assert result.returncode in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_shapes_train_and_are_inspected(tmp_path):
    numbers = ["--epochs", 0, 1, "--steps", 2, "--images", 8]
    result = run("shapes/train.py", *numbers, "--output", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "8 pictures to train on, 8 to test on" in result.stdout
    assert "compute_ap" in result.stdout
    for name in ("shapes.h5", "gallery.png", "curves.png", "metrics.json"):
        assert (tmp_path / "out" / name).is_file()
    for part in ("model", "weights"):
        arguments = ["--weights", "out/shapes.h5", "--images", 4, "--output", part]
        result = run(f"inspect/inspect_{part}.py", *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr[-2000:]
    assert (tmp_path / "model" / "proposals.png").is_file()
    assert (tmp_path / "model" / "activations.png").is_file()
    assert (tmp_path / "weights" / "histograms_1.png").is_file()
    lines = (tmp_path / "weights" / "weights.csv").read_text().splitlines()
    assert lines[0] == "weight,shape,min,max,std,remark"
    assert len(lines) > 200


# ---- Raspberry Pi -------------------------------------------------------------------------------
def test_things_are_counted_on_the_pi(tmp_path):
    from maskdet.images import write_image
    from tests.runtime.conftest import made_file, picture

    photos = tmp_path / "photos"
    for number in range(4):
        write_image(photos / f"{number}.png", picture(0, 3))
    model = made_file(tmp_path)
    finished = run("raspberry_pi/count_things.py", model, f"play:{photos}", 5, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.strip().splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("5: ")
    assert "so far {'cat': 1, 'dog': 1}" in lines[-1].replace(
        "'dog': 1, 'cat': 1", "'cat': 1, 'dog': 1"
    )
    missing = run("raspberry_pi/count_things.py", "no.tflite", f"play:{photos}", cwd=tmp_path)
    assert missing.returncode == 1
    assert "There is no file no.tflite" in missing.stderr
    assert run("raspberry_pi/count_things.py", cwd=tmp_path).returncode == 1
