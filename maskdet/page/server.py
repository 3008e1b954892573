"""Serving a page on the own machine, with the headers that its threads need."""

import errno
import ipaddress
import os
import socket
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError
from maskdet.page.folder import check_page

LOOPBACK = "127.0.0.1"
# Cross-origin isolation, without which browsers give a page no shared memory and so no threads;
# the rest keeps other pages from framing this one and browsers from guessing kinds of files.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class PageHandler(SimpleHTTPRequestHandler):
    """Files of a page's folder, read only; folders are not listed."""

    # Written out, since a machine's own table may call a .js or .wasm something else.
    extensions_map = {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".jpg": "image/jpeg",
        "": "application/octet-stream",
    }

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def translate_path(self, path: str) -> str:
        # No file has a name with a null in it, which open() would not even look for.
        return super().translate_path(path.replace("%00", "%EF%BF%BD"))

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND, "There is no such file in this page")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each file would hide the address that people are to open."""


class PageServer(ThreadingHTTPServer):
    """Listens once it is made; ``serve_forever()`` answers until ``shutdown()``.

    Args:
        folder: of a page.
        host: address to listen at; the default is this machine alone.
        port: 0 takes a free one.

    Attributes:
        url: where the page is.

    Raises:
        UsageError: if the folder is no page, the port is taken, or the address is none of this
            machine's.
    """

    daemon_threads = True
    # Else a second server could take the same port beside the first, on some systems unnoticed.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self, folder: str | os.PathLike[str], host: str = LOOPBACK, port: int = 8000
    ) -> None:
        path = check_page(folder)
        if not 0 <= port <= 65535:
            raise UsageError(f"The port is {port}; give one of 0 to 65535, such as 8000.")
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        except (OSError, UnicodeError) as error:
            raise UsageError(f"There is no address {host!r} ({error}).") from error
        self.address_family = family
        handler = partial(PageHandler, directory=os.fspath(path.resolve()))
        try:
            super().__init__((host, port), handler)
        except OSError as error:
            raise UsageError(_unusable(host, port, error)) from error
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser goes away whenever somebody closes a tab or loads the page anew.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _unusable(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken by another program; stop that, or choose another "
            f"with --port {port + 1 if port < 65535 else port - 1}."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} may not be used by you; choose one above 1023, such as --port 8000."
    return f"Nothing can listen at {host}, port {port} ({error.strerror or error})."


def opens_to_network(host: str) -> bool:
    """Whether others than this machine can reach a server at that address."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def serve(folder: str | os.PathLike[str], host: str = LOOPBACK, port: int = 8000) -> None:
    """Serve a page until Ctrl+C; says where, and beforehand whom an address lets in.

    Raises UsageError as :class:`PageServer` does, before anything listens.
    """
    check_page(folder)
    if opens_to_network(host):
        print(
            f"Careful: {host} opens the page to everybody in your network. Webcam and threads work "
            "there only behind https; without --host it is for this machine alone.",
            flush=True,
        )
    with PageServer(folder, host, port) as server:
        print(f"{Path(folder)} is at {server.url} (Ctrl+C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nstopped")
