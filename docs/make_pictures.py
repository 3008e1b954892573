"""Makes the pictures in docs/images, of made scenes alone: ``make pictures``.

``python -m docs.make_pictures demo.jpg`` makes one of them. A new picture is a function
``draw(workshop, path)`` in ``docs/pictures/`` and a line in PICTURES.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from docs.pictures import demo, errors, pages, preview, report
from docs.pictures.workshop import Workshop

IMAGES = Path(__file__).parent / "images"
#: How each picture is made, by its name in docs/images.
PICTURES: dict[str, Callable[[Workshop, Path], None]] = {
    "demo.jpg": demo.draw,
    "page_detector.jpg": pages.draw_detector,
    "page_classifier.jpg": pages.draw_classifier,
    "report.jpg": report.draw,
    "preview.jpg": preview.draw,
    "errors.jpg": errors.draw,
}


def make(names: list[str], demo_folder: Path, images: Path = IMAGES) -> None:
    """Make pictures of these names.

    Args:
        names: keys of PICTURES.
        demo_folder: of ``make demo``, which is run there if it has not been.
        images: folder that the pictures go into.
    """
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="maskdet_pictures_") as folder:
        workshop = Workshop(demo_folder, Path(folder))
        for name in names:
            PICTURES[name](workshop, images / name)
            print(f"{name}: {(images / name).stat().st_size / 1000:.0f} kB")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Makes the pictures in docs/images.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--demo", type=Path, default=Path("demo_output"), help="make demo's folder")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where pictures go")
    args = parser.parse_args()
    unknown = set(args.names) - set(PICTURES)
    if unknown:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    make(args.names or list(PICTURES), args.demo, args.images)


if __name__ == "__main__":
    main()
