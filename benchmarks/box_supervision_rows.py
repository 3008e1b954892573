"""What benchmarks/box_supervision.py measures: one training by a rule, and its masks' scores."""

import csv
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy_rows import MIN_SCORE, row_of
from common import seconds_of
from outlines_check import read_outlines
from trained import loaded
from training_step import TrainingStep, light_config

from maskdet.data.formats.voc import read_objects
from maskdet.data.selection import SelectedClasses
from maskdet.geometry.boxes import pairwise_iou
from maskdet.geometry.masks import fill_boxes
from maskdet.images import write_image
from maskdet.visualize.draw import draw_instances
from maskdet.visualize.sheet import contact_sheet

SUPERVISION = {"filled": "masks", "boxes": "boxes", "outlines": "masks"}
# What a person who looks at a photo would be shown.
SHOWN_SCORE = 0.5
FIGURES = ("box AP50", "box AP", "mask AP50", "mask AP", "overlap", "minutes")


class FilledBoxes(SelectedClasses):
    """A set whose masks are its boxes filled in, as the kangaroo tutorial's load_mask has them."""

    provides_masks = True

    def load_mask(self, image_id):
        boxes, class_ids = self.load_boxes(image_id)
        return fill_boxes(boxes, self.image_shape(image_id)), class_ids

    def load_outlined(self, image_id):
        return None


def measured(name, parts, rule, seed, args):
    """Train by a rule and score: the row's own columns.

    Args:
        name: of the set.
        parts: an ``accuracy_sets.Parts``.
        rule: "filled", "boxes" or "outlines".
        args: of the command line.
    """
    train = parts.train
    if rule == "filled":
        train = FilledBoxes(train, range(1, train.num_classes))
    args.s = [*args.s, f"MASK_SUPERVISION={SUPERVISION[rule]}"]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(args.keep or folder) / f"{name}_{rule}_{seed}.h5"
        try:
            row = row_of(replace(parts, train=train), seed, args, weights)
        finally:
            args.s = args.s[:-1]
        overlap = ""
        if name == "kangaroo" or args.sheet:
            model = loaded(weights, DETECTION_MIN_CONFIDENCE=MIN_SCORE)
            test = parts.test
            results = list(model.detections(map(test.load_image, test.image_ids)))
            if name == "kangaroo":
                overlap = mean_overlap(test, results)
            if args.sheet:
                draw_sheet(args.sheet, test, results, args.photos)
    return {"rule": rule, **row, "overlap": overlap}


def mean_overlap(dataset, results):
    """Mean IoU of masks with the outlines drawn by hand; of each object the mask of the detection
    whose box is nearest to its own, 0 where none overlaps it by half."""
    outlines = read_outlines()
    overlaps = []
    for image_id, detections in zip(dataset.image_ids, results, strict=True):
        path = Path(dataset.image_reference(image_id))
        outline = outlines.get(path.name)
        if outline is None:
            continue
        annotation = dataset.image_info[image_id]["annotation"]
        box = read_objects(annotation)[outline.number - 1].box
        shown = detections.filter(min_score=SHOWN_SCORE)
        ious = pairwise_iou(np.float32([box]), shown.boxes)[0]
        if not len(ious) or ious.max() < 0.5:
            overlaps.append(0.0)
            continue
        expected = outline.mask(dataset.image_shape(image_id))
        mask = shown.masks[..., int(ious.argmax())]
        overlaps.append(float((mask & expected).sum() / (mask | expected).sum()))
    if len(overlaps) != len(outlines):
        missing = len(outlines) - len(overlaps)
        raise SystemExit(
            f"box_supervision.py: {missing} photos with an outline are no test photos."
        )
    return float(np.mean(overlaps))


def draw_sheet(path, dataset, results, names=None):
    """Photos of a set with what was found in them: those of these names, else all."""
    pictures, titles = [], []
    for image_id, detections in zip(dataset.image_ids, results, strict=True):
        photo = Path(dataset.image_reference(image_id))
        if names and photo.stem not in names:
            continue
        shown = detections.filter(min_score=SHOWN_SCORE)
        pictures.append(
            draw_instances(
                dataset.load_image(image_id),
                shown.boxes,
                shown.class_ids,
                shown.class_names,
                masks=shown.masks,
            )
        )
        titles.append(photo.name)
    write_image(path, contact_sheet(pictures, titles, side=240), quality=85)


def step_times(rounds, batch):
    """A row for each stage: medians of training steps of MobileConfig by outlines and by boxes.

    Args:
        rounds: steps of each, in turns.
        batch: images a step.
    """
    rows = []
    for layers in ("heads", "all"):
        steps = {rule: TrainingStep(light_config(batch), layers, rule) for rule in (True, "boxes")}
        times = {rule: [] for rule in steps}
        for round_number in range(rounds + 1):  # the first one traces
            for rule, step in steps.items():
                seconds = seconds_of(step)
                if round_number:
                    times[rule].append(seconds)
        outlines, boxes = (1000 * statistics.median(times[rule]) for rule in (True, "boxes"))
        # Of each round, so that what else the machine did meanwhile cancels out.
        ratio = statistics.median(b / o for o, b in zip(*times.values(), strict=True))
        rows.append(
            {
                "rule": "step time",
                "layers": layers,
                "outlines ms": round(outlines, 1),
                "boxes ms": round(boxes, 1),
                "ratio": round(ratio, 3),
            }
        )
    return rows


def summary(path):
    """Means over seeds of the rows of a CSV file, newest of each, as a table."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["quick"] != "True" and row["set"]]
    newest = {(row["set"], row["rule"], row["settings"], row["seed"]): row for row in rows}
    kinds = dict.fromkeys(key[:3] for key in newest)
    lines = [("set", "rule", "settings", "seeds", *FIGURES)]
    for kind in kinds:
        own = [row for key, row in newest.items() if key[:3] == kind]
        means = []
        for figure in FIGURES:
            values = [float(row[figure]) for row in own if row.get(figure)]
            means.append(f"{statistics.mean(values):.3f}" if values else "")
        lines.append((*kind, str(len(own)), *means))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines
    )
