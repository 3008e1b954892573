"""The page in a real browser: what people give, see and take away."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from maskdet import Dataset, Detections
from maskdet.images import png_bytes, read_image
from maskdet.page.folder import BUILT
from tests.exporters.conftest import photos, seeded_model
from tests.page.browser import chromium
from tests.page.looks_pages import assemble, foreign, served

pytestmark = pytest.mark.browser

PATIENCE = 60_000  # milliseconds; the network is small, the machine may be busy
HUGE = (8000, 6250)  # 50 megapixels


@pytest.fixture(scope="module")
def browser(playwright):
    if not (BUILT / "app.js").is_file():
        pytest.skip("needs the built page: make web")
    with chromium(playwright, ["--use-fake-device-for-media-stream"]) as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory):
    """The page of a detector with masks; a browser comes first, as making a network takes long."""
    folder = tmp_path_factory.mktemp("page")
    model = folder / "model.tflite"
    seeded_model().export(model, precision="float32", verify=False, progress=False)
    (folder / "cat.png").write_bytes(png_bytes(photos(1)[0]))
    assemble(folder / "page", model, [folder / "cat.png"], "Cats & bolts")
    return folder / "page"


@pytest.fixture(scope="module")
def address(folder):
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """The page, ready; asks no other host and says nothing wrong on the console."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    faults = []
    page.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    requests = []
    context.on("request", lambda request: requests.append(request.url))
    opened(page, address)
    yield page
    context.close()
    assert faults == []
    assert [url for url in requests if not url.startswith((address, "blob:", "data:"))] == []


def opened(page, address):
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("body[data-state=ready]")


def give(page, files):
    """Chooses files of (name, content)."""
    parts = [
        {"name": name, "mimeType": "image/png", "buffer": content}
        for name, content in files.items()
    ]
    page.set_input_files("#choose", parts)


def drop(page, files, event="drop"):
    """Drops files of (name, content) as a hand would."""
    items = [[name, base64.b64encode(content).decode()] for name, content in files.items()]
    transfer = page.evaluate_handle(
        """items => {
            const transfer = new DataTransfer();
            for (const [name, content] of items) {
                const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
            }
            return transfer;
        }""",
        items,
    )
    page.dispatch_event("#drop", event, {"dataTransfer": transfer})


def finished(page, count):
    """Waits until so many cards are done or at fault; their states by name."""
    cards = page.locator(".card[data-state=done], .card[data-state=fault]")
    cards.nth(count - 1).wait_for()
    assert page.locator(".card").count() == count
    return dict(
        page.locator(".card").evaluate_all(
            "cards => cards.map(card => "
            "[card.querySelector('.card-name').textContent, card.dataset.state])"
        )
    )


def answers(page):
    return page.evaluate("maskdetPage.answers()")


def fault_of(page, name):
    card = page.locator(".card", has=page.get_by_text(name, exact=True))
    return card.locator(".card-fault").inner_text()


def pictures(count):
    return {f"photo {k}.png": png_bytes(photo) for k, photo in enumerate(photos(count))}


def huge_png():
    content = io.BytesIO()
    Image.new("1", HUGE).save(content, format="PNG")
    return content.getvalue()


