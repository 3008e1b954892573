"""Promise: a report shows every name as it is, is one file, and asks nobody for anything."""

import re

import numpy as np
import pytest

from maskdet.report.chapters import (
    Chapter,
    Figure,
    Folded,
    Headline,
    Mark,
    Photos,
    Table,
    Text,
    count_of,
    number,
    share,
)
from maskdet.report.charts import Line, inline_svg, line_chart
from maskdet.report.page import render, write
from maskdet.report.photos import picture_of, small_photo
from tests.report.reading import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7 * 7 }}{% raw %}",
    "$x^2$ & <b>cat</b> &amp;",
    "_Mädchen_ 猫 \U0001f408",
    "</svg></style><!--",
]


def everything(name):
    """A report with a name wherever one can stand."""
    picture = picture_of(np.full((40, 60, 3), 120, np.uint8), name, name, [Mark("#0072b2", name)])
    chart = line_chart(name, [Line(name, [1, 2, 3], [0.5, 0.2, 0.1])], "epoch", name)
    table = Table((name, name), ((name, name),), name, shades=((0.5,),))
    parts = (Text(name), table, chart, chart, Photos((picture,), (Mark("#d55e00", name),)))
    chapter = Chapter(name, name, (*parts, Folded(name, (Text(name, strong=True), chart))))
    return render(name, name, [Headline(name, name, name)], [chapter], name)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_they_are_and_do_nothing(name):
    html = everything(name)
    page = Page(html)
    assert page.open == []
    assert page.text.count(" ".join(name.split())) >= 20
    assert not page.tags("script")
    assert not [a for _, a in page.elements if any(key.startswith("on") for key in a)]
    plain = Page(everything("cat"))
    assert [tag for tag, _ in page.elements if tag != "wbr"] == [
        tag for tag, _ in plain.elements if tag != "wbr"
    ]


def test_nothing_is_fetched_from_anywhere():
    html = everything("cat")
    addresses = [
        value
        for _, attributes in Page(html).elements
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "xlink:href", "action", "poster", "data")
    ]
    assert len(addresses) > 5
    assert [a for a in addresses if not a.startswith(("#", "data:"))] == []
    assert "://" not in re.sub(r"data:[^\"]*", "", html)
    assert not re.search(r"@import|url\((?!#)", html)
    [policy] = [
        meta["content"]
        for meta in Page(html).tags("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_charts_of_one_page_do_not_share_ids():
    page = Page(everything("cat"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) > 30 and len(ids) == len(set(ids))
    asked_for = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    assert asked_for and asked_for <= set(ids)
    clips = [a["clip-path"] for _, a in page.elements if "clip-path" in a]
    assert clips and {re.fullmatch(r"url\(#(.*)\)", clip)[1] for clip in clips} <= set(ids)


def test_a_chart_keeps_its_text_as_text_and_none_of_its_own_styles():
    chart = line_chart("loss", [Line("a", [1, 2], [3, 4])], "epoch", "loss over epochs")
    svg = inline_svg(chart.svg, "x-")
    page = Page(svg)
    assert "epoch" in page.text
    assert not {"style", "metadata", "script"} & {tag for tag, _ in page.elements}
    [root] = page.tags("svg")
    assert "viewbox" in root and "width" not in root and "xmlns" not in root
    assert float(root["viewbox"].split()[2]) <= 4 * 72


def test_a_chart_leaves_out_what_is_no_number_and_needs_none_at_all():
    gaps = line_chart("t", [Line("a", [1, 2, 3], [0.5, np.nan, np.inf])], "epoch", "alt")
    assert gaps.marks == (Mark("#0072b2", "a"),)
    assert "nan" not in Page(gaps.svg).text.lower()
    assert isinstance(line_chart("t", [], "epoch", "alt"), Figure)


def test_drawing_leaves_matplotlibs_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    line_chart("t", [Line("a", [1, 2], [3, 4])], "epoch", "alt")
    assert dict(matplotlib.rcParams) == before


def test_a_page_is_written_whole_also_with_half_a_character(tmp_path):
    path = tmp_path / "new" / "report.html"
    write(path, render("photo \udcff.jpg", "", [], []))  # as Linux gives a broken file name
    assert "<h1>photo ?.jpg</h1>" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((480, 640), (480, 640)),
        ((3000, 4000), (480, 640)),
        ((20, 30), (20, 30)),
        ((5000, 3), (640, 1)),
    ],
)
def test_photos_become_small_and_never_larger(shape, expected):
    assert small_photo(np.zeros((*shape, 3), np.uint8)).shape == (*expected, 3)


def test_a_photo_of_noise_is_not_too_many_bytes():
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    picture = picture_of(noise, "noise.jpg", "noise")
    assert picture.jpeg[:2] == b"\xff\xd8" and (picture.width, picture.height) == (640, 640)
    assert 18 * len(picture.jpeg) * 4 / 3 < 4.5e6  # the worst that can be
    flat = picture_of(np.full((640, 640, 3), 99, np.uint8), "flat.jpg", "flat")
    assert len(flat.jpeg) < 20_000


def test_figures_as_text():
    assert (number(0.12345), number(float("nan"))) == ("0.123", "–")
    assert (share(1, 3), share(0, 0)) == ("33 %", "–")
    assert (count_of(1, "photo"), count_of(2, "class", "classes")) == ("1 photo", "2 classes")
