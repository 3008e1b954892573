"""Guards: a link in any page of the repository leads to a file and a heading that are there.

Sphinx follows those among the pages of docs/ (`make docs`); README, examples and figures are read
where the repository is shown.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/course/*.md",
        "examples/*/*.md",
        "benchmarks/*.md",
        "weights/*.md",
    )
    for path in ROOT.glob(pattern)
)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Link:
    """Where a link stands and what it names: path and heading, each "" where it names none."""

    line: int
    path: str
    heading: str


def links_of(text: str) -> list[Link]:
    """Links of a page into the repository, from top to bottom; those within code are none."""
    prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    prose = re.sub(r"`[^`\n]*`", lambda code: code[0] if "](" not in code[0] else "", prose)
    links = []
    for match in _LINK.finditer(prose):
        if not re.match(r"[a-z]+:", match["target"]):
            path, _, heading = unquote(match["target"]).partition("#")
            links.append(Link(prose.count("\n", 0, match.start()) + 1, path, heading))
    return links


def anchors_of(text: str) -> set[str]:
    """The names of a page's headings in links."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def leads_somewhere(link: Link, page: Path, text: str) -> bool:
    """Whether there is such a file and, of a page, such a heading."""
    target = page.parent / link.path if link.path else page
    if not link.path or not link.heading or target.suffix != ".md":
        return target.exists() if link.path else link.heading in anchors_of(text)
    return target.is_file() and link.heading in anchors_of(target.read_text(encoding="utf-8"))


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page that lead nowhere, each with its line."""
    broken = [link for link in links_of(text) if not leads_somewhere(link, page, text)]
    return [f"line {link.line}: {link.path}#{link.heading}".rstrip("#") for link in broken]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert broken_links(ROOT / page, (ROOT / page).read_text(encoding="utf-8")) == []


def test_broken_links_are_seen(tmp_path):
    (tmp_path / "other.md").write_text("# Other\n\n## Two words, `code`\n")
    page = tmp_path / "page.md"
    text = (
        "# Page\n[a](other.md) [b](https://x.org/y) [c](other.md#two-words-code) [d](#page)\n"
        "[e](gone.md)\n```\n[no link](at.all)\n```\n`f[0](x)` ![g](gone.jpg) [h](other.md#three)\n"
        "[i](#nothing) [j](.)\n"
    )
    assert broken_links(page, text) == [
        "line 3: gone.md",
        "line 7: gone.jpg",
        "line 7: other.md#three",
        "line 8: #nothing",
    ]


def test_pages_of_every_kind_are_read():
    assert {"README.md", "CONTRIBUTING.md", "docs/index.md", "benchmarks/README.md"} <= set(PAGES)
    assert sum(len(links_of((ROOT / page).read_text(encoding="utf-8"))) for page in PAGES) > 30
