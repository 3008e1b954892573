"""A page that shows what the detector sees, as a stream of JPEGs (MJPEG)."""

import io
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from maskdet.errors import UsageError

Array = NDArray[Any]
MOST_VIEWERS = 4
#: Seconds that a viewer may take for one picture before it is let go.
SEND_TIMEOUT = 10.0
_BOUNDARY = "frame"
_PAGE = (
    b"<!doctype html><meta name=viewport content='width=device-width'><title>maskdet</title>"
    b"<body style='margin:0;background:#222;text-align:center'>"
    b"<img src=stream style='max-width:100%;max-height:100vh'>"
)


class Viewer:
    """Serves the newest picture to whoever looks.

    The detector leaves a picture with :meth:`show`, which costs it nothing: pictures are encoded by
    a thread of their own, only while somebody looks, and a slow viewer misses some.

    Args:
        host: address to listen on; the loopback address unless others are to see it.
        port: 0 takes a free one.

    Attributes:
        address: of the page.

    Raises:
        UsageError: if the address is taken or not this machine's.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8000, quality: int = 80) -> None:
        self._picture: Array | None = None
        self._jpeg: bytes = b""
        self._number = 0
        self._closed = False
        self._changed = threading.Condition()
        self._viewers = 0
        self._quality = quality
        try:
            self._server = _Server((host, port), _handler(self))
        except OSError as error:
            raise UsageError(
                f"The page cannot be served at {host}:{port} ({error.strerror or error}); choose "
                "another port with --serve PORT, or an address of this machine."
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._server.server_address[1]}/"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, daemon=True),
            threading.Thread(target=self._encode, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def watched(self) -> bool:
        """Whether somebody looks: otherwise nothing need be drawn."""
        return self._viewers > 0

    def show(self, picture: Array) -> None:
        """The newest picture, uint8 (H, W, 3); not copied, so it must not change."""
        with self._changed:
            self._picture = picture
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving; open streams end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def _encode(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closed or (self._picture is not None and self._viewers > 0)
                )
                if self._closed:
                    return
                picture, self._picture = self._picture, None
            if picture is None:
                continue
            content = io.BytesIO()
            Image.fromarray(picture).save(content, "JPEG", quality=self._quality)
            with self._changed:
                self._jpeg, self._number = content.getvalue(), self._number + 1
                self._changed.notify_all()

    def join(self) -> bool:
        """Count a viewer; False if there are too many already."""
        with self._changed:
            if self._viewers >= MOST_VIEWERS:
                return False
            self._viewers += 1
            self._changed.notify_all()
            return True

    def leave(self) -> None:
        """Count a viewer out."""
        with self._changed:
            self._viewers -= 1

    def newer(self, number: int) -> tuple[bytes, int] | None:
        """Waits for a picture newer than ``number``; None when the viewer is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number > number)
            return None if self._closed else (self._jpeg, self._number)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that goes away in the middle of a picture is nothing to report."""


def _handler(viewer: Viewer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SEND_TIMEOUT

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the terminal shows detections."""

        def do_GET(self) -> None:
            if self.path == "/":
                self._answer("text/html; charset=utf-8", _PAGE)
            elif self.path == "/stream":
                self._stream()
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _answer(self, kind: str, content: bytes) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _stream(self) -> None:
            if not viewer.join():
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
                return
            try:
                self.send_response(HTTPStatus.OK)
                kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                number = 0
                while (picture := viewer.newer(number)) is not None:
                    content, number = picture
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    head += f"Content-Length: {len(content)}\r\n\r\n"
                    self.wfile.write(head.encode() + content + b"\r\n")
            except OSError:
                self.close_connection = True  # the viewer went away or was too slow
            finally:
                viewer.leave()

    return Handler
