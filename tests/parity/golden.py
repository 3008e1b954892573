"""The original's golden numbers, and ours beside them.

The files lie in ../shared/parity (its README says how they were made and how far the original
differs from itself); where they are not, there are no cases.
"""

import contextlib
import io
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskdet.geometry import place
from maskdet.mrcnn import model, utils
from maskdet.mrcnn.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "../shared/parity"
PRESENT = (FOLDER / "utils_golden.npz").is_file()
ABSENT = "the original's golden numbers (../shared/parity) are not here"
# Exact values this close to a whole number (a half, for masks) are ties: there the rounding noise
# of the original's old libraries decides, which changes with the processor.
TIE = 1e-9


class Golden:
    """One of the golden files: its cases and its arrays."""

    def __init__(self, name: str) -> None:
        self.facts = json.loads((FOLDER / f"{name}.json").read_text()) if PRESENT else {"cases": []}
        self.cases: list[dict[str, Any]] = self.facts["cases"]
        self._file = np.load(FOLDER / f"{name}.npz", allow_pickle=False) if PRESENT else None

    def read(self, key: str) -> np.ndarray:
        """An array by its key, unpacked where it is packed."""
        assert self._file is not None
        names = self._file.files
        if f"{key}#shape" not in names:
            return self._file[key]
        shape = tuple(self._file[f"{key}#shape"])
        bits = np.unpackbits(self._file[f"{key}#packed" if f"{key}#packed" in names else key])
        return bits[: int(np.prod(shape))].reshape(shape).astype(bool)

    def inputs(self, case: dict[str, Any]) -> dict[str, np.ndarray]:
        return {name: self.read(key) for name, key in case["inputs"].items()}

    def outputs(self, case: dict[str, Any]) -> dict[str, np.ndarray]:
        return {name: self.read(key) for name, key in case["outputs"].items()}


def config_of(overrides: dict[str, Any]) -> Config:
    """A config with some settings changed; lists become arrays where the default is one."""
    settings = {
        name: np.array(value) if isinstance(getattr(Config, name, None), np.ndarray) else value
        for name, value in overrides.items()
    }
    return type("GoldenConfig", (Config,), {"NAME": "golden", **settings})()


def toys(golden: Golden) -> utils.Dataset:
    """The small data set behind ``load_image_gt`` and ``data_generator``."""
    facts = golden.facts["dataset"]

    class Toys(utils.Dataset):
        def load_image(self, image_id: int) -> np.ndarray:
            return golden.read(facts["images"][image_id]["image"])

        def load_mask(self, image_id: int) -> tuple[np.ndarray, np.ndarray]:
            image = facts["images"][image_id]
            return golden.read(image["mask"]), np.array(image["class_ids"], np.int32)

    dataset = Toys()
    for info in facts["classes"][1:]:
        dataset.add_class(info["source"], info["id"], info["name"])
    for info in facts["images"]:
        dataset.add_image(info["source"], info["id"], None)
    dataset.prepare()
    return dataset


# ---- utils and data formatting ---------------------------------------------------------------
def run_utils(case: dict[str, Any], golden: Golden, generators: dict[str, Any]) -> list[Any]:
    """What our function gives for a case of ``utils_golden``, in the order of its outputs."""
    name = case["function"].split(".")[1]
    arguments = dict(case["arguments"])
    inputs = golden.inputs(case)
    if name == "data_generator":
        return _generated(case, golden, generators)
    if "python_random_seed" in arguments:
        random.seed(arguments.pop("python_random_seed"))
    if "numpy_seed" in arguments:
        np.random.seed(arguments.pop("numpy_seed"))
    if name == "load_image_gt":
        config = config_of(arguments.pop("config"))
        return list(model.load_image_gt(toys(golden), config, **arguments))
    if name == "compute_backbone_shapes":
        shape = arguments.pop("image_shape")
        return [model.compute_backbone_shapes(config_of(arguments), shape)]
    if name in ("mold_image", "unmold_image"):
        config = config_of(arguments)
        return [getattr(model, name)(*inputs.values(), config)]
    if name == "compute_ap_range":  # its arguments are called in the singular
        inputs = {_singular(key): value for key, value in inputs.items()}
    module = utils if case["function"].startswith("utils") else model
    with contextlib.redirect_stdout(io.StringIO()):
        found = getattr(module, name)(**inputs, **arguments)
    if name == "generate_pyramid_anchors":
        rows = golden.read(case["outputs"]["row_index"])
        return [len(found), rows, found[rows], found.sum(axis=0)]
    if name == "resize_image":
        return [*found[:4], [-1] * 4 if found[4] is None else found[4]]
    if name == "parse_image_meta":
        return [found[key] for key in case["outputs"]]
    return list(found) if isinstance(found, tuple) else [found]


