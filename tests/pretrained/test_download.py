"""Promise: downloads resume, are checked, appear whole or not at all; failures say what to do."""

import hashlib
import socket
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskdet.errors import WeightsError
from maskdet.pretrained.catalog import WeightSource, find_source, source_names
from maskdet.pretrained.download import download, fetch, has_checksum

CONTENT = bytes(range(256)) * 40
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


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
                self.send_response(416)
                if self.path != "/terse":
                    self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            said = 0 if self.path == "/other-piece" else start
            self.send_header("Content-Range", f"bytes {said}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        stop = 5000 if self.path == "/breaks-off" and not wanted else len(CONTENT)
        if self.path == "/slow":
            for middle in range(start, stop, 1024):
                self.wfile.write(CONTENT[middle : min(middle + 1024, stop)])
                time.sleep(0.03)
            return
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server():
    _Handler.ranges = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_whole_file(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("maskdet.progress.is_watched", lambda: True)  # as in a terminal
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


@pytest.mark.parametrize(
    ("page", "have", "requests"),
    [
        ("no-ranges", 100, 1),  # the server sends the whole file again
        ("w", len(CONTENT), 1),  # only the renaming was missing
        ("terse", len(CONTENT), 2),  # the server does not say how long the file is
        ("w", len(CONTENT) + 7, 2),  # longer than the file
    ],
)
def test_other_beginnings(server, tmp_path, page, have, requests):
    (tmp_path / "w.h5.part").write_bytes((CONTENT * 2)[:have])
    download(f"{server}/{page}", tmp_path / "w.h5", progress=False)
    assert (tmp_path / "w.h5").read_bytes() == CONTENT
    assert len(_Handler.ranges) == requests
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_another_piece_than_asked_for_is_not_appended(server, tmp_path):
    (tmp_path / "w.h5.part").write_bytes(CONTENT[:100])
    with pytest.raises(WeightsError, match="another piece"):
        download(f"{server}/other-piece", tmp_path / "w.h5", progress=False)
    assert (tmp_path / "w.h5.part").read_bytes() == CONTENT[:100]


@pytest.mark.parametrize("checksum", ["sha256:" + "0" * 64, "md5:" + "0" * 32])
def test_wrong_checksum_leaves_nothing(server, tmp_path, checksum):
    with pytest.raises(WeightsError, match=f"/w is not the published file .*{checksum}.*try again"):
        download(f"{server}/w", tmp_path / "w.h5", checksum, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_found_out_and_removed(server, tmp_path):
    (tmp_path / "w.h5.part").write_bytes(b"x" * 100)
    with pytest.raises(WeightsError, match="is not the published file"):
        download(f"{server}/w", tmp_path / "w.h5", MD5, progress=False)
    download(f"{server}/w", tmp_path / "w.h5", MD5, progress=False)
    assert (tmp_path / "w.h5").read_bytes() == CONTENT


def test_missing_page_and_no_network(server, tmp_path):
    with pytest.raises(WeightsError, match="/missing could not be downloaded .*404.*; ask Anna."):
        download(f"{server}/missing", tmp_path / "w", advice="ask Anna.", progress=False)
    address = f"http://127.0.0.1:{_closed_port()}/w"
    with pytest.raises(WeightsError, match="could not be downloaded .*; check the connection"):
        download(address, tmp_path / "w", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="could not be downloaded"):
        download(f"{server}/w", tmp_path / "file" / "w", progress=False)


def test_fetch_downloads_once(server, tmp_path):
    source = WeightSource("x", f"{server}/w", "MIT", 0, "no.", SHA256, "x.h5")
    assert fetch(source, tmp_path).read_bytes() == CONTENT
    assert fetch(source, tmp_path) == tmp_path / "x.h5"
    assert len(_Handler.ranges) == 1
    with pytest.raises(WeightsError, match="is not a file to download"):
        fetch(find_source("resnet50"), tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks there")
def test_threads_that_want_the_same_file(server, tmp_path):
    path = tmp_path / "w.h5"
    with ThreadPoolExecutor(6) as pool:
        jobs = [
            pool.submit(download, f"{server}/slow", path, SHA256, progress=False) for _ in range(6)
        ]
    assert [job.result() for job in jobs] == [None] * 6
    assert path.read_bytes() == CONTENT
    assert _Handler.ranges == [None]  # one downloaded, five waited
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks there")
def test_processes_that_want_the_same_file(server, tmp_path):
    path = tmp_path / "w.h5"
    code = (
        "import sys; from maskdet.pretrained.download import download; "
        "download(sys.argv[1], sys.argv[2], sys.argv[3], progress=False)"
    )
    command = [sys.executable, "-c", code, f"{server}/slow", str(path), SHA256]
    workers = [subprocess.Popen(command) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert path.read_bytes() == CONTENT
    assert all(wanted is None for wanted in _Handler.ranges)  # nobody took up another's part
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_a_killed_download_leaves_no_lock(server, tmp_path):
    path = tmp_path / "w.h5"
    path.with_name("w.h5.lock").touch()
    path.with_name("w.h5.part").write_bytes(CONTENT[:5000])
    download(f"{server}/w", path, SHA256, progress=False)
    assert path.read_bytes() == CONTENT and _Handler.ranges == ["bytes=5000-"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.h5"]


def test_checksums_of_both_kinds(tmp_path):
    (tmp_path / "w").write_bytes(CONTENT)
    assert has_checksum(tmp_path / "w", SHA256) and has_checksum(tmp_path / "w", MD5)
    assert not has_checksum(tmp_path / "w", "md5:" + "0" * 32)


def test_catalogue_says_where_everything_is():
    for name in source_names():
        source = find_source(name)
        assert source.name == name and source.address and source.licence
        assert source.megabytes is None or source.megabytes > 0
        assert source.advice.endswith((".", "_model"))
        if source.file_name is not None and source.member is None:
            assert source.address.endswith(f"/{source.file_name}")
            assert find_source(source.file_name) is source
        if source.checksum is not None:
            kind, _, digits = source.checksum.partition(":")
            assert len(bytes.fromhex(digits)) == {"sha256": 32, "md5": 16}[kind]
    with pytest.raises(WeightsError, match=r"did you mean 'resnet50'\?.*known are"):
        find_source("resnet5")


# ---- archives ----------------------------------------------------------------------------------
def zipped(folder, name="inside.bin", content=CONTENT):
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return WeightSource(
        name="packed",
        address=path.as_uri(),
        licence="MIT",
        megabytes=None,
        advice="fetch it elsewhere.",
        checksum=SHA256,
        file_name="packed.bin",
        member="inside.bin",
    )


def test_a_file_in_an_archive_comes_out_of_it_whole_and_the_archive_goes(tmp_path):
    source = zipped(tmp_path)
    (tmp_path / "cache").mkdir()
    path = fetch(source, tmp_path / "cache", progress=False)
    assert path.name == "packed.bin" and path.read_bytes() == CONTENT
    assert [file.suffix for file in (tmp_path / "cache").iterdir()] in ([".bin"], [".bin", ".lock"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "other.bin"}, "holds no inside.bin"),
        ({"content": b"other"}, "is not the published file"),
    ],
)
def test_an_archive_of_something_else_leaves_nothing(tmp_path, change, words):
    source = zipped(tmp_path, **change)
    with pytest.raises(WeightsError, match=words):
        fetch(source, tmp_path / "cache", progress=False)
    assert not list((tmp_path / "cache").glob("*.bin*"))
