"""Promise: weights are found by path or name, and the network is used only when asked to."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maskdet.errors import WeightsError
from maskdet.pretrained import catalog
from maskdet.pretrained.catalog import WeightSource
from maskdet.pretrained.weights import fetch_weights, find_weights

CONTENT = b"not really weights" * 1000


class _Handler(SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A catalogued file "toy.h5" on a server of this machine; returns the working folder."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "toy.h5").write_bytes(CONTENT)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    _Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/toy.h5"
    checksum = "md5:" + hashlib.md5(CONTENT).hexdigest()
    source = WeightSource("toy", address, "MIT", 0.018, "ask Anna.", checksum, "toy.h5")
    monkeypatch.setitem(catalog._SOURCES, "toy", source)
    yield work
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_path_is_taken_as_it_is(toy):
    (toy / "toy.h5").write_bytes(b"anything")
    assert find_weights("toy.h5").read_bytes() == b"anything"
    assert find_weights(toy / "toy.h5") == toy / "toy.h5"


@pytest.mark.parametrize("name", ["toy", "toy.h5"])
def test_names_are_looked_for_here_then_in_the_cache(toy, tmp_path, name):
    places = [toy / "weights", tmp_path / "cache"]
    for place in reversed(places):
        place.mkdir()
        (place / "toy.h5").write_bytes(CONTENT)
        assert find_weights(name).absolute() == place / "toy.h5"
        assert fetch_weights(name).absolute() == place / "toy.h5"
    assert _Handler.asked == []


def test_nothing_is_downloaded_unasked(toy, tmp_path):
    expected = (
        rf"toy.h5 is not on this machine; fetch http://127.*/toy.h5 \(0.018 MB\) and put it into "
        rf"{toy}/weights, or call .*fetch_weights\('toy'\)"
    )
    with pytest.raises(WeightsError, match=expected):
        find_weights("toy")
    with pytest.raises(WeightsError, match=f"put it into {toy}/mine,"):
        find_weights("toy", "mine")
    with pytest.raises(WeightsError, match=f"put it into {toy}/mine,"):
        find_weights("mine/toy.h5")
    assert _Handler.asked == [] and list(toy.iterdir()) == []


def test_fetched_once_then_found(toy, tmp_path):
    assert fetch_weights("toy", progress=False) == tmp_path / "cache" / "toy.h5"
    assert fetch_weights("toy", progress=False) == find_weights("toy")
    assert find_weights("toy").read_bytes() == CONTENT
    assert _Handler.asked == ["/toy.h5"]
    assert fetch_weights("toy", toy / "mine", progress=False) == toy / "mine" / "toy.h5"


def test_another_file_of_that_name(toy):
    (toy / "weights").mkdir()
    (toy / "weights" / "toy.h5").write_bytes(b"interrupted")
    for call in (find_weights, fetch_weights):
        with pytest.raises(WeightsError, match="is not the file published at .*remove it .*path"):
            call("toy")
    assert find_weights("weights/toy.h5").read_bytes() == b"interrupted"


def test_offline(toy, monkeypatch):
    source = WeightSource("toy", "http://127.0.0.1:9/toy.h5", "MIT", 1, "ask Anna.", None, "toy.h5")
    monkeypatch.setitem(catalog._SOURCES, "toy", source)
    with pytest.raises(WeightsError, match="127.0.0.1:9/toy.h5 could not be .*; ask Anna."):
        fetch_weights("toy", progress=False)


@pytest.mark.parametrize("call", [find_weights, fetch_weights])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("logs/run.h5", "logs/run.h5 does not exist; check the path"),
        ("run.h5", "run.h5 does not exist; check the path"),
        ("runs/resnet50", "runs/resnet50 does not exist; check the path"),
        ("mask_rcnn_cocoo", "did you mean 'mask_rcnn_coco'"),
        ("resnet50", r"give load_weights\('imagenet'\)"),
    ],
)
def test_unknown_names(toy, call, name, words):
    with pytest.raises(WeightsError, match=words):
        call(name)
