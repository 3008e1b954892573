"""Page folders for the browser tests of the page's looks, and a server for them."""

import functools
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import maskdet

BUILT = Path(maskdet.__file__).parent / "page" / "built"


def assemble(folder: Path, model: Path, samples: dict[str, bytes], title: str = "A page") -> None:
    """A page of an exported file beside ``page.json``, with files as samples.

    Large files are linked; the page's own are few.
    """
    shutil.copytree(BUILT, folder, copy_function=_link)
    shutil.copy(model, folder / "model.tflite")
    (folder / "samples").mkdir()
    for name, content in samples.items():
        (folder / "samples" / name).write_bytes(content)
    with zipfile.ZipFile(model) as archive:
        facts = json.loads(archive.read("maskdet.json"))
    page = {
        "format": "maskdet.page",
        "version": 1,
        "title": title,
        "model": "model.tflite",
        "wasm": ["compat"],
        "samples": [f"samples/{name}" for name in samples],
        "facts": facts,
    }
    (folder / "page.json").write_text(json.dumps(page), encoding="utf-8")


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(Path(source).resolve())


class _Quiet(SimpleHTTPRequestHandler):
    cross_origin = False

    def end_headers(self) -> None:
        if self.cross_origin:
            self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """A line for each request would drown the tests' own."""


class _Open(_Quiet):
    cross_origin = True


@contextmanager
def served(folder: Path, cross_origin: bool = False) -> Iterator[str]:
    """The address of a server for a folder; ``cross_origin``: other pages may read its files."""
    handler = functools.partial(_Open if cross_origin else _Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
