"""Promise: legacy .pth files are read with their strides, and no file can make us run anything."""

import pickle
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.errors import WeightsError
from maskdet.pretrained.torch_file import read_state_dict
from tests.pretrained.torch_files import MAGIC, Tensor, fake_torch, write_legacy


@pytest.fixture
def torch(monkeypatch):
    fake_torch(monkeypatch)


def test_values_types_and_order(tmp_path, torch):
    kernel = np.arange(24, dtype="<f4").reshape(2, 3, 2, 2)
    count = np.array(7, dtype="<i8")
    state = OrderedDict(b=Tensor("0", kernel), a=Tensor("1", count))
    write_legacy(tmp_path / "w.pth", state)
    found = read_state_dict(tmp_path / "w.pth")
    assert list(found) == ["b", "a"]
    np.testing.assert_array_equal(found["b"], kernel)
    assert found["a"].shape == () and found["a"] == 7 and found["a"].dtype == np.int64


def test_strides_of_the_file_are_used(tmp_path, torch):
    # A kernel that TensorFlow had as (h, w, in, out) lies in that order: out is the quickest axis.
    tensorflow = np.arange(2 * 2 * 3 * 4, dtype="<f4").reshape(2, 2, 3, 4)
    right = tensorflow.transpose(3, 2, 0, 1)
    write_legacy(tmp_path / "w.pth", OrderedDict(k=Tensor("0", right)))
    found = read_state_dict(tmp_path / "w.pth")["k"]
    np.testing.assert_array_equal(found, right)
    scrambled = tensorflow.ravel().reshape(right.shape)  # what a plain reshape would give
    assert not np.array_equal(found, scrambled)
    assert found.flags.c_contiguous


def test_a_view_in_the_middle_of_a_storage(tmp_path, torch):
    array = np.arange(6, dtype="<f4")
    write_legacy(tmp_path / "w.pth", OrderedDict(k=Tensor("0", array, (2,), (2,), offset=1)))
    np.testing.assert_array_equal(read_state_dict(tmp_path / "w.pth")["k"], [1, 3])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"magic": 5}, "head is not that of a PyTorch file"),
        ({"protocol": 1000}, "head is not that of a PyTorch file"),
        ({"keys": ["9"]}, "storages are not those"),
        ({"tail": b"12"}, "2 bytes follow"),
        ({"counts": 5}, "storage 0 should have 6 elements"),
        ({"state": OrderedDict(k=3)}, "other things than tensors"),
        ({"state": [1]}, "holds no state dict"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_malformed_files(tmp_path, torch, change, words):
    change = {"state": OrderedDict(k=Tensor("0", np.arange(6, dtype="<f4"))), **change}
    if change["state"] == [1]:
        with open(tmp_path / "w.pth", "wb") as out:
            for value in (MAGIC, 1001, {}, [1], []):
                pickle.dump(value, out, protocol=2)
    else:
        write_legacy(tmp_path / "w.pth", **change)
    with pytest.raises(WeightsError, match=words):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((2,), (6,), 0), ((6,), (1,), 1), ((2, 3), (3,), 0), ((2,), (-1,), 1)],
    ids=["too long", "stride too far", "offset too far", "axes differ", "backwards"],
)
def test_tensors_that_leave_their_storage(tmp_path, torch, shape, strides, offset):
    tensor = Tensor("0", np.arange(6, dtype="<f4"), shape, strides, offset)
    write_legacy(tmp_path / "w.pth", OrderedDict(k=tensor))
    with pytest.raises(WeightsError, match="w.pth cannot be read as PyTorch weights"):
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
def test_other_globals_are_refused_and_nothing_runs(tmp_path, torch, capsys, evil):
    write_legacy(tmp_path / "w.pth", OrderedDict(k=evil), keys=[])
    with pytest.raises(WeightsError, match="it asks for (builtins|__builtin__|io|_io)\\."):
        read_state_dict(tmp_path / "w.pth")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x89HDF\r\n\x1a\nrest", "is an HDF5 file"),
        (b"<html>", "is not a PyTorch file"),
        (b"", "is not a PyTorch file"),
    ],
)
def test_other_formats_say_what_they_are(tmp_path, head, words):
    (tmp_path / "w.pth").write_bytes(head)
    with pytest.raises(WeightsError, match=words):
        read_state_dict(tmp_path / "w.pth")


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="nowhere.pth cannot be read"):
        read_state_dict(tmp_path / "nowhere.pth")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_escapes_as_another_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.pth"
    if not whole.exists():
        with pytest.MonkeyPatch.context() as patch:
            fake_torch(patch)
            state = OrderedDict(a=Tensor("0", np.arange(6, dtype="<f4").reshape(2, 3)))
            write_legacy(whole, state)
    content = bytearray(whole.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for _ in range(data.draw(st.integers(0 if len(content) < len(whole.read_bytes()) else 1, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "damaged.pth").write_bytes(content)
    try:
        read_state_dict(folder / "damaged.pth")
    except WeightsError:
        return
