"""page_detector.jpg and page_classifier.jpg: pages of networks in a browser, photos looked at."""

import threading
from collections.abc import Sequence
from pathlib import Path

from docs.pictures.chromium import open_chromium
from docs.pictures.workshop import Workshop
from maskdet import open_model
from maskdet.data.dataset import Dataset
from maskdet.page.server import PageServer

CARDS = 3  # photos on a page: a row
SECONDS = 120  # that loading and each photo may take
# Objects that a detector's photo has: enough to see, and apart.
_OBJECTS = (2, 4)


def draw_detector(workshop: Workshop, path: Path) -> None:
    """The demo's detector, from its samples down to three photos held out of its training."""
    held_out = workshop.scenes["test"]
    page = workshop.folder / "page_detector"
    photos = photos_with(held_out, *_OBJECTS)
    open_model(workshop.demo / "scenes.h5").export(
        page,
        calibration=workshop.scenes["train"],
        samples=[held_out.image_info[i]["path"] for i in held_out.image_ids],
        progress=False,
    )
    take(page, photos[:CARDS], path, size=(1120, 1100), first="#address-title")


def draw_classifier(workshop: Workshop, path: Path) -> None:
    """A classifier of single things: the first held-out one of three kinds."""
    page = workshop.folder / "page_classifier"
    open_model(workshop.classifier).export(
        page, calibration=Dataset.load(workshop.things / "train"), progress=False
    )
    kinds = sorted((workshop.things / "val").iterdir(), reverse=True)
    photos = [min(kind.iterdir()) for kind in kinds]
    take(page, photos[:CARDS], path, size=(1120, 860), first="#toolbar")


def photos_with(dataset: Dataset, least: int, most: int) -> list[Path]:
    """Paths of a set's photos with so many objects."""
    counts = {i: len(dataset.load_boxes(i)[1]) for i in dataset.image_ids}
    return [
        Path(dataset.image_info[i]["path"]) for i, count in counts.items() if least <= count <= most
    ]


def take(page: Path, photos: Sequence[Path], path: Path, size: tuple[int, int], first: str) -> None:
    """Open a page in Chromium, give it photos, and write what is seen once all are looked at.

    Args:
        page: folder of the page.
        photos: to look at, in their order on the page.
        path: of the .jpg.
        size: (width, height) of the window in pixels.
        first: selector of what is to stand at the window's top.

    Raises:
        UsageError: where there is no Chromium.
    """
    with PageServer(page, port=0) as server, open_chromium() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        tab.set_default_timeout(1000 * SECONDS)
        tab.goto(server.url)
        tab.wait_for_selector("body[data-state=ready]")
        for number, photo in enumerate(photos):
            tab.set_input_files("#choose", photo)
            tab.locator(".card[data-state=done]").nth(number).wait_for()
        tab.evaluate(
            "name => scrollBy(0, document.querySelector(name).getBoundingClientRect().top - 24)",
            first,
        )
        tab.wait_for_timeout(1200)  # what moves comes to rest
        tab.screenshot(path=path, type="jpeg", quality=82)
        server.shutdown()