def saved(page, button, path):
    """Presses a button and keeps what it downloads."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    download.value.save_as(path)
    return download.value.suggested_filename


def test_eight_photos_dropped_at_once_are_all_looked_at(page):
    drop(page, pictures(8))
    assert set(finished(page, 8).values()) == {"done"}
    sizes = [(answer["result"]["height"], answer["result"]["width"]) for answer in answers(page)]
    assert sizes == [photo.shape[:2] for photo in photos(8)]
    assert page.locator("#status").inner_text() == "8 photos done."


def test_of_more_than_eight_the_others_wait_and_come_in_turn(page):
    page.evaluate(
        """() => {
            window.most = 0;
            window.said = [];
            new MutationObserver(() => {
                const open = ".card[data-state=waiting], .card[data-state=looking]";
                most = Math.max(most, document.querySelectorAll(open).length);
                said.push(document.querySelector("#status").textContent);
            }).observe(document.body, { subtree: true, childList: true, attributes: true });
        }"""
    )
    drop(page, pictures(12))
    finished(page, 12)
    assert [answer["name"] for answer in answers(page)] == list(pictures(12))
    assert page.evaluate("most") == 8
    assert any("4 photos wait." in line for line in page.evaluate("said"))


def test_what_waits_can_be_cancelled_and_all_be_cleared(page):
    drop(page, pictures(12))
    page.click("#cancel")
    finished(page, page.locator(".card").count())
    assert 1 <= page.locator(".card").count() < 12
    page.click("#clear")
    assert page.locator(".card").count() == 0
    assert answers(page) == []
    assert page.locator("#status").inner_text() == "Ready: give a photo."


def test_each_bad_file_gets_its_sentence_and_the_good_one_is_done(page):
    good = png_bytes(photos(1)[0])
    jpeg = io.BytesIO()
    Image.fromarray(photos(1)[0]).save(jpeg, format="JPEG")
    files = {
        "broken.png": good[: len(good) // 2],
        "cut.jpg": jpeg.getvalue()[: len(jpeg.getvalue()) // 2],
        "notes.jpg": b"Dear diary, this is no picture at all.",
        "big.png": huge_png(),
        "empty.png": b"",
        "phone.heic": b"\0\0\0\x18ftypheic" + bytes(100),
        "good.png": good,
    }
    give(page, files)
    states = finished(page, len(files))
    assert states.pop("good.png") == "done"
    assert set(states.values()) == {"fault"}
    assert fault_of(page, "broken.png") == "broken.png is damaged and cannot be read."
    assert fault_of(page, "cut.jpg") == "cut.jpg is damaged and cannot be read."
    assert fault_of(page, "notes.jpg").startswith("notes.jpg is no picture")
    assert fault_of(page, "big.png") == (
        "big.png has 50 megapixels; this page takes up to 40. Make it smaller and try again."
    )
    assert fault_of(page, "empty.png") == "empty.png is empty."
    assert "cannot read phone.heic" in fault_of(page, "phone.heic")
    assert page.locator("#status").inner_text().startswith("1 photo done. 6 photos could not")


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("page.json", r"page\.json is not beside this page; export the page again\."),
        ("model.tflite", r"model\.tflite.*(not|cannot|missing).*\."),
    ],
)
def test_a_missing_file_is_told_and_the_page_takes_nothing(
    browser, folder, tmp_path, gone, sentence
):
    shutil.copytree(folder, tmp_path / "page", symlinks=True)
    (tmp_path / "page" / gone).unlink()
    with foreign(tmp_path / "page") as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("body[data-state=fault]", timeout=PATIENCE)
        assert re.search(sentence, page.locator("#status").inner_text())
        assert page.locator("#choose").is_disabled()
        assert page.locator("#load-address").is_disabled()
        drop(page, pictures(1))
        assert page.locator(".card").count() == 0
        page.close()


def test_names_are_text_whatever_they_say(page):
    name = "<img src=x onerror=document.title='taken'>.png"
    drop(page, {name: png_bytes(photos(1)[0]), "<b>.png": b""})
    finished(page, 2)
    assert page.locator(".card-name").first.inner_text() == name
    assert fault_of(page, "<b>.png") == "<b>.png is empty."
    assert page.locator("main img[src=x], main b").count() == 0
    assert page.title() == "Cats & bolts"


def test_the_threshold_changes_what_is_listed_without_a_new_run(page):
    give(page, pictures(2))
    finished(page, 2)
    before = answers(page)
    scores = [[d["score"] for d in answer["result"]["detections"]] for answer in before]
    middle = float(np.median(sum(scores, [])))
    for threshold in (0.05, round(middle, 2), 1):
        page.locator("#threshold").fill(str(threshold))
        page.wait_for_timeout(200)  # drawn with the next frame
        listed = [card.locator(".objects li").count() for card in page.locator(".card").all()]
        assert listed == [sum(score >= threshold for score in row) for row in scores]
        assert page.locator("#threshold-value").inner_text() == f"{threshold:.2f}"
    assert page.get_by_text("No object found").count() == 2
    assert answers(page) == before


def test_downloads_are_what_maskdet_writes_and_reads(page, tmp_path):
    """JSON is read by Detections.load, and VOC XML is the very text that maskdet makes of it."""
    [(name, content)] = pictures(1).items()
    give(page, {name: content})
    finished(page, 1)
    page.locator("#threshold").fill("0.3")
    assert saved(page, f"JSON of {name}", tmp_path / "found.json") == "photo 0.json"
    assert saved(page, f"VOC XML of {name}", tmp_path / "photo 0.xml") == "photo 0.xml"

    detections = Detections.load(tmp_path / "found.json")
    [answer] = answers(page)
    shown = [d for d in answer["result"]["detections"] if d["score"] >= 0.3]
    assert len(shown) >= 2
    np.testing.assert_array_equal(detections.boxes, [d["box"] for d in shown])
    assert detections.names == [d["className"] for d in shown]
    assert detections.has_masks
    assert detections.small_masks.max() > 0.5

    text = (tmp_path / "photo 0.xml").read_text(encoding="utf-8")
    assert text == detections.to_voc_xml(filename=name)
    (tmp_path / name).write_bytes(content)
    dataset = Dataset.load(tmp_path)
    boxes, _ = dataset.load_boxes(0)
    height, width = photos(1)[0].shape[:2]
    expected = np.clip(np.around(detections.boxes), 0, [height, width, height, width])
    np.testing.assert_array_equal(boxes, expected)


def test_pixels_are_those_that_maskdet_reads(page, tmp_path):
    """Turned by EXIF, of a palette, with a gamma: the results are those of the plain pixels."""
    photo = Image.fromarray(photos(1)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    photo.save(tmp_path / "turned.jpg", quality=95, subsampling=0, exif=exif)
    photo.quantize(64).save(tmp_path / "palette.png")
    gamma = PngInfo()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    photo.save(tmp_path / "gamma.png", pnginfo=gamma)
    photo.convert("L").save(tmp_path / "grey.png")
    paths = sorted(tmp_path.iterdir())
    for path in paths:
        give(page, {path.name: path.read_bytes()})
        give(page, {f"{path.name} as read": png_bytes(read_image(path))})
    finished(page, 2 * len(paths))
    results = [answer["result"] for answer in answers(page)]
    for given, plain in zip(results[::2], results[1::2], strict=True):
        assert given["detections"] and given == plain
    assert (results[-2]["height"], results[-2]["width"]) == (photo.width, photo.height)


def test_all_results_come_in_one_file(page, tmp_path):
    give(page, {**pictures(3), "broken.png": b"no"})
    finished(page, 4)
    with page.expect_download() as download:
        page.click("#download-all")
    download.value.save_as(tmp_path / "all.json")
    content = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert [result["filename"] for result in content["results"]] == list(pictures(3))
    assert {result["format"] for result in content["results"]} == {"maskdet.detections"}


def test_the_drawn_picture_is_the_photo_with_boxes_on_it(page, tmp_path):
    photo = np.full((100, 120, 3), 200, np.uint8)
    give(page, {"grey.png": png_bytes(photo)})
    finished(page, 1)
    page.locator("#threshold").fill("0.05")
    name = saved(page, "PNG picture of grey.png with drawings", tmp_path / "drawn.png")
    assert name == "grey_drawn.png"
    drawn = np.asarray(Image.open(tmp_path / "drawn.png").convert("RGB")).astype(int)
    assert drawn.shape == photo.shape
    coloured = np.ptp(drawn, axis=2) > 60
    assert coloured.any() == bool(answers(page)[0]["result"]["detections"])


def test_the_keyboard_alone_does_it_all(page):
    """A sample by Enter, the threshold by arrows, a card removed; the focus is always seen."""
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(focused.get_attribute("id") or focused.get_attribute("aria-label"))
        assert focused.evaluate("e => e.matches(':focus-visible')")
        if reached[-1] == "threshold":
            break
    expected = ["choose", "address", "load-address", "camera-start"]
    assert reached == [*expected, "Look at the sample 1.jpg", "threshold"]

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert finished(page, 1) == {"1.jpg": "done"}
    page.keyboard.press("Tab")
    before = page.locator("#threshold").input_value()
    page.keyboard.press("ArrowRight")
    assert page.locator("#threshold").input_value() > before

    while page.locator(":focus").get_attribute("aria-label") != "Remove 1.jpg":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator(".card").count() == 0
    assert page.locator(":focus").get_attribute("id") == "choose"


def test_a_card_can_be_shown_larger(page):
    give(page, pictures(2))
    finished(page, 2)
    page.set_viewport_size({"width": 1200, "height": 900})
    first = page.locator(".card").first
    before = first.bounding_box()["width"]
    toggle = page.get_by_role("button", name="Show photo 0.png larger")
    toggle.press("Enter")
    assert toggle.get_attribute("aria-pressed") == "true"
    assert first.bounding_box()["width"] > 2 * before
    toggle.press("Enter")
    assert first.bounding_box()["width"] == before


def test_the_drop_place_opens_the_choice_of_files(page):
    with page.expect_file_chooser() as chooser:
        page.click("#drop")
    assert chooser.value.is_multiple()
    with page.expect_file_chooser():
        page.focus("#choose")
        page.keyboard.press("Enter")


def test_a_pasted_picture_is_looked_at(page):
    content = base64.b64encode(png_bytes(photos(1)[0])).decode()
    page.evaluate(
        """content => {
            const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        content,
    )
    assert finished(page, 1) == {"image.png": "done"}