def _singular(name: str) -> str:
    return {"gt_boxes": "gt_box", "pred_boxes": "pred_box"}.get(name, name.removesuffix("s"))


GENERATED = (
    "images",
    "image_meta",
    "rpn_match",
    "rpn_bbox",
    "gt_class_ids",
    "gt_boxes",
    "gt_masks",
)


def _generated(case: dict[str, Any], golden: Golden, generators: dict[str, Any]) -> list[Any]:
    """The next batch of the generator that a case belongs to; cases come in order."""
    arguments = dict(case["arguments"])
    key = case["name"].rpartition("_")[0]
    del arguments["batch"]
    seeds = arguments.pop("numpy_seed"), arguments.pop("python_random_seed")
    config = config_of(arguments.pop("config"))
    if key not in generators:
        np.random.seed(seeds[0])
        random.seed(seeds[1])
        generators[key] = model.data_generator(toys(golden), config, **arguments)
    inputs, outputs = next(generators[key])
    named = dict(zip(GENERATED, inputs, strict=False))
    others = [name for name in case["outputs"] if name not in GENERATED]
    named |= dict(zip(others, [*inputs[len(GENERATED) :], *outputs], strict=True))
    return [named[name] for name in case["outputs"]]


# ---- training --------------------------------------------------------------------------------
def run_training(case: dict[str, Any], golden: Golden) -> list[Any]:
    """What our function gives for a case of ``train_targets``, in the order of its outputs."""
    name = case["function"].split(".")[1]
    arguments = dict(case["arguments"])
    inputs = golden.inputs(case)
    config = config_of(arguments.pop("config")) if "config" in arguments else None
    if name == "build_rpn_targets":
        np.random.seed(arguments["numpy_seed"])
        shape = np.array(arguments["image_shape"])
        found = model.build_rpn_targets(shape, *inputs.values(), config)
        return list(found)
    if name == "DetectionTargetLayer":
        names = ("proposals", "gt_class_ids", "gt_boxes", "gt_masks")
        layer = model.DetectionTargetLayer(config)
        return _sorted_targets(*(np.asarray(x) for x in layer([inputs[n] for n in names])))
    if name == "ProposalLayer":
        settings = arguments["proposal_count"], arguments["nms_threshold"]
        return [np.asarray(model.ProposalLayer(*settings, config)(list(inputs.values())))]
    if name == "PyramidROIAlign":
        layer = model.PyramidROIAlign(arguments["pool_shape"])
        pooled = np.asarray(layer(list(inputs.values())))
        if "levels" not in case["outputs"]:
            return [pooled, golden.read(case["outputs"]["last_zero"])]
        area = np.prod(inputs["image_meta"][0, 4:6])
        levels = layer.levels(inputs["boxes"], 4, 224.0 / np.sqrt(area))
        return [pooled, np.asarray(levels) + 2]
    if name == "refine_detections_graph":
        return [np.asarray(model.refine_detections_graph(*inputs.values(), config))]
    if name == "rpn_bbox_loss_graph":
        return [np.asarray(model.rpn_bbox_loss_graph(config_of(arguments), *inputs.values()))]
    module = utils if case["function"].startswith("utils") else model
    found = getattr(module, name)(**inputs, **arguments)
    return [np.asarray(x) for x in (found if isinstance(found, tuple) else (found,))]


def _sorted_targets(
    rois: np.ndarray, ids: np.ndarray, deltas: np.ndarray, masks: np.ndarray
) -> list[np.ndarray]:
    """Positives by (y1, x1), negatives likewise, zeros: the order within is random."""
    parts: list[list[np.ndarray]] = [[], [], [], []]
    counts = []
    for image in range(len(rois)):
        some = np.abs(rois[image]).sum(axis=1) > 0
        kinds = [ids[image] > 0, (ids[image] <= 0) & some]
        order = [
            where[np.lexsort((rois[image][where, 1], rois[image][where, 0]))]
            for where in (np.flatnonzero(kind) for kind in kinds)
        ]
        rows = np.concatenate([*order, np.flatnonzero(~kinds[0] & ~kinds[1])])
        for part, values in zip(parts, (rois, ids, deltas, masks), strict=True):
            part.append(values[image][rows])
        counts.append([int(kind.sum()) for kind in kinds])
    return [*(np.stack(part) for part in parts), np.array(counts)]


