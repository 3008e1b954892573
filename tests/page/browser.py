"""A page folder on a small server, in a real browser; skips where there is none."""

import contextlib
import functools
import http.server
import io
import json
import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from tests.page.node import WEB

BUILT = WEB.parent / "maskdet" / "page" / "built"
HTML = "<!doctype html><meta charset=utf-8><title>engine</title><script src=harness.js></script>"
# What the real page says, so that the engine is known to work under it.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "connect-src 'self'; img-src 'self' blob: data:"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder under the page's policy, cross-origin isolated or not."""

    def __init__(self, *args, isolated=False, **more):
        self.isolated = isolated
        super().__init__(*args, **more)

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        if self.isolated:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *args):
        """Nothing: tests read what they ask for."""


@contextlib.contextmanager
def served(folder, isolated=False):
    """The address of a folder on a server of this machine."""
    handler = functools.partial(Handler, directory=str(folder), isolated=isolated)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def started_playwright():
    """Playwright; skips without it. Only one can run in a process at a time."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        yield started


@contextlib.contextmanager
def chromium(playwright, arguments=()):
    """A browser; skips without Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium on this machine")
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
    try:
        yield browser
    finally:
        browser.close()


def make_folder(folder, models, probed=False):
    """The built engine with a harness, and for each (name, .tflite) its own facts."""
    if not (BUILT / "worker.js").exists():
        pytest.skip("the page is not built; run: cd web && npm ci && npm run build")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(HTML, encoding="utf-8")
    shutil.copy(WEB / "build" / "harness.js", folder / "harness.js")
    worker = WEB / "build" / "probed_worker.js" if probed else BUILT / "worker.js"
    shutil.copy(worker, folder / "worker.js")
    if not (folder / "wasm").exists():
        (folder / "wasm").symlink_to(BUILT / "wasm")
    for name, path in models.items():
        content = Path(path).read_bytes()
        (folder / f"{name}.tflite").write_bytes(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            facts = json.loads(archive.read("maskdet.json"))
        write_page(folder, name, facts)
    return folder


def write_page(folder, name, facts, model=None, **more):
    """``name``.json: the facts of a page, as maskdet writes them."""
    page = {
        "format": "maskdet.page",
        "version": 1,
        "title": name,
        "model": model or f"{name}.tflite",
        "wasm": ["plain", "threads", "compat"],
        "samples": [],
        "facts": facts,
        **more,
    }
    (folder / f"{name}.json").write_text(json.dumps(page), encoding="utf-8")


def look(page, names):
    """The page's answers for photos by address."""
    return page.evaluate("(names) => window.engine.lookAtAll(names)", names)