def test_an_address_is_asked_for_only_when_told(browser, address, tmp_path):
    """The picture of another host loads where it may be read; else one sentence says so."""
    (tmp_path / "far.png").write_bytes(png_bytes(photos(1)[0]))
    with foreign(tmp_path, cross_origin=True) as free, foreign(tmp_path) as closed:
        page = browser.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request))
        opened(page, address)
        page.fill("#address", f"{free}far.png")
        assert not [request for request in asked if request.url.startswith(free)]
        page.click("#load-address")
        assert finished(page, 1) == {"far.png": "done"}
        [request] = [request for request in asked if request.url.startswith(free)]
        assert not request.headers.get("referer") and not request.headers.get("cookie")

        for nowhere in (f"{closed}far.png", f"{free}gone.png"):
            page.click("#clear")
            page.fill("#address", nowhere)
            page.press("#address", "Enter")
            [(name, state)] = finished(page, 1).items()
            assert state == "fault"
            assert fault_of(page, name).startswith(f"{name} did not load from 127.0.0.1:")

        page.fill("#address", "cat.jpg")
        page.press("#address", "Enter")
        assert "begins with https://" in page.locator("#status").inner_text()
        page.close()


def test_the_camera_runs_live_and_stops(page):
    page.context.grant_permissions(["camera"])
    page.click("#camera-start")
    page.locator("#frame-rate", has_text=re.compile(r"\d+\.\d frames a second, .* ms")).wait_for()
    canvas = page.locator("#live-canvas")
    assert canvas.evaluate("c => [c.width, c.height]") == [640, 480]
    pixels = "c => Math.max(...c.getContext('2d').getImageData(0, 0, 99, 99).data.slice(0, 3))"
    assert canvas.evaluate(pixels) > 0
    page.click("#camera-stop")
    assert page.locator("#live").is_hidden()
    assert page.locator("#status").inner_text() == "The camera is off."
    give(page, pictures(1))  # the network is free again
    assert finished(page, 1) == {"photo 0.png": "done"}


