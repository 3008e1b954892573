"""What int8 does to boxes and masks: agreement with the float32 file, by how weights are rounded.

    python benchmarks/int8.py --model FILE.h5 --data FOLDER [--calibration FOLDER]

The objects of the float32 file from a score of 0.3 are looked up in each int8 file (same class,
best IoU). Beside the ways of rounding it tries what was left out: more of the network in floats or
less, calibration without its widest photos, exact sums not at all or with powers of two. Prints a
table and appends its rows to benchmarks/int8.csv with machine, versions and settings.
"""

import contextlib
import re
import tempfile
from pathlib import Path
from unittest import mock

from common import command_line, keep_rows, print_table, seconds_of

SCORE = 0.3
PHOTOS, QUICK_PHOTOS = 100, 8


def rounded_to_nearest(weights, axis):
    """Weights as whole multiples of their channel's step, each to the nearest."""
    import numpy as np

    from maskdet.exporters.rounding import LEVELS

    others = tuple(i for i in range(weights.ndim) if i != axis)
    step = np.abs(weights).max(axis=others, keepdims=True) / LEVELS
    step = np.where(step > 0, step, 1.0)
    return np.asarray(np.rint(weights / step) * step, dtype=weights.dtype)


def without_means(correct):
    """correct_rounding that leaves biases alone."""
    return lambda model, means, *others: correct(model, {}, *others)


def power_of_two(least):
    """The smallest power of two that is not below ``least``."""
    import math

    return 2.0 ** math.ceil(math.log2(least))


def changes(way):
    """Contexts in which the exporter quantises that way."""
    from maskdet.exporters import exact_sums, quantize, rounding

    nearest = mock.patch.object(rounding, "rounded", rounded_to_nearest)
    no_means = mock.patch.object(
        quantize, "correct_rounding", without_means(quantize.correct_rounding)
    )
    return {
        "to the nearest step": [nearest, no_means],
        "and the mean error into the bias": [nearest],
        "each window's sum stays": [no_means],
        "both": [],
        **dict.fromkeys(FLOATS, []),
        "both, SiLUs' ranges to their ends": [
            mock.patch.object(quantize, "cut_flat_ranges", lambda *arguments: None)
        ],
        "both, no exact sums": [
            mock.patch.object(quantize, "make_sums_exact", lambda *arguments: None)
        ],
        "both, steps of powers of two": [mock.patch.object(exact_sums, "short_step", power_of_two)],
        **{f"both, without the widest {share} %": [widest_left_out(share)] for share in WIDEST},
    }[way]


WIDEST = (2, 5, 10, 20)
# What else stays in floats, and what of the family's no longer does: regular expressions.
FLOATS = {
    "both, first convolution in floats": ("", ""),
    "both, stage 1 in floats": ("|stage1_", ""),
    "both, stages 1 to 3 in floats": ("|stage[123]_", ""),
    "both, all of the trunk in integers": ("", r"\|stage1_focus\|stage2_down"),
    "both, boxes' depthwise layers in integers": ("", r"box\|"),
}
# In these no convolution multiplies integers and gives floats.
NOT_DYNAMIC = ("both, first convolution in floats", "both, all of the trunk in integers")
WAYS = (
    "to the nearest step",
    "and the mean error into the bias",
    "each window's sum stays",
    "both",
    "both, SiLUs' ranges to their ends",
    *FLOATS,
    "both, no exact sums",
    "both, steps of powers of two",
    *(f"both, without the widest {share} %" for share in WIDEST),
)


def widest_left_out(share):
    """A context in which each tensor's range leaves out that share of photos at both ends."""
    import numpy as np

    from maskdet.exporters import tflite

    usual = tflite.activation_statistics

    def statistics(content, samples, threads):
        samples = list(samples)
        whole = usual(content, samples, threads)
        single = [usual(content, [sample], threads).ranges for sample in samples]
        for name in whole.ranges:
            lows, highs = zip(*(ranges[name] for ranges in single), strict=True)
            low, high = np.quantile(lows, share / 100), np.quantile(highs, 1 - share / 100)
            whole.ranges[name] = (float(low), float(high))
        return whole

    return mock.patch.object(tflite, "activation_statistics", statistics)


