"""What a report holds, before it is a page: plain values, no HTML but a chart's SVG."""

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias


@dataclass(frozen=True)
class Mark:
    """A colour and what it stands for.

    Attributes:
        colour: as in CSS, "#0072b2".
        text: what it stands for.
        dashed: whether its line is.
    """

    colour: str
    text: str
    dashed: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph; ``strong`` for what a reader must not miss."""

    kind: ClassVar[str] = "text"

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of each row is its head.

    Attributes:
        columns: heads of the columns; () where the table needs none.
        rows: as many cells each as there are columns.
        caption: what the table shows.
        words: whether cells are words; else numbers, which stand at the right.
        shades: 0..1 for each cell behind the head, how strongly it is coloured; () for none.
    """

    kind: ClassVar[str] = "table"

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    words: bool = False
    shades: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Figure:
    """A chart.

    Attributes:
        svg: a whole SVG document.
        title: above it.
        alt: what it shows, for those who cannot see it.
        marks: what its lines are.
    """

    kind: ClassVar[str] = "figure"

    svg: str
    title: str
    alt: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Photo:
    """A photo.

    Attributes:
        jpeg: the content of a JPEG file.
        width: in pixels; height: too.
        title: usually the photo's name.
        alt: what it shows, for those who cannot see it.
        marks: what is to be seen in it, in the colours in which it is drawn.
    """

    jpeg: bytes
    width: int
    height: int
    title: str
    alt: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Photos:
    """Photos, and what the colours in them mean."""

    kind: ClassVar[str] = "pictures"

    pictures: tuple[Photo, ...]
    legend: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Folded:
    """Parts that are shown when a reader asks for them."""

    kind: ClassVar[str] = "folded"

    title: str
    parts: "tuple[Part, ...]"


Part: TypeAlias = Text | Table | Figure | Photos | Folded


@dataclass(frozen=True)
class Chapter:
    """A chapter of a report.

    Attributes:
        title: its heading.
        note: a sentence or two on how to read it; empty for none.
        parts: what is in it.
    """

    title: str
    note: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Headline:
    """One of the few figures at the top: what, how much, and what that means in a few words."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Contents:
    """What a task has to say of an evaluation.

    Attributes:
        headlines: its main figures.
        chapters: everything else, the most telling first.
        summary: the same in a sentence or two.
    """

    headlines: tuple[Headline, ...] = ()
    chapters: tuple[Chapter, ...] = field(default=())
    summary: str = ""


def number(value: float, digits: int = 3) -> str:
    """A figure as text; a dash for what is no number."""
    return f"{value:.{digits}f}" if value == value else "–"


def share(part: int, whole: int) -> str:
    """Part of a whole in per cent; a dash for a part of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def count_of(count: int, thing: str, things: str | None = None) -> str:
    """A number of things: "1 photo", "2 photos"."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