def test_the_camera_stops_when_the_page_is_hidden(page):
    page.context.grant_permissions(["camera"])
    page.click("#camera-start")
    page.locator("#frame-rate", has_text="frames a second").wait_for()
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { get: () => true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert page.locator("#live").is_hidden()
    assert "because the page was hidden" in page.locator("#status").inner_text()


def test_a_page_hidden_while_the_camera_starts_says_so(page):
    page.context.grant_permissions(["camera"])
    page.evaluate(
        """() => {
            const { play } = HTMLVideoElement.prototype;
            HTMLVideoElement.prototype.play = function () {
                const started = play.call(this);
                Object.defineProperty(document, "hidden", { get: () => true });
                document.dispatchEvent(new Event("visibilitychange"));
                return started;
            };
        }"""
    )
    page.click("#camera-start")
    page.locator("#status", has_text="The camera").wait_for()
    page.wait_for_timeout(300)
    expected = "The camera was stopped because the page was hidden."
    assert page.locator("#status").inner_text() == expected


def test_a_camera_that_is_not_allowed_is_told(page):
    page.context.clear_permissions()
    page.click("#camera-start")
    page.locator("#status", has_text="The camera is not allowed").wait_for()
    assert page.locator("#camera-start").is_visible()


def test_the_policy_stands_before_all_else(page):
    first = page.locator("head > *").first
    assert first.get_attribute("http-equiv") == "Content-Security-Policy"
    policy = first.get_attribute("content")
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self';" in policy
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_stands_out_at_the_side(browser, address, width):
    context = browser.new_context(viewport={"width": width, "height": 700})
    page = context.new_page()
    opened(page, address)
    give(page, {f"{'long' * 30}.png": png_bytes(photos(1)[0])})
    finished(page, 1)
    assert page.locator("html").evaluate("e => e.scrollWidth") == width
    context.close()


def test_a_card_out_of_sight_holds_no_pixels(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 500})
    page = context.new_page()
    opened(page, address)
    drop(page, pictures(12))
    finished(page, 12)
    page.wait_for_timeout(500)
    widths = page.locator(".card canvas").evaluate_all("all => all.map(c => c.width)")
    assert max(widths) > 0
    assert widths[-1] == 0 or widths[0] == 0
    page.locator(".card").last.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    assert page.locator(".card canvas").last.evaluate("c => c.width") > 0
    context.close()


