"""Promise: downloads resume, are checked, appear whole or not at all; failures say what to do."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskdet.errors import WeightsError
from maskdet.pretrained.catalog import WeightSource, find_source, source_names
from maskdet.pretrained.download import download, fetch

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    ranges: list[str | None] = []

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.ranges.append(wanted)
        if self.path == "/missing":
            return self.send_error(404)
        start = 0
        if wanted and self.path != "/no-ranges":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(CONTENT):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = 5000 if self.path == "/breaks-off" and not wanted else len(CONTENT)
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    _Handler.ranges = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_whole_file(server, tmp_path, capsys):
    download(f"{server}/w", tmp_path / "new" / "w.h5", SHA256)
    assert (tmp_path / "new" / "w.h5").read_bytes() == CONTENT
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["w.h5"]
    assert "w.h5" in capsys.readouterr().err  # the progress bar


def test_interrupted_transfer_is_continued(server, tmp_path):
    path = tmp_path / "w.h5"
    with pytest.raises(WeightsError, match="could not be downloaded"):
        download(f"{server}/breaks-off", path, SHA256, progress=False)
    assert not path.exists() and (tmp_path / "w.h5.part").stat().st_size == 5000
    download(f"{server}/breaks-off", path, SHA256, progress=False)
    assert path.read_bytes() == CONTENT
    assert _Handler.ranges == [None, "bytes=5000-"]


@pytest.mark.parametrize(("page", "have"), [("no-ranges", 100), ("w", len(CONTENT))])
def test_other_beginnings(server, tmp_path, page, have):
    (tmp_path / "w.h5.part").write_bytes(CONTENT[:have])
    download(f"{server}/{page}", tmp_path / "w.h5", SHA256, progress=False)
    assert (tmp_path / "w.h5").read_bytes() == CONTENT


def test_wrong_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(WeightsError, match="is not the published file"):
        download(f"{server}/w", tmp_path / "w.h5", "0" * 64, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_missing_page_and_no_network(server, tmp_path):
    with pytest.raises(WeightsError, match="/missing could not be downloaded .*404.*; ask Anna."):
        download(f"{server}/missing", tmp_path / "w", advice="ask Anna.", progress=False)
    with pytest.raises(WeightsError, match="could not be downloaded .*; check the connection"):
        download("http://127.0.0.1:9/w", tmp_path / "w", progress=False)


def test_fetch_downloads_once(server, tmp_path):
    source = WeightSource("x", f"{server}/w", "MIT", 0, "no.", SHA256, "x.h5")
    assert fetch(source, tmp_path).read_bytes() == CONTENT
    assert fetch(source, tmp_path) == tmp_path / "x.h5"
    assert len(_Handler.ranges) == 1
    with pytest.raises(WeightsError, match="is not a file to download"):
        fetch(find_source("resnet50"), tmp_path)


def test_catalogue_says_where_everything_is():
    for name in source_names():
        source = find_source(name)
        assert source.name == name and source.address and source.licence and source.megabytes > 0
        assert source.advice.endswith((".", "_model"))
    with pytest.raises(WeightsError, match=r"did you mean 'resnet50'\?.*known are"):
        find_source("resnet5")
