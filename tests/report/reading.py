"""What a page of a report says, read as a browser reads it."""

from html.parser import HTMLParser

from maskdet.report.chapters import Folded

#: Elements that close nothing.
VOID = {"meta", "link", "img", "br", "wbr", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page as (tag, attributes), and its text.

    Attributes:
        elements: in their order.
        text: all of it, with single spaces.
        open: elements that are never closed.
    """

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self._pieces = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("th", "td", "li", "p", "span"):
            self._pieces.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self._pieces.append(data)

    @property
    def text(self):
        return " ".join("".join(self._pieces).split())

    def tags(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def parts_of(chapter, kind):
    """The parts of a kind in a chapter, those that are folded away too."""

    def flat(parts):
        for part in parts:
            yield part
            if isinstance(part, Folded):
                yield from flat(part.parts)

    return [part for part in flat(chapter.parts) if part.kind == kind]


def chapter(contents, title):
    """The one chapter of that title."""
    [wanted] = [chapter for chapter in contents.chapters if chapter.title == title]
    return wanted


def texts(chapter):
    return [part.text for part in parts_of(chapter, "text")]
