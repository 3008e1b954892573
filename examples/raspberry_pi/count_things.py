"""Counts different things that pass a camera.

python count_things.py model.tflite camera        (the Pi's own, or a USB camera)
python count_things.py model.tflite play:FOLDER   (a folder's photos as if from a camera)
"""

import sys

from maskdet.errors import MaskdetError
from maskdet.runtime import Detector
from maskdet.runtime.cameras import FolderCamera, open_camera
from maskdet.runtime.tracker import Tracker


def main(model, source, frames=None):
    detector, tracker = Detector(model), Tracker()
    played = source.startswith("play:")
    camera = FolderCamera(source[5:]) if played else open_camera(source, (640, 480))
    with camera:
        for number, image in enumerate(camera, start=1):
            found, tracks = tracker.update(detector.detect(image))
            here = ", ".join(f"{n} #{t}" for n, t in zip(found.names, tracks, strict=True))
            print(f"{number}: {here or 'nothing'}   so far {dict(tracker.totals)}")
            if number == frames:
                break


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:3], *map(int, sys.argv[3:4]))
    except MaskdetError as error:
        sys.exit(str(error))
