"""Promise: weights that keras.applications downloads arrive whole, or one sentence says why not."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import keras
import numpy as np
import pytest
from keras.src.applications import mobilenet_v2 as keras_mobilenet
from keras.src.applications import resnet as keras_resnet
from keras.src.utils import file_utils

from maskdet.errors import WeightsError
from maskdet.pretrained.assign import save_from
from maskdet.pretrained.imagenet import mobilenet_v2_layers, resnet_layers

FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.5_224_no_top.h5"
RESNET = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


class _Handler(SimpleHTTPRequestHandler):
    asked: list[str] = []
    cut = False

    def do_GET(self):
        self.asked.append(self.path)
        if not self.cut:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Folder whose files keras.applications gets; Keras' own cache is empty."""
    folder = tmp_path / "served"
    folder.mkdir()
    (tmp_path / "keras").mkdir()
    _Handler.asked = []
    monkeypatch.setattr(_Handler, "cut", False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    _serve_from(monkeypatch, f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path / "keras"))
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def _serve_from(monkeypatch, address):
    monkeypatch.setattr(keras_mobilenet, "BASE_WEIGHT_PATH", address)
    monkeypatch.setattr(keras_resnet, "BASE_WEIGHTS_PATH", address)


def test_downloaded_once_and_read(served):
    model = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(224, 224, 3), alpha=0.5
    )
    save_from(model, served / FILE)
    for _ in range(2):
        layers = mobilenet_v2_layers("mobilenet_v2_0.5")
        np.testing.assert_array_equal(layers["stem"][0], model.get_layer("Conv1").get_weights()[0])
        np.testing.assert_array_equal(
            layers["block16_project"][0], model.get_layer("block_16_project").get_weights()[0]
        )
    assert _Handler.asked == [f"/{FILE}"]


def test_missing_on_the_server(served):
    with pytest.raises(
        WeightsError, match=r"'mobilenet_v2_0.5' could not be .*404.*; connect to .*~/.keras/models"
    ):
        mobilenet_v2_layers("mobilenet_v2_0.5")


def test_connection_that_breaks_off_leaves_nothing(served, tmp_path, monkeypatch):
    monkeypatch.setattr(_Handler, "cut", True)
    with pytest.raises(WeightsError, match="'resnet50' could not be downloaded .*; connect to"):
        resnet_layers("resnet50")
    assert list((tmp_path / "keras" / "models").iterdir()) == []


def test_another_file_than_the_published_one(served):
    (served / RESNET).write_bytes(b"<html>please log in</html>")
    with pytest.raises(WeightsError, match="'resnet50' that came from .* not the published ones"):
        resnet_layers("resnet50")


def test_no_server(served, monkeypatch):
    _serve_from(monkeypatch, "http://127.0.0.1:9/")
    with pytest.raises(WeightsError, match="'resnet50' could not be .*127.0.0.1:9/.*; connect to"):
        resnet_layers("resnet50")
