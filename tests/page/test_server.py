"""Promise: `maskdet serve` shows a page to this machine, with what threads need, and says first
what stands in its way or opens it to others."""

import http.client
import socket
import struct
import threading

import pytest

from maskdet.commands.main import main
from maskdet.errors import UsageError
from maskdet.page import server as serving
from maskdet.page.folder import PageContent, write_page
from maskdet.page.server import PageServer, opens_to_network


@pytest.fixture
def page(programs, tmp_path):
    write_page(tmp_path / "page", PageContent("Nuts", b"a network", ["bolt"], {}))
    (tmp_path / "secret.txt").write_text("not in the page")
    return tmp_path / "page"


@pytest.fixture
def port(page):
    with PageServer(page, port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/", "text/html; charset=utf-8", b"content of index.html"),
        ("/app.js", "text/javascript; charset=utf-8", b"content of app.js"),
        ("/page.json", "application/json", None),
        ("/wasm/litert_wasm_internal.wasm", "application/wasm", b"build.wasm"),
        ("/model.tflite", "application/octet-stream", b"a network"),
    ],
)
def test_files_come_with_their_kinds_and_isolation(port, path, kind, content):
    status, headers, body = get(port, path)
    assert (status, headers["Content-type"]) == (200, kind)
    assert content is None or body == content
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/wasm/", "/none.js", "/../secret.txt", "/%2e%2e/secret.txt"])
def test_nothing_else_is_shown(port, path):
    status, _, body = get(port, path)
    assert status == 404 and b"not in the page" not in body and b"litert" not in body


def test_nothing_can_be_changed(port, page):
    assert get(port, "/page.json", "PUT")[0] == 501
    assert get(port, "/page.json", "DELETE")[0] == 501


def test_a_taken_port_is_one_sentence(page):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {taken} of 127.0.0.1 is taken.*--port"):
            PageServer(page, port=taken)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("no such host.invalid", 0, "There is no address"),
        ("203.0.113.7", 0, "Nothing can listen at 203.0.113.7"),
        ("127.0.0.1", 70000, "The port is 70000; give one of 0 to 65535"),
    ],
)
def test_an_address_that_cannot_be(page, host, port, message):
    with pytest.raises(UsageError, match=message):
        PageServer(page, host, port)


@pytest.mark.parametrize(
    ("host", "opens"),
    [
        *(("127.0.0.1", False), ("127.0.0.9", False), ("::1", False), ("localhost", False)),
        *(("0.0.0.0", True), ("::", True), ("192.168.1.4", True), ("raspberrypi", True)),
    ],
)
def test_who_can_reach_it(host, opens):
    assert opens_to_network(host) == opens


def test_what_opens_it_to_the_network_is_said_before_it_listens(page, monkeypatch, capsys):
    said = []

    class Stopped(PageServer):
        def __init__(self, *args):
            said.append(capsys.readouterr().out)
            super().__init__(*args)

        def serve_forever(self, poll_interval=0.5):
            raise KeyboardInterrupt

    monkeypatch.setattr(serving, "PageServer", Stopped)
    assert main(["serve", str(page), "--host", "0.0.0.0", "--port", "0"]) == 0
    assert "Careful: 0.0.0.0 opens the page to everybody in your network" in said[0]
    assert "is at http://0.0.0.0:" in capsys.readouterr().out
    assert main(["serve", str(page), "--port", "0"]) == 0
    assert "Careful" not in said[1]


def test_a_folder_that_is_no_page_is_one_sentence(tmp_path, capsys):
    assert main(["serve", str(tmp_path)]) == 2
    assert "is no page: it has no page.json" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/%00", "/page.json%00.js", "/" + "a" * 5000, "/a%0d%0ab"])
def test_odd_addresses_are_not_there(port, capfd, path):
    assert get(port, path)[0] == 404
    assert capfd.readouterr().err == ""


def test_a_browser_that_goes_away_is_no_error(page, capfd):
    """Closing a tab while 9 MB come is no reason for a traceback where the address stands."""
    (page / "wasm" / "big.wasm").write_bytes(bytes(20_000_000))
    with PageServer(page, port=0) as server:
        server.daemon_threads = False  # so that closing waits for the answers
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with socket.create_connection(server.server_address) as client:
            client.sendall(b"GET /wasm/big.wasm HTTP/1.0\r\n\r\n")
            client.recv(100)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.shutdown()
        thread.join()
    assert capfd.readouterr().err == ""


def test_a_fault_of_the_server_itself_is_shown(port, page, monkeypatch, capfd):
    def fault(self):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(serving.PageHandler, "send_head", fault)
    with pytest.raises(http.client.RemoteDisconnected):
        get(port, "/")
    assert "a mistake" in capfd.readouterr().err
