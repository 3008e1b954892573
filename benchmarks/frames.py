"""Frames a second of exported files, of this checkout and of others, in turns.

    python benchmarks/frames.py now=NEW.tflite before=OLD.tflite@CHECKOUT [--photo FILE]

Each file is run by the runtime of its own checkout (default: this one), on one thread, in a
process of numpy, Pillow and litert. A frame is a 640 x 480 photo that is placed, run, decoded, and
its masks put at full size: once those that are found in it, and once twenty that nearly fill it,
which is the most that a frame can cost. Prints medians of all rounds, and frames a second over
those of the last file; rows go to benchmarks/frames.csv.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import FOLDER, command_line, keep_rows, print_table

HEIGHT, WIDTH = 480, 640
STEPS = ("place_ms", "network_ms", "decode_ms", "paste_ms", "frame_ms", "paste20_ms", "frame20_ms")
COLUMNS = ("file", "objects", *STEPS, "a_second", "a_second_20", "ratio", "ratio_20")
FRAMES, WARM_UP = 40, 5
# Runs in the file's own checkout, whatever its age: what it calls has been there all along.
CHILD = """
import dataclasses, json, sys, time
import numpy as np
from maskdet.runtime import Detector
path, photo, large, frames, warm_up = sys.argv[1:]
detector = Detector(path, threads=1, min_confidence=0.3)
pixels, made = np.load(photo), np.load(large)
def median(call):
    times = []
    for _ in range(int(frames) + int(warm_up)):
        begun = time.perf_counter(); call(); times.append(time.perf_counter() - begun)
    return 1e3 * sorted(times[int(warm_up):])[int(frames) // 2]
found = detector.detect(pixels)
count = len(made["boxes"])
full = dataclasses.replace(
    found, boxes=made["boxes"], small_masks=made["masks"],
    class_ids=np.ones(count, np.int32), scores=np.linspace(0.9, 0.5, count),
)
placed, _ = detector._placed(pixels.shape[:2])
times = {
    "place_ms": median(lambda: detector._fed(pixels, placed)),
    "network_ms": median(detector._interpreter.invoke),
    "paste_ms": median(lambda: found.masks),
    "frame_ms": median(lambda: detector.detect(pixels).masks),
    "paste20_ms": median(lambda: full.masks),
}
def frame20():
    detector.detect(pixels)
    full.masks
times["frame20_ms"] = median(frame20)
times["decode_ms"] = (
    median(lambda: detector.detect(pixels)) - times["place_ms"] - times["network_ms"]
)
print(json.dumps({"objects": len(found), **times}))
"""


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("files", nargs="+", metavar="NAME=FILE.tflite[@CHECKOUT]")
    parser.add_argument("--photo", help="any photo; default: a scene that is made")
    parser.add_argument("--rounds", type=int, help="default 7, --quick: 1")
    args = parser.parse_args()

    files = [parsed(text) for text in args.files]
    rounds = args.rounds or (1 if args.quick else 7)
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), args.photo)
        times = {name: [] for name, _, _ in files}
        for _ in range(rounds):
            for name, path, checkout in files:
                times[name].append(frames_of(path, checkout, Path(folder)))
    rows = []
    for name, _, _ in files:
        row = {step: statistics.median(t[step] for t in times[name]) for step in STEPS}
        row |= {"file": name, "objects": times[name][0]["objects"], "rounds": rounds}
        row["a_second"], row["a_second_20"] = 1e3 / row["frame_ms"], 1e3 / row["frame20_ms"]
        rows.append(row)
    for row in rows:
        row["ratio"] = row["a_second"] / rows[-1]["a_second"]
        row["ratio_20"] = row["a_second_20"] / rows[-1]["a_second_20"]
    print_table(rows, COLUMNS)
    keep_rows(args, rows)


def parsed(text):
    """(name, file, checkout) of NAME=FILE@CHECKOUT."""
    name, _, rest = text.rpartition("=")
    path, _, checkout = rest.partition("@")
    return name or Path(path).stem, Path(path).resolve(), Path(checkout or FOLDER.parent).resolve()


def write_inputs(folder, photo):
    """The photo, and twenty masks that nearly fill it."""
    import numpy as np
    from paste_rows import SIZES, boxes, lobed_masks
    from PIL import Image

    from maskdet.data.scenes import make_scene
    from maskdet.images import read_image

    pixels = (
        read_image(photo) if photo else make_scene((HEIGHT, WIDTH), np.random.default_rng(0)).image
    )
    resized = Image.fromarray(pixels).resize((WIDTH, HEIGHT))
    np.save(folder / "photo.npy", np.asarray(resized))
    draws = np.random.default_rng(0)
    masks = lobed_masks(draws)
    np.savez(folder / "large.npz", masks=masks, boxes=boxes(draws, *SIZES["nearly full"]))


def frames_of(path, checkout, folder):
    """Median milliseconds of each step, in a process of its own."""
    counts = [str(FRAMES), str(WARM_UP)]
    inputs = [str(folder / "photo.npy"), str(folder / "large.npz")]
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), *inputs, *counts],
        capture_output=True,
        text=True,
        check=False,
        cwd=checkout,
    )
    if run.returncode:
        raise SystemExit(f"{path} cannot be run in {checkout}:\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
