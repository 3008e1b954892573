"""Seconds to open a large VOC set the first time and from its index, and the memory that takes.

    python benchmarks/index.py [--photos 100000]

Writes a set of small photos and XML files into a temporary folder (400 MB for 100,000), opens it in
two processes after each other, and compares both with reading the bytes of all its files. Prints a
table and appends its rows to benchmarks/index.csv with machine, versions and settings.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import command_line, keep_rows, print_table, seconds_of

PHOTOS, QUICK_PHOTOS = 100_000, 2_000
SIZE = (48, 64)
# Opens a folder in a process of its own: seconds, and by how many MB its memory grew.
ALONE = """
import json, resource, sys, time
from maskdet import Dataset
import maskdet.data.formats, maskdet.data.index
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
before, begun = resident(), time.perf_counter()
dataset = Dataset.load(sys.argv[1], index=True)
seconds = time.perf_counter() - begun
print(json.dumps([seconds, resident() - before, len(dataset.image_ids)]))
"""


def write_set(folder, photos):
    """Photos that are all the same, each with an XML file of one box."""
    import numpy as np

    from maskdet.images import write_image

    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    write_image(folder / "JPEGImages" / "photo_000000.jpg", image)
    photo = (folder / "JPEGImages" / "photo_000000.jpg").read_bytes()
    (folder / "Annotations").mkdir()
    for number in range(photos):
        name = f"photo_{number:06d}"
        (folder / "JPEGImages" / f"{name}.jpg").write_bytes(photo)
        (folder / "Annotations" / f"{name}.xml").write_text(XML.format(name=name, size=SIZE))


XML = """<annotation>
    <folder>JPEGImages</folder>
    <filename>{name}.jpg</filename>
    <size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>
    <segmented>0</segmented>
    <object>
        <name>thing</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
        <bndbox><xmin>5</xmin><ymin>6</ymin><xmax>35</xmax><ymax>30</ymax></bndbox>
    </object>
</annotation>
"""


def read_bytes(folder):
    """Read every file of a folder, and nothing else."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def opened(folder, cache):
    """Seconds, MB and photos of opening a folder in a process of its own."""
    environment = {**os.environ, "MASKDET_HOME": str(cache)}
    command = [sys.executable, "-c", ALONE, str(folder)]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--photos", type=int, help=f"default {PHOTOS}; --quick: {QUICK_PHOTOS}")
    args = parser.parse_args()
    photos = args.photos or (QUICK_PHOTOS if args.quick else PHOTOS)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        write_set(folder, photos)
        reference = seconds_of(lambda: read_bytes(folder))
        rows.append({"what": "all files read as bytes", "seconds": reference})
        for what in ("first time", "from the index"):
            seconds, megabytes, count = opened(folder, Path(place) / "cache")
            assert count == photos, f"{count} of {photos} photos were opened"
            rows.append({"what": what, "seconds": seconds, "MB": megabytes})
    for row in rows:
        row["to_reading_bytes"] = row["seconds"] / reference
    print_table(rows, ["what", "seconds", "MB", "to_reading_bytes"])
    keep_rows(args, [{"photos": photos, **row} for row in rows])


if __name__ == "__main__":
    main()
