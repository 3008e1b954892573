"""A page as maskdet writes and serves it, for the browser tests of its looks; and other hosts."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from maskdet.page.folder import PageContent, write_page
from maskdet.page.server import PageServer
from maskdet.runtime.model_file import read_content, read_facts


def assemble(folder: Path, model: Path, samples: list[Path], title: str) -> None:
    """A page of an exported file."""
    content = read_content(model)
    facts = read_facts(model, content)
    write_page(folder, PageContent(title, content, facts.class_names[1:], facts.all, samples))


@contextmanager
def running(server: HTTPServer) -> Iterator[None]:
    """A server at work meanwhile."""
    with server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a page, served as `maskdet serve` does."""
    server = PageServer(folder, port=0)
    with running(server):
        yield server.url


class _Foreign(SimpleHTTPRequestHandler):
    cross_origin = False

    def end_headers(self) -> None:
        if self.cross_origin:
            self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """A line for each request would drown the tests' own."""


class _Open(_Foreign):
    cross_origin = True


@contextmanager
def foreign(folder: Path, cross_origin: bool = False) -> Iterator[str]:
    """The address of another host's folder; ``cross_origin``: other pages may read its files."""
    handler = functools.partial(_Open if cross_origin else _Foreign, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}/"
