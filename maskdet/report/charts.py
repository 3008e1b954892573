"""Charts as SVG, narrow enough for a phone; matplotlib is loaded when the first one is drawn."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from maskdet.report.chapters import Figure, Mark

#: Colours that people who see few can tell apart too (Okabe and Ito 2008), darker where needed to
#: stand out from white.
COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#b0478c", "#8a6d00", "#2f9fd8", "#5b4bb7", "#7a3b00")
GREY = "#767676"
# Inches, and points: shown 300 pixels wide, as on a small phone, letters are 14 pixels high.
_SIZE = (4.0, 2.9)
_LETTERS = 13.6
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "font.size": _LETTERS,
    "font.family": "sans-serif",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: in the legend.
        x: (N,); y: too, with NaN where there is nothing.
        colour: as in CSS.
        dashed: or drawn through.
        dots: whether each value has one.
    """

    name: str
    x: Sequence[float] | NDArray[Any]
    y: Sequence[float] | NDArray[Any]
    colour: str = COLOURS[0]
    dashed: bool = False
    dots: bool = False


def line_chart(
    title: str,
    lines: Sequence[Line],
    x_label: str,
    alt: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    limits: Sequence[tuple[float, str]] = (),
) -> Figure:
    """Lines over one axis, with names beside the chart, where there is room for any.

    Args:
        x_range: of the axis; None for that of the values.
        y_range: likewise; None for 0 to the largest value.
        limits: vertical lines, (where, a letter or two above).
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    content = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Letters are the reader's own, whatever this machine's font has of them.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas = Canvas(figsize=_SIZE, layout="constrained")
        axes = canvas.add_subplot()
        for line in lines:
            x, y = np.asarray(line.x, float), np.asarray(line.y, float)
            known = np.isfinite(y)
            style = (0, (4, 2)) if line.dashed else "-"
            dot = "o" if line.dots or known.sum() == 1 else ""
            axes.plot(x[known], y[known], ls=style, marker=dot, ms=4.5, lw=1.8, color=line.colour)
        axes.set_xlabel(x_label)
        axes.grid(alpha=0.3)
        if x_range is not None:
            axes.set_xlim(*x_range)
        if y_range is None:
            axes.set_ylim(bottom=0)
        else:
            axes.set_ylim(*y_range)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=x_range is None))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        for where, letter in limits:
            axes.axvline(where, color=GREY, lw=1, ls=":")
            axes.annotate(
                letter,
                (where, 1),
                (3, -2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="top",
                color=GREY,
            )
        canvas.savefig(content, format="svg")
    marks = tuple(Mark(line.colour, line.name, line.dashed) for line in lines)
    return Figure(content.getvalue().decode("utf-8"), title, alt, marks)


def inline_svg(svg: str, prefix: str) -> str:
    """A whole SVG document as an element within HTML.

    Several can stand in one page: all ids begin with ``prefix``, styles that would hold for the
    page go, and so does what only a file needs.

    Args:
        svg: well-formed, as matplotlib writes it.
        prefix: begins with a letter.
    """
    root = ElementTree.fromstring(svg)
    for parent in root.iter():
        for child in list(parent):
            if _bare(child.tag) in ("metadata", "style", "script"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _bare(element.tag)
        element.attrib = {
            _bare(name): _with_prefix(_bare(name), value, prefix)
            for name, value in element.attrib.items()
        }
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")  # the figure has its words beside it
    return ElementTree.tostring(root, encoding="unicode")


def _bare(name: Any) -> str:
    return str(name).rsplit("}", 1)[-1]


def _with_prefix(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name == "href" and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    return value.replace("url(#", f"url(#{prefix}")
