"""Protobuf's text form, read without its schema: fields with the line that each stands on.

Values are whole numbers, floats, text, words (``true``, enums, ``inf``) and messages. See
https://protobuf.dev/reference/protobuf/textformat-spec.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from maskdet.errors import DataError


class Word(str):
    """A value without quotes that is no number: an enum's name, ``true``, ``-inf``."""


@dataclass(frozen=True)
class Field:
    """One ``name: value``; of a list ``[1, 2]`` each element is one.

    Attributes:
        name: as written; of an extension with its brackets.
        value: :class:`Word`, str (was in quotes), int, float or :class:`Message`.
        line: of the name, or of the element in a list; from 1.
    """

    name: str
    value: "str | int | float | Message"
    line: int


@dataclass(frozen=True)
class Message:
    """Fields in the file's order; a name may occur again."""

    fields: tuple[Field, ...] = ()

    def named(self, name: str) -> list[Field]:
        """The fields of a name."""
        return [field for field in self.fields if field.name == name]


def parse_text_proto(text: str, path: str | os.PathLike[str]) -> Message:
    """The message that a text says; ``path`` is what errors call the file.

    Raises:
        DataError: where the text is no such message; names the line. Its kind is that of label
            maps, which are all the data there is in this form.
    """
    return _Parser(text, path).whole()


_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\#[^\n]*)+)"""
    r"""|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.]))"""
    r"""|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign>[{}<>:\[\],;/.-])"""
)
_ESCAPE = re.compile(
    rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_LETTERS = dict(zip(b"abfnrtv\\'\"?", b"\a\b\f\n\r\t\v\\'\"?", strict=True))
_CLOSING = {"{": "}", "<": ">"}
# Messages in messages that are followed; real files have a dozen.
_DEEPEST = 100


@dataclass(frozen=True)
class _Token:
    line: int
    kind: str
    text: str


class _Parser:
    def __init__(self, text: str, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.tokens = list(self._split(text))
        self.position = 0

    def _split(self, text: str) -> Iterator[_Token]:
        position, line = 0, 1
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(line, f"is not understood ({text[position : position + 20]!r})")
            if match.lastgroup != "space":
                yield _Token(line, str(match.lastgroup), match.group())
            line += match.group().count("\n")
            position = match.end()
        yield _Token(line, "end", "")

    def _error(self, line: int, claim: str) -> DataError:
        return DataError(
            f"{self.path}, line {line} {claim}.",
            kind="broken label map",
            path=self.path,
            line=line,
        )

    @property
    def next(self) -> _Token:
        return self.tokens[self.position]

    def _take(self, *texts: str) -> _Token | None:
        """The next token, if it is one of these signs."""
        token = self.next
        if token.kind != "sign" or token.text not in texts:
            return None
        self.position += 1
        return token

    def _unexpected(self, wanted: str) -> DataError:
        token = self.next
        found = repr(token.text) if token.text else "the end of the file"
        return self._error(token.line, f"has {found} where {wanted} is expected")

    def whole(self) -> Message:
        fields = []
        while self.next.kind != "end":
            if self.next.text in _CLOSING.values():
                raise self._error(self.next.line, "closes a brace that was not opened")
            fields += self._field(0)
        return Message(tuple(fields))

    def _message(self, opening: _Token, depth: int) -> Message:
        if depth > _DEEPEST:
            raise self._error(opening.line, f"is more than {_DEEPEST} messages deep")
        fields: list[Field] = []
        while not self._take(_CLOSING[opening.text]):
            if self.next.kind == "end":
                raise self._error(opening.line, "opens a brace that is not closed; a brace is open")
            fields += self._field(depth)
        return Message(tuple(fields))

    def _field(self, depth: int) -> list[Field]:
        line, name = self.next.line, self._name()
        colon = self._take(":")
        if self._take("["):
            fields = list(self._elements(name, depth))
        elif not colon and self.next.text not in _CLOSING:
            raise self._unexpected(f"':' or '{{' after {name}")
        else:
            fields = [Field(name, self._value(depth), line)]
        self._take(",", ";")
        return fields

    def _name(self) -> str:
        if self.next.kind == "word":
            self.position += 1
            return self.tokens[self.position - 1].text
        if self._take("["):
            parts = []
            while not self._take("]"):
                if self.next.kind not in ("word", "number") and self.next.text not in "./-":
                    raise self._unexpected("the name of an extension")
                parts.append(self.next.text)
                self.position += 1
            return f"[{''.join(parts)}]"
        raise self._unexpected("the name of a field")

    def _elements(self, name: str, depth: int) -> Iterator[Field]:
        if self._take("]"):
            return
        while True:
            line = self.next.line
            yield Field(name, self._value(depth), line)
            if self._take("]"):
                return
            if not self._take(","):
                raise self._unexpected("',' or ']'")

    def _value(self, depth: int) -> "str | int | float | Message":
        opening = self._take(*_CLOSING)
        if opening:
            return self._message(opening, depth + 1)
        if self.next.kind == "text":
            return self._text()
        negative = bool(self._take("-"))
        token = self.next
        if token.kind == "word":
            self.position += 1
            return Word(f"-{token.text}" if negative else token.text)
        if token.kind == "number":
            self.position += 1
            number = _number(token.text)
            return -number if negative else number
        raise self._unexpected("a value")

    def _text(self) -> str:
        """Text in quotes; several behind each other are one."""
        line, parts = self.next.line, []
        while self.next.kind == "text":
            parts.append(_ESCAPE.sub(_unescaped, self.next.text[1:-1].encode()))
            self.position += 1
        try:
            return b"".join(parts).decode()
        except UnicodeDecodeError:
            raise self._error(line, "has text that is no UTF-8") from None


def _number(text: str) -> int | float:
    if text[:2].lower() == "0x":
        return int(text, 16)
    if text.isdigit():
        octal = len(text) > 1 and text[0] == "0" and not set(text) & set("89")
        return int(text, 8 if octal else 10)
    return float(text.rstrip("fF"))


def _unescaped(match: "re.Match[bytes]") -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 255])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if short is not None or long is not None:
        code = int(short or long, 16)
        return chr(code if code < 0x110000 else 0xFFFD).encode(errors="replace")
    # An escape that is none stands for its letter, as in files that other people's scripts write.
    return bytes([_LETTERS.get(letter[0], letter[0])])
