"""Promise: .pth files of today's PyTorch are read right or refused, and cannot make us run
anything."""

import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.errors import WeightsError
from maskdet.pretrained.torch_file import read_state_dict
from tests.pretrained.torch_files import (
    Tensor,
    fake_torch,
    pickled,
    write_legacy,
    write_zip,
)

FLOATS = np.arange(6, dtype="<f4").reshape(2, 3)


@pytest.fixture
def torch(monkeypatch):
    fake_torch(monkeypatch)


def a_state():
    kernel = np.arange(24, dtype="<f4").reshape(2, 2, 3, 2).transpose(3, 2, 0, 1)
    halves = np.array([0.5, -1.5], dtype="<f2")
    count = np.array(7, dtype="<i8")
    return OrderedDict(b=Tensor("2", kernel), h=Tensor("0", halves), a=Tensor("1", count))


def assert_values(found, state):
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert found[name].dtype == tensor.array.dtype and found[name].flags.c_contiguous
        np.testing.assert_array_equal(found[name], tensor.array)


@pytest.mark.parametrize("root", ["archive", "yolox_nano"])
def test_values_types_strides_and_order(tmp_path, torch, root):
    state = a_state()
    write_zip(tmp_path / "w.pth", state, root=root)
    assert_values(read_state_dict(tmp_path / "w.pth"), state)


def test_files_before_byteorder_was_noted(tmp_path, torch):
    write_zip(tmp_path / "w.pth", a_state(), {"byteorder": None})
    assert_values(read_state_dict(tmp_path / "w.pth"), a_state())


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("name", ["model", "state_dict"])
def test_a_checkpoint_of_a_training_gives_its_network(tmp_path, torch, name, write):
    momentum = {"state": {0: {"momentum_buffer": Tensor("9", FLOATS)}}, "param_groups": [{}]}
    content = {"start_epoch": 300, name: a_state(), "optimizer": momentum, "amp": None}
    write(tmp_path / "w.pth", content)
    assert_values(read_state_dict(tmp_path / "w.pth"), a_state())


def test_versions_of_layers_that_pytorch_notes_are_passed_over(tmp_path, torch):
    state = a_state()
    state._metadata = OrderedDict(version=1)
    write_zip(tmp_path / "w.pth", state)
    assert_values(read_state_dict(tmp_path / "w.pth"), a_state())


def test_tensors_may_share_a_storage(tmp_path, torch):
    state = OrderedDict(
        a=Tensor("0", FLOATS), b=Tensor("0", FLOATS, shape=(2,), strides=(3,), offset=1)
    )
    write_zip(tmp_path / "w.pth", state)
    np.testing.assert_array_equal(read_state_dict(tmp_path / "w.pth")["b"], [1, 4])


@pytest.mark.parametrize(
    ("state", "change", "words"),
    [
        (a_state(), {"data/2": None}, "lacks its part archive/data/2"),
        (a_state(), {"data/2": b"1234"}, "storage 2 should have 24 elements"),
        (a_state(), {"data.pkl": None}, "0 parts data.pkl"),
        (a_state(), {"data.pkl": b""}, "cannot be read as PyTorch weights"),
        (a_state(), {"x/data.pkl": b""}, "2 parts data.pkl"),
        (a_state(), {"byteorder": b"big"}, "byte order b'big'"),
        ({"model": [1]}, {}, "other things than tensors"),
        ([1], {}, "holds no state dict"),
        (OrderedDict({3: Tensor("0", FLOATS)}), {}, "other things than tensors"),
        (OrderedDict(a=Tensor("0", FLOATS, (7,), (1,))), {}, "reaches beyond"),
        # Would be an array of 4 TB.
        (OrderedDict(a=Tensor("0", FLOATS, (10**6, 10**6), (0, 0))), {}, "reaches beyond"),
        (OrderedDict(a=Tensor("0", FLOATS), b=Tensor("0", FLOATS[:1])), {}, "has two sizes"),
    ],
)
def test_malformed_files(tmp_path, torch, state, change, words):
    write_zip(tmp_path / "w.pth", state, change)
    with pytest.raises(WeightsError, match=words):
        read_state_dict(tmp_path / "w.pth")


