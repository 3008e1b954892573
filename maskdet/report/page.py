"""A report as one HTML file: no other file, no request, no program in it."""

import base64
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskdet.files import write_whole
from maskdet.report.chapters import Chapter, Headline, Part
from maskdet.report.charts import inline_svg
from maskdet.version import __version__

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def render(
    title: str,
    subtitle: str,
    headlines: Sequence[Headline],
    chapters: Sequence[Chapter],
    summary: str = "",
) -> str:
    """The page as text.

    Names, paths and remarks may hold any character: they are shown as they are, whatever they would
    mean in HTML.

    Args:
        title: of the page.
        subtitle: one line below it.
        headlines: the few figures at the top.
        chapters: in this order.
        summary: a sentence or two beside the figures.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup, escape

    numbers = itertools.count(1)

    def inline(svg: str) -> Markup:
        return Markup(inline_svg(svg, f"chart{next(numbers)}-"))

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "inline": inline,
        "data_url": _data_url,
        "runs": _runs,
        # Long names of settings break where words end.
        "breakable": lambda text: escape(text).replace("_", Markup("_<wbr>")),
    }
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    page: str = template.render(
        title=title,
        subtitle=subtitle,
        headlines=headlines,
        chapters=chapters,
        summary=summary,
        version=__version__,
    )
    return page


def write(path: str | os.PathLike[str], page: str) -> None:
    """Write a page, whole or not at all. A lone half of a character pair becomes a question mark:
    file systems have names with such, UTF-8 has not."""
    write_whole(path, page.encode("utf-8", "replace"))


def _runs(parts: Sequence[Part]) -> list[tuple[bool, list[Part]]]:
    """Parts that follow each other, charts and others apart: charts stand side by side."""
    grouped = itertools.groupby(parts, lambda part: part.kind == "figure")
    return [(is_chart, list(run)) for is_chart, run in grouped]


def _data_url(jpeg: Any) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
