"""Promise: no class is lost, whatever numbers and names its files give it."""

import time

import numpy as np
import pytest
from PIL import Image

from maskdet import Dataset
from maskdet.data.annotated import Item, Picture, build_dataset
from maskdet.data.check.contents import check_classes
from maskdet.data.check.near_names import near_misses
from maskdet.data.class_rules import shown_names, source_class_ids
from maskdet.data.formats.class_folders import class_of_folder, folder_of_class


def pictures(folder, *names):
    Image.new("RGB", (20, 10)).save(folder / "a.png")
    items = [Item(name, f"object {name}", (1, 1, 5, 5 + i)) for i, name in enumerate(names)]
    return [Picture("a", folder / "a.png", "photo a", items)]


@pytest.mark.parametrize(
    ("names", "stated", "expected"),
    [
        (["a", "b"], {}, {"a": 1, "b": 2}),
        (["a", "b"], {"a": 7, "b": 3}, {"a": 7, "b": 3}),
        (["a", "b", "c"], {"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 4, "c": 2}),
        (["a", "new", "b"], {"a": 2, "b": 3}, {"a": 2, "new": 4, "b": 3}),
        (["a", "b"], {"a": 1, "b": "1"}, {"a": 1, "b": 2}),  # maps hold ids as text
        (["a", "b"], {"a": -1, "b": -1}, {"a": -1, "b": 2}),
    ],
    ids=["none", "kept", "shared", "position taken", "text", "both -1"],
)
def test_each_class_has_an_id_of_its_own(names, stated, expected):
    assert source_class_ids(names, stated) == expected
    assert list(source_class_ids(names, stated)) == names


def test_classes_of_one_id_stay_two_classes_in_every_format(tmp_path):
    dataset = build_dataset(pictures(tmp_path, "bolt", "nut"), "x", class_ids={"bolt": 1, "nut": 1})
    assert dataset.class_names == ["BG", "bolt", "nut"]
    assert dataset.load_boxes(0)[1].tolist() == [1, 2]
    assert dataset.class_counts() == {"bolt": 1, "nut": 1}
    assert dataset.class_from_source_map == {".0": 0, "x.1": 1, "x.2": 2}


def test_a_class_that_cannot_be_added_is_said(caplog):
    dataset = Dataset()
    dataset.add_class("x", 1, "bolt")
    dataset.add_class("x", 1, "bolt")
    assert not caplog.records
    dataset.add_class("x", 1, "nut")
    assert "'nut' is not added" in caplog.text and "'bolt' already" in caplog.text


def test_names_with_commas_are_shortened_only_where_that_tells_them_apart(tmp_path):
    assert shown_names(["person, individual", "cat"]) == ["person", "cat"]
    assert shown_names(["bolt, M8", "bolt, M10", "nut"]) == ["bolt, M8", "bolt, M10", "nut"]
    assert shown_names(["a,b", "a", ",c"]) == ["a,b", "a", ",c"]
    dataset = build_dataset(pictures(tmp_path, "bolt, M8", "bolt, M10", "bolt, M10"), "x")
    assert dataset.class_names == ["BG", "bolt, M10", "bolt, M8"]
    assert dataset.class_counts() == {"bolt, M10": 2, "bolt, M8": 1}


NAMES = [
    "a/b",
    "a_b",
    "a%2Fb",
    "a%252Fb",
    "50%",
    "x:y",
    "..",
    ".hidden",
    "end.",
    "a b",
    'q"?*<>|\\',
]


def test_a_folder_for_each_class():
    folders = [folder_of_class(name) for name in NAMES]
    assert len(set(folders)) == len(NAMES)
    assert [class_of_folder(folder) for folder in folders] == NAMES
    assert not set('/\\:*?"<>|') & set("".join(folders))
    assert not any(folder.startswith(".") or folder.endswith((".", " ")) for folder in folders)
    for plain in ("cat", "Käfig 3", "100%", "a%20b"[:3]):  # other people's folders
        assert class_of_folder(plain) == plain == folder_of_class(plain)


def test_near_misses_are_what_comparing_all_pairs_gives():
    """The quick search against the plain one, on names that differ a little."""
    import difflib
    import re

    rng = np.random.default_rng(3)
    words = ["traffic light", "fire truck", "Fire-Truck", "speed 40", "speed 60", "cat", "cot"]
    names = words + ["".join(rng.choice(list("abcde"), 8)) for _ in range(100)]
    names += [name[:-1] + "x" for name in names] + [f"{name} " for name in names[:20:3]]
    counts = sorted((int(n) for n in rng.geometric(0.01, len(names))), reverse=True)
    expected = []
    for rank, name in enumerate(names):
        for before, other in enumerate(names[:rank]):
            plain = [re.sub(r"[\s_-]+", " ", text.strip().casefold()) for text in (name, other)]
            letters = counts[rank] * 10 <= counts[before] and min(map(len, plain)) >= 5
            letters = letters and not any(letter.isdigit() for letter in name + other)
            ratio = difflib.SequenceMatcher(None, *plain).ratio()
            if plain[0] == plain[1] or (letters and ratio >= 0.85):
                expected.append((name, other))
                break
    assert len(expected) > 5
    assert list(near_misses(names, counts)) == expected


def test_three_thousand_classes_are_compared_in_seconds():
    names = {
        f"product {chr(97 + i % 26)}{chr(97 + i // 26 % 26)} of {i * 7919}": 1 for i in range(2900)
    }
    names |= {
        f"product {chr(97 + i % 26)} {'xyz' * (i % 5)}{i // 26 * 'w'}": 50 for i in range(100)
    }
    begun = time.monotonic()
    list(check_classes(names))
    assert time.monotonic() - begun < 4
