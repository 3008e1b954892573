"""How quickly a page looks at photos in the browser, beside maskdet.runtime with the same file.

    python benchmarks/page.py --page page/ --photos PHOTOS
    python benchmarks/page.py --page balloon/ insects/ --photos PHOTOS --flavour plain threads

A page is what `model.export("page/")` writes. Photos are given to it as PNG files, a few at a time,
in headless Chromium; the runtime sees the same pixels on one thread, in turns with it. Times are
from a photo's pixels to its result: placing, network, decoding. Flavours are LiteRT's builds of
WebAssembly: "plain" and "compat" run on one thread. A row for each of both goes to page.csv.
"""

import functools
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

from common import command_line, keep_rows, print_table

from maskdet.page.folder import FLAVOURS

SIDE = 640
AT_ONCE = 8
SHOWN = ["page", "flavour", "threads", "network ms", "page ms", "runtime ms", "ratio"]


def main():
    args = parse_arguments()
    from playwright.sync_api import sync_playwright

    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        rounds = 2 if args.quick else args.rounds
        photos = png_photos(args.photos, Path(folder), AT_ONCE)
        browser = play.chromium.launch(
            executable_path=args.browser, args=["--no-sandbox"], headless=True
        )
        for page in args.page:
            for flavour in args.flavour:
                row = times(browser, page, flavour, photos, rounds)
                rows.append({"browser": browser.version, **row})
                keep_rows(args, rows[-1:])
        browser.close()
    print_table(rows, SHOWN)


def parse_arguments():
    parser = command_line(__file__, __doc__)
    parser.add_argument("--page", nargs="+", type=Path, required=True, help="folders of pages")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument(
        "--flavour", nargs="+", choices=list(FLAVOURS), default=["plain"], help="(default: plain)"
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help=f"of {AT_ONCE} photos (default: %(default)s)"
    )
    parser.add_argument("--browser", default="/usr/bin/chromium", help="(default: %(default)s)")
    return parser.parse_args()


def png_photos(source, folder, count):
    """Paths of photos of SIDE x SIDE / 4 * 3 pixels, as PNG: both sides decode them to the same."""
    from PIL import Image

    from maskdet.images import read_image, save_picture, scaled
    from maskdet.photo_results import asked_photos

    paths = []
    for number, photo in enumerate(asked_photos([source])[:count]):
        paths.append(folder / f"{number}.png")
        pixels = scaled(read_image(photo.path), (SIDE * 3 // 4, SIDE))
        save_picture(paths[-1], Image.fromarray(pixels))
    if not paths:
        raise SystemExit(f"page.py: there are no photos in {source}.")
    return paths


def times(browser, page_folder, flavour, photos, rounds):
    """A row: medians over all rounds but the first, which warms both up."""
    from maskdet.images import read_image
    from maskdet.page.server import PageServer
    from maskdet.runtime import open_file

    predictor = open_file(page_folder / "model.tflite", threads=1, min_confidence=0.0)
    images = [read_image(path) for path in photos]
    in_page, in_runtime = [], []
    with PageServer(page_folder, port=0) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.1), daemon=True)
        thread.start()
        tab = browser.new_page()
        tab.goto(f"{server.url}?flavour={flavour}")
        tab.wait_for_selector("body[data-state=ready]", timeout=120_000)
        engine = tab.inner_text("#engine")
        for number in range(rounds + 1):
            answers = looked_at(tab, photos)
            milliseconds = [seconds_of(predictor.predict, image) * 1e3 for image in images]
            if number:
                in_page += answers
                in_runtime += milliseconds
        tab.close()
        server.shutdown()
    network = statistics.median(answer["network"] for answer in in_page)
    whole = statistics.median(sum(answer.values()) for answer in in_page)
    runtime = statistics.median(in_runtime)
    return {
        "page": page_folder.name,
        "flavour": flavour,
        "engine": engine,
        "threads": 1 if flavour != "threads" else os.cpu_count(),
        "MB": round((page_folder / "model.tflite").stat().st_size / 1e6, 2),
        "photos": len(in_page),
        "network ms": round(network, 2),
        "page ms": round(whole, 2),
        "runtime ms": round(runtime, 2),
        "ratio": round(whole / runtime, 3),
    }


def looked_at(tab, photos):
    """Times of each photo by their names, once the page has looked at all of them."""
    tab.set_input_files("#choose", [str(path) for path in photos])
    done = tab.locator(".card[data-state=done]")
    # The page's policy forbids what would wait for a function.
    done.nth(len(photos) - 1).wait_for(state="attached", timeout=600_000)
    answers = tab.evaluate("window.maskdetPage.answers().map(answer => answer.times)")
    tab.click("#clear")
    return answers


def seconds_of(call, image):
    begun = time.perf_counter()
    call(image)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