def test_packed_parts_are_refused_before_they_are_unpacked(tmp_path, torch):
    write_zip(tmp_path / "w.pth", a_state(), packed=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="its part archive/byteorder is packed"):
        read_state_dict(tmp_path / "w.pth")


class _Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "evil",
    [_Evil(eval, "1/0"), _Evil(print, "run"), _Evil(getattr, "", "join"), _Evil(open, "/x")],
    ids=["eval", "print", "getattr", "open"],
)
@pytest.mark.parametrize("place", ["in the network", "beside it"])
def test_other_globals_are_refused_and_nothing_runs(tmp_path, torch, capsys, evil, place):
    state = OrderedDict(k=evil) if place == "in the network" else {"model": a_state(), "e": evil}
    write_zip(tmp_path / "w.pth", state)
    with pytest.raises(WeightsError, match="it asks for (builtins|__builtin__|io|_io)\\."):
        read_state_dict(tmp_path / "w.pth")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("attribute", [b"dtype", b"__call__", b"__class__", b"mine"])
@pytest.mark.parametrize("name", [b"torch\nFloatStorage", b"torch._utils\n_rebuild_tensor_v2"])
def test_a_file_cannot_change_what_the_next_one_meets(tmp_path, torch, name, attribute):
    """A pickle may ask to set attributes of what it names (opcode BUILD)."""
    key = b"X" + len(attribute).to_bytes(4, "little") + attribute
    state = b"}" + key + b"K\x05s"  # {attribute: 5}
    for ask in (state, b"N" + state + b"\x86"):  # into __dict__, and one by one
        content = b"\x80\x02c" + name + b"\n" + ask + b"b."
        write_zip(tmp_path / "evil.pth", a_state(), {"data.pkl": content})
        with pytest.raises(WeightsError, match="evil.pth cannot be read"):
            read_state_dict(tmp_path / "evil.pth")
    write_zip(tmp_path / "w.pth", a_state())
    assert_values(read_state_dict(tmp_path / "w.pth"), a_state())


def test_a_tensor_cannot_be_changed_after_it_was_checked(tmp_path, torch):
    good = pickled(Tensor("0", FLOATS))
    assert good.endswith(b".")
    change = b"}X\x06\x00\x00\x00offsetJ\x00\x00\x00\x80s"  # offset = -2^31
    content = b"\x80\x02}X\x01\x00\x00\x00k" + good[2:-1] + change + b"bs."
    state = OrderedDict(k=Tensor("0", FLOATS))
    write_zip(tmp_path / "w.pth", state, {"data.pkl": content})
    with pytest.raises(WeightsError, match="w.pth cannot be read"):
        read_state_dict(tmp_path / "w.pth")
    write_zip(tmp_path / "w.pth", state, {"data.pkl": content.replace(change + b"b", b"")})
    np.testing.assert_array_equal(read_state_dict(tmp_path / "w.pth")["k"], FLOATS)


def test_a_damaged_memo_does_not_ask_for_gigabytes(tmp_path, torch):
    content = b"\x80\x02}r\xff\xff\xff\xf0."  # an empty dict, noted as number 4,043,309,055
    write_zip(tmp_path / "w.pth", {}, {"data.pkl": content})
    assert read_state_dict(tmp_path / "w.pth") == {}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_give_an_error_or_the_right_arrays(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole_zip.pth"
    if not whole.exists():
        with pytest.MonkeyPatch.context() as patch:
            fake_torch(patch)
            write_zip(whole, {"start_epoch": 1, "model": a_state()})
    content = bytearray(whole.read_bytes())
    if data.draw(st.integers(0, 3)) == 0:
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "damaged_zip.pth").write_bytes(content)
    try:
        found = read_state_dict(folder / "damaged_zip.pth")
    except WeightsError:
        return
    assert_values(found, a_state())


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_pickle_of_right_checksum_gives_no_other_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        fake_torch(patch)
        content = bytearray(pickled({"model": a_state()}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    write_zip(folder / "odd.pth", a_state(), {"data.pkl": bytes(content)})
    try:
        found = read_state_dict(folder / "odd.pth")
    except WeightsError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())