# ---- ties --------------------------------------------------------------------------------------
def image_ties(image: np.ndarray, settings: dict[str, Any], seed: int | None) -> np.ndarray:
    """Which pixels of a resized image are ties: bool, of the canvas's shape."""
    if seed is not None:
        random.seed(seed)
    placement = place(
        image.shape,
        settings["min_dim"] or 0,
        settings["max_dim"],
        settings.get("min_scale") or 0.0,
        settings["mode"],
        lambda largest: random.randint(0, largest),
    )
    values = utils.on_canvas(image.astype(np.float64), placement)
    return np.abs(values - np.around(values)) < TIE


def mask_ties(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels of a resized mask are ties: bool of ``shape``."""
    return np.abs(utils.resize(mask.astype(np.float64), shape, preserve_range=True) - 0.5) < TIE


# ---- whole networks ----------------------------------------------------------------------------
LAYERS = {
    "C1": "conv1_pool",
    "C2": "res2c_out",
    "C3": "res3d_out",
    "C4": "res4f_out",
    "C5": "res5c_out",
    "P2": "fpn_p2",
    "P3": "fpn_p3",
    "P4": "fpn_p4",
    "P5": "fpn_p5",
    "P6": "fpn_p6",
    "rpn_class": "rpn_class",
    "rpn_bbox": "rpn_bbox",
    "rpn_rois": "ROI",
    "mrcnn_class_logits": "mrcnn_class_logits",
    "mrcnn_class": "mrcnn_class",
    "mrcnn_bbox": "mrcnn_bbox",
    "mrcnn_detection": "mrcnn_detection",
    "mrcnn_mask": "mrcnn_mask",
}
WHOLE = {
    "resnet50_256": ("resnet50_4", "image_chelsea.png"),
    "resnet101_1024": ("resnet101_81", "image_coffee.png"),
}


@dataclass
class Row:
    """One line of the table."""

    tensor: str
    shape: tuple[int, ...]
    absolute: float
    relative: float
    note: str = ""


class WholeNetwork:
    """A network of the original's with seeded weights, run here on its picture."""

    def __init__(self, name: str, folder: Path) -> None:
        weights, picture = WHOLE[name]
        self.golden = np.load(FOLDER / f"detect_{name}.npz", allow_pickle=False)
        self.image = np.asarray(Image.open(FOLDER / picture).convert("RGB"))
        path = folder / f"{weights}.h5"
        if not path.is_file():
            make = [sys.executable, str(FOLDER / "make_weights.py"), weights, str(path)]
            subprocess.run(make, check=True, capture_output=True)
        settings = json.loads(str(self.golden["info_json"]))["config"]
        known = {key for base in Config.__mro__ for key in vars(base) if key.isupper()}
        derived = {"BATCH_SIZE", "IMAGE_SHAPE", "IMAGE_META_SIZE"}
        chosen = {k: v for k, v in settings.items() if k in known - derived}
        self.config = config_of(chosen)
        self.model = model.MaskRCNN("inference", self.config, folder)
        self.report = self.model.load_weights(path, by_name=True)
        self.found = self._run()

    @property
    def molded(self) -> np.ndarray:
        """The original's molded image, exactly: (1, H, W, 3) float32."""
        shape = tuple(self.golden["molded_image/shape"])
        pixels = np.zeros(shape, np.uint8)
        y1, x1, y2, x2 = self.golden["window"].reshape(-1)
        pixels[y1:y2, x1:x2] = self.golden["resized_window_uint8"]
        return model.mold_image(pixels, self.config)[None].astype(np.float32)

    def _run(self) -> dict[str, np.ndarray]:
        names = {**LAYERS}
        if "101" in self.config.BACKBONE:
            names["C4"] = "res4w_out"
        network = self.model.keras_model
        outputs = [(key, network.get_layer(layer).output) for key, layer in names.items()]
        with contextlib.redirect_stdout(io.StringIO()):
            found = dict(self.model.run_graph(self.molded, outputs, self.golden["image_meta"]))
        rpn = network.get_layer("rpn_model")
        levels = [found[f"P{number}"] for number in range(2, 7)]
        logits = [np.asarray(rpn(level)[0]) for level in levels]
        found["rpn_class_logits"] = np.concatenate(logits, axis=1)
        found["anchors"] = self.model.get_anchors(self.config.IMAGE_SHAPE)
        found["anchors_pixels"] = self.model.anchors
        return found

    def sampled(self, tensor: str) -> Row:
        """A tensor of which the golden file holds samples."""
        expected = self.golden[f"{tensor}/values"]
        ours = self.found[tensor].reshape(-1)[self.golden[f"{tensor}/index"]]
        largest = np.abs(self.golden[f"{tensor}/stats"][2:]).max()
        error = float(np.abs(ours.astype(np.float64) - expected).max())
        shape = tuple(int(side) for side in self.golden[f"{tensor}/shape"])
        return Row(tensor, shape, error, error / float(largest))

    def proposals(self) -> tuple[Row, np.ndarray, np.ndarray]:
        """The row; for each stored proposal the nearest of ours, and whether it may be compared."""
        expected, ours = self.golden["rpn_rois"][0], self.found["rpn_rois"][0]
        distance = np.abs(expected[:, None] - ours[None]).max(axis=2)
        nearest, match = distance.min(axis=1), distance.argmin(axis=1)
        found = nearest < 1e-3
        # Of those that end on the border rounding decides whether a line of samples is zero.
        inside = (expected < 1).all(axis=1)
        error = float(nearest[found].max())
        note = f"{found.mean():.1%} of the stored ones found"
        return (
            Row("rpn_rois", self.golden["rpn_rois"].shape, error, error, note),
            match,
            (found & inside),
        )

    def by_proposal(self, tensor: str) -> Row:
        """A tensor with a row for each proposal."""
        _, match, comparable = self.proposals()
        expected = self.golden[tensor][0]
        error = np.abs(self.found[tensor][0][match] - expected)[comparable].max()
        note = f"{comparable.sum()} proposals inside the border"
        relative = float(error / np.abs(expected).max())
        return Row(tensor, self.golden[tensor].shape, float(error), relative, note)

    def detections(self) -> dict[str, np.ndarray]:
        """What ``detect`` makes of the network's outputs, in the picture's pixels."""
        boxes, class_ids, scores, masks = self.model.unmold_detections(
            self.found["mrcnn_detection"][0],
            self.found["mrcnn_mask"][0],
            self.image.shape,
            self.molded.shape[1:],
            self.golden["window"].reshape(-1),
        )
        return {"rois": boxes, "class_ids": class_ids, "scores": scores, "masks": masks}

    def stored_masks(self) -> np.ndarray:
        shape = tuple(self.golden["masks_shape"])
        return np.unpackbits(self.golden["masks_packbits"])[: np.prod(shape)].reshape(shape) > 0

    def rows(self) -> list[Row]:
        """The table: every tensor of the golden file."""
        rows = [self.sampled(name) for name in ("anchors_pixels", "anchors")]
        maps = [f"C{i}" for i in range(1, 6)] + [f"P{i}" for i in range(2, 7)]
        rows += [self.sampled(name) for name in (*maps, "rpn_class_logits", "rpn_class")]
        rows += [self.sampled("rpn_bbox"), self.proposals()[0]]
        names = ("mrcnn_class_logits", "mrcnn_class", "mrcnn_bbox")
        rows += [self.by_proposal(name) for name in names]
        expected = self.golden["mrcnn_detection"]
        error = float(np.abs(self.found["mrcnn_detection"] - expected).max())
        rows.append(Row("mrcnn_detection", expected.shape, error, error / np.abs(expected).max()))
        expected = self.golden["mrcnn_mask_of_class"]
        ids = self.golden["class_ids"]
        ours = self.found["mrcnn_mask"][0][np.arange(len(ids)), :, :, ids]
        error = float(np.abs(ours - expected).max())
        rows.append(Row("mrcnn_mask (own class)", expected.shape, error, error))
        found = self.detections()
        if np.array_equal(found["class_ids"], ids):
            for name in ("rois", "scores"):
                error = float(np.abs(found[name] - self.golden[name]).max())
                rows.append(Row(f"detect: {name}", self.golden[name].shape, error, error))
            same = float(np.mean(found["masks"] == self.stored_masks()))
            note = f"{same:.4%} of pixels equal, IoU >= {self.mask_iou(found['masks']).min():.4f}"
            rows.append(Row("detect: masks", self.stored_masks().shape, 1 - same, 1 - same, note))
        return rows

    def mask_iou(self, masks: np.ndarray) -> np.ndarray:
        """IoU of each mask with the stored one."""
        stored = self.stored_masks()
        return (stored & masks).sum((0, 1)) / (stored | masks).sum((0, 1))
