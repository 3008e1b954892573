"""What benchmarks/detect.py measures: the whole command, and its network alone.

The only file of that benchmark that knows the engine's inner parts.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import reference_rate, seconds_of
from trained import loaded

from maskdet.errors import DataError
from maskdet.images import read_image
from maskdet.inference import detect as engine
from maskdet.jobs.exported import is_exported
from maskdet.photo_results import asked_photos
from maskdet.runtime.opening import open_file

ROOT = Path(__file__).resolve().parents[1]
#: The start that a command may have, in seconds.
START = 4.0


def readable_photos(folder, count):
    """The first photos of a folder that are whole."""
    photos = []
    for asked in asked_photos([folder]):
        try:
            read_image(asked.path)
        except DataError:
            continue
        photos.append(asked.path)
        if len(photos) == count:
            break
    return photos


def command_seconds(weights, photos, out):
    """(until the first photo's line, until the end) of the command."""
    command = [sys.executable, "-u", "-m", "maskdet", "detect", str(weights), *map(str, photos)]
    begun = time.perf_counter()
    with subprocess.Popen(
        [*command, "--out", str(out), "--overwrite"], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        process.stdout.readline()
        first = time.perf_counter() - begun
        lines = process.stdout.read().count(b"\n") + 1
    whole = time.perf_counter() - begun
    if process.returncode or lines != len(photos):
        raise RuntimeError(f"the command ended with {process.returncode} after {lines} lines")
    return first, whole


def network_of(weights, photos):
    """What gives the seconds of the network alone on all photos; how many photos it takes at once,
    and its side in pixels."""
    images = map(read_image, photos)
    if is_exported(weights):
        return network_of_file(weights, list(images))
    trained = loaded(weights).trained
    batches = list(engine._batches(trained, images, engine.prepare_of(trained)))

    def run():
        for batch in batches:
            engine._run(trained, trained.network, batch)

    return lambda: seconds_of(run), len(batches[0].placements), int(trained.config.IMAGE_SHAPE[0])


def network_of_file(path, images):
    """Likewise, for an exported file, which takes photos one by one."""
    predictor = open_file(path)

    def seconds():
        total = 0.0
        for image in images:
            predictor.place(image)
            total += seconds_of(predictor.invoke)
        return total

    return seconds, 1, predictor.input_shape[0]


def row_of(weights, photos, folder, rounds):
    """A row: medians over rounds of the command and of the network, in turns."""
    weights = Path(weights).resolve()
    network_seconds, batch, side = network_of(weights, photos)
    network_seconds()  # compiles
    firsts, wholes, networks = [], [], []
    for number in range(rounds):
        first, whole = command_seconds(weights, photos, folder / str(number))
        firsts.append(first)
        wholes.append(whole)
        networks.append(network_seconds())
    start, alone = statistics.median(firsts), statistics.median(networks)
    whole = statistics.median(wholes)
    after = 1 - batch / len(photos)  # share of photos behind the first batch
    return {
        "photos": len(photos),
        "batch": batch,
        "side": side,
        "rounds": rounds,
        "start_s": start,
        "whole_s": whole,
        "network_s": alone,
        "rest_over_network": (whole - start) / (alone * after) if after else "",
        "beyond_4s_over_network": (whole - START) / alone,
        "machine_gflops": reference_rate(),
    }