def exported(model, photos, precision, way, folder):
    """A detector of an exported file, and the file's size in MB."""
    from maskdet.runtime import Detector

    path = Path(folder) / "model.tflite"
    family = type(model.family)
    with contextlib.ExitStack() as stack:
        for change in changes(way) if precision == "int8" else []:
            stack.enter_context(change)
        if way in FLOATS:
            more, less = FLOATS[way]
            layers = re.sub(less, "", family.float_layers) if less else family.float_layers
            stack.enter_context(mock.patch.object(family, "float_layers", layers + more))
        if way in NOT_DYNAMIC:
            stack.enter_context(mock.patch.object(family, "dynamic_layers", ""))
        model.export(path, precision, calibration=photos, verify=False, progress=False)
    return Detector(path, min_confidence=SCORE / 2), path.stat().st_size / 1e6


def agreement(expected, found):
    """Mean IoU of boxes, and of masks, that the float file's objects have in the int8 file."""
    import numpy as np

    from maskdet.geometry.boxes import pairwise_iou

    box_ious, mask_ious = [], []
    for ours, theirs in zip(expected, found, strict=True):
        overlaps = pairwise_iou(ours.boxes, theirs.boxes)  # (N, M)
        overlaps = overlaps * (ours.class_ids[:, None] == theirs.class_ids[None])
        for number in np.flatnonzero(ours.scores >= SCORE):
            best = overlaps[number].max(initial=0.0)
            box_ious.append(best)
            if ours.has_masks and best > 0:
                match = int(overlaps[number].argmax())
                one, other = ours.masks[..., number], theirs.masks[..., match]
                mask_ious.append((one & other).sum() / max((one | other).sum(), 1))
            elif ours.has_masks:
                mask_ious.append(0.0)
    scores = {"objects": len(box_ious), "box_iou": float(np.mean(box_ious or [np.nan]))}
    return scores | ({"mask_iou": float(np.mean(mask_ious))} if mask_ious else {})


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--model", required=True, metavar="FILE.h5", help="trained weights")
    parser.add_argument("--data", required=True, help="data set whose photos are compared")
    parser.add_argument("--calibration", help="data set for the ranges (default: --data)")
    parser.add_argument("--way", action="append", choices=WAYS, help="one of them (default: all)")
    args = parser.parse_args()

    from trained import loaded, opened

    model, dataset = loaded(args.model), opened(args.data)
    calibration = opened(args.calibration or args.data)
    most = QUICK_PHOTOS if args.quick else PHOTOS
    photos = [calibration.load_image(i) for i in calibration.image_ids[:most]]
    images = [dataset.load_image(i) for i in dataset.image_ids[:most]]
    settings = {"model": Path(args.model).name, "data": Path(args.data).name, "photos": len(images)}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        reference, _ = exported(model, photos, "float32", "", folder)
        expected = [reference.detect(image) for image in images]
        float_seconds = seconds_of(lambda: [reference.detect(image) for image in images])
        for way in args.way or ((WAYS[0], WAYS[3]) if args.quick else WAYS):
            detector, size = exported(model, photos, "int8", way, folder)
            found = [detector.detect(image) for image in images]
            seconds = seconds_of(lambda d=detector: [d.detect(image) for image in images])
            row = {"way": way, **agreement(expected, found), "MB": size}
            rows.append(row | {"time_to_float32": seconds / float_seconds})
    print_table(rows, ["way", "objects", "box_iou", "mask_iou", "MB", "time_to_float32"])
    keep_rows(args, [{**settings, **row} for row in rows])


if __name__ == "__main__":
    main()