def test_the_policy_holds_for_the_worker_too(browser, address, tmp_path):
    """Whatever runs beside the network cannot send anything to another host."""
    with foreign(tmp_path, cross_origin=True) as elsewhere:
        page = browser.new_page()
        opened(page, address)
        attempt = f"fetch('{elsewhere}').then(() => 'went out', () => 'held')"
        assert page.evaluate(attempt) == "held"
        # The first is the network's; its threads run in others, which answer nobody else.
        assert page.workers[0].evaluate(attempt) == "held"
        page.close()


def test_labels_of_a_small_photo_are_not_blurred(page):
    """A photo shown larger than it is has labels of the screen's pixels, not of its own few."""
    give(page, {"tiny.png": png_bytes(np.full((24, 32, 3), 90, np.uint8))})
    finished(page, 1)
    sides = page.locator(".card canvas").evaluate("c => [c.width, c.clientWidth]")
    assert sides[1] > 200 and sides[0] == sides[1]


def test_a_list_that_was_opened_stays_open(page):
    """Phones send "resize" whenever their address bar comes or goes, as on scrolling."""
    page.locator("#threshold").fill("0.05")
    give(page, pictures(1))
    finished(page, 1)
    summary = page.locator(".card summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.set_viewport_size({"width": 700, "height": 600})
    page.wait_for_timeout(200)
    assert page.locator(".card details").get_attribute("open") is not None
    assert summary.evaluate("e => e === document.activeElement")
    page.locator("#threshold").fill("0.06")
    page.wait_for_timeout(200)
    assert page.locator(".card details").get_attribute("open") is not None


def test_a_camera_held_upright_has_labels_as_large_as_others(page):
    """Nothing but the picture is in the canvas, so its width is what labels are measured by."""
    page.evaluate(
        """() => {
            const canvas = document.createElement("canvas");
            Object.assign(canvas, { width: 480, height: 640 });
            const context = canvas.getContext("2d");
            setInterval(() => context.fillRect(0, 0, 480, 640), 50);
            navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
        }"""
    )
    page.set_viewport_size({"width": 390, "height": 800})
    page.click("#camera-start")
    page.locator("#frame-rate", has_text="frames a second").wait_for()
    canvas = page.locator("#live-canvas")
    assert canvas.evaluate("c => [c.width, c.height]") == [480, 640]
    box = canvas.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(480 / 640, abs=0.01)
    assert box["height"] < 800
    page.click("#camera-stop")


def test_results_that_cannot_be_written_are_told(page):
    give(page, pictures(1))
    finished(page, 1)
    page.evaluate("() => { Blob = function () { throw new RangeError('Invalid string length') } }")
    page.click("#download-all")
    page.locator("#status", has_text="The file was not made (Invalid string length)").wait_for()


def test_of_several_dropped_addresses_the_first_is_offered(page):
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            const lines = ["# two", "https://one.invalid/a.jpg", "https://two.invalid/b.jpg"];
            dataTransfer.setData("text/uri-list", lines.join("\\r\\n"));
            document.dispatchEvent(new DragEvent("drop", { dataTransfer }));
        }"""
    )
    assert page.locator("#address").input_value() == "https://one.invalid/a.jpg"
