"""Promise: the same photo in another size or quality is recognised, other photos are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from maskdet import Dataset
from maskdet.data.similar import (
    NEAR,
    connected,
    difference_hash,
    hashes,
    near_pairs,
    same_files,
    similar_groups,
)
from maskdet.data.split import split


def scene(seed, size=(160, 120)):
    blocks = np.random.default_rng(seed).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    for seed in range(6):
        scene(seed).save(tmp_path / f"{seed}.png")
    scene(2).resize((90, 70)).save(tmp_path / "2 small.jpg", quality=40)
    (tmp_path / "4 again.png").write_bytes((tmp_path / "4.png").read_bytes())
    (tmp_path / "9 broken.png").write_bytes(b"no picture")
    return sorted(str(path) for path in tmp_path.iterdir())


def test_pairs(folder):
    names = [path.rpartition("/")[2] for path in folder]
    photo_hashes = hashes(folder)
    assert [bits is None for bits in photo_hashes] == [name.startswith("9") for name in names]
    pairs = {tuple(sorted((names[a], names[b]))) for a, b in near_pairs(photo_hashes)}
    assert pairs == {("2 small.jpg", "2.png"), ("4 again.png", "4.png")}
    assert [(names[a], names[b]) for a, b in same_files(folder)] == [("4 again.png", "4.png")]


def test_other_photos_are_far_away():
    table = [difference_hash(np.asarray(scene(seed))) for seed in range(40)]
    assert near_pairs(table) == [] and near_pairs(table, limit=2 * NEAR) == []


@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
@settings(max_examples=60)
def test_what_pairs_lead_to_is_one_group(pairs):
    groups = connected(10, pairs)
    assert all(groups[a] == groups[b] for a, b in pairs)
    # As many groups as a graph of these edges has parts.
    seen, parts = set(), 0
    for start in range(10):
        if start not in seen:
            parts += 1
            waiting = [start]
            while waiting:
                thing = waiting.pop()
                seen.add(thing)
                near = {b for a, b in pairs if a == thing} | {a for a, b in pairs if b == thing}
                waiting += near - seen
    assert len(set(groups.tolist())) == parts


def test_a_split_keeps_near_identical_photos_together(folder):
    dataset = Dataset()
    for path in folder[:-1]:
        dataset.add_image("x", path, path)
    dataset.load_boxes = lambda image_id: ([], [])
    dataset.prepare()
    groups = similar_groups(dataset)
    assert len(set(groups.tolist())) == 6
    for seed in range(5):
        parts = split(dataset, {"a": 0.5, "b": 0.5}, seed, group="similar")
        for part in parts.values():
            names = [info["id"].rpartition("/")[2] for info in part.image_info]
            assert ("2.png" in names) == ("2 small.jpg" in names)
            assert ("4.png" in names) == ("4 again.png" in names)
