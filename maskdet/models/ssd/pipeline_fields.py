"""Fields of a pipeline.config by name, of which it is kept what was read and what was not."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from maskdet.data.formats.text_proto import Field, Message, Word
from maskdet.errors import ConfigError
from maskdet.models.ssd.pipeline_report import Report

_FLAGS = {"true": True, "t": True, "True": True, "false": False, "f": False, "False": False}


class Section:
    """A message of the file. Asking for a field takes it; what nobody took is in :meth:`left`.

    A section that the file lacks has no fields: asking it gives the defaults.

    Args:
        message: what it holds; None where the file has no such message.
        name: its full name, such as "model.ssd"; empty for the whole file.
        line: where it begins.
        report: of the whole file.
    """

    def __init__(self, message: Message | None, name: str, line: int, report: Report) -> None:
        self.message, self.name, self.line, self.report = message, name, line, report
        self._taken: set[int] = set()
        self._inner: dict[int, Section] = {}

    @property
    def given(self) -> bool:
        """Whether the file has it."""
        return self.message is not None

    @property
    def fields(self) -> tuple[Field, ...]:
        """All of its fields."""
        return self.message.fields if self.message is not None else ()

    def full(self, name: str) -> str:
        """The full name of one of its fields."""
        return f"{self.name}.{name}" if self.name else name

    # ---- taking fields ---------------------------------------------------------------------
    def _named(self, name: str) -> list[tuple[int, Field]]:
        found = [(i, field) for i, field in enumerate(self.fields) if field.name == name]
        self._taken |= {i for i, _ in found}
        return found

    def _one(self, name: str) -> tuple[int, Field] | None:
        found = self._named(name)
        if len(found) > 1:
            raise self.error(
                found[1][1], f"stands in line {found[0][1].line} already; leave one of them"
            )
        return found[0] if found else None

    def error(self, field: Field, claim: str) -> ConfigError:
        """What is wrong with a field, in a sentence that names it and its line."""
        return ConfigError(
            f"{self.report.path}, line {field.line}: {self.full(field.name)} {claim}."
        )

    def has(self, name: str) -> bool:
        """Whether there is such a field; does not take it."""
        return any(field.name == name for field in self.fields)

    def line_of(self, name: str) -> int:
        """The line of a field, or of this section where it lacks it."""
        return next((field.line for field in self.fields if field.name == name), self.line)

    def section(self, name: str) -> "Section":
        """The message of that name."""
        found = self._one(name)
        if found is None:
            return Section(None, self.full(name), self.line, self.report)
        return self._section(*found)

    def sections(self, name: str) -> list["Section"]:
        """All messages of that name."""
        return [self._section(i, field) for i, field in self._named(name)]

    def _section(self, index: int, field: Field) -> "Section":
        if not isinstance(field.value, Message):
            raise self.error(field, f"is {field.value!r}; give {field.name} {{ ... }}")
        name = self.full(field.name)
        return self._inner.setdefault(index, Section(field.value, name, field.line, self.report))

    def _value(self, name: str, wanted: str, kinds: Any) -> Any:
        found = self._one(name)
        if found is None:
            return None
        return self._checked(found[1], wanted, kinds)

    def _checked(self, field: Field, wanted: str, kinds: Any) -> Any:
        if not isinstance(field.value, kinds):
            value = "{ ... }" if isinstance(field.value, Message) else repr(field.value)
            raise self.error(field, f"is {value}; give {wanted}")
        return field.value

    def number(self, name: str, default: float = 0.0) -> float:
        """A number as people would write it: the file has the digits of its float32."""
        value = self._value(name, "a number", (int, float))
        return default if value is None else shortest(value)

    def numbers(self, name: str) -> list[float]:
        """A repeated number."""
        fields = [field for _, field in self._named(name)]
        return [shortest(self._checked(field, "a number", (int, float))) for field in fields]

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number that is not negative."""
        value = self._value(name, "a whole number", int)
        if value is not None and value < 0:
            raise self.error(Field(name, value, self.line_of(name)), f"is {value}; give 0 or more")
        return default if value is None else int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._value(name, "true or false", (Word, int))
        if value is None:
            return default
        if value not in (0, 1) and value not in _FLAGS:
            field = Field(name, value, self.line_of(name))
            raise self.error(field, f"is {value}; give true or false")
        return bool(_FLAGS.get(str(value), value))

    def text(self, name: str, default: str = "") -> str:
        """Text in quotes, or a word."""
        value = self._value(name, "text in quotes", str)
        return default if value is None else str(value)

    def texts(self, name: str) -> list[tuple[str, int]]:
        """A repeated text, each with its line."""
        fields = [field for _, field in self._named(name)]
        return [(str(self._checked(f, "text in quotes", str)), f.line) for f in fields]

    # ---- saying what became of them --------------------------------------------------------
    def carried(self, name: str, text: str) -> None:
        """Report a field as a setting, as in "NUM_CLASSES = 2", if the file has it."""
        if not name or self.has(name):
            self._said(self.report.carried, name, text)

    def nearest(self, name: str, text: str) -> None:
        """Report what comes nearest to a field."""
        self._said(self.report.nearest, name, text)

    def dropped(self, name: str, why: str) -> None:
        """Report that a field is not carried over; taken or not, it is not listed again."""
        self._named(name)
        self._said(self.report.left, name, why)

    def _said(self, lines: list[Any], name: str, text: str) -> None:
        lines.append((self.line_of(name), self.full(name) if name else self.name, text))

    def expect(self, here: str, **values: Any) -> None:
        """Take fields that must have one value to be carried over: what is always so ``here``."""
        for name, value in values.items():
            for _, field in self._named(name):
                own = field.value
                if isinstance(own, Word):
                    own = _FLAGS.get(own, str(own))
                elif isinstance(own, (int, float)):
                    own = shortest(own)
                if own != value:
                    self.dropped(name, f"is {field.value}, but {here}")
                    break

    def left(self) -> Iterator[tuple[int, str]]:
        """(line, full name) of every field that nobody took, those of messages one by one."""
        for index, field in enumerate(self.fields):
            if index in self._inner:
                yield from self._inner[index].left()
            elif index not in self._taken:
                yield from _leaves(field, self.full(field.name))


def lacking(section: Section, wanted: str, why: str) -> ConfigError:
    """The error for a section that holds nothing that can be read."""
    found = ", ".join(field.name for field in section.fields) or "nothing"
    return ConfigError(
        f"{section.report.path}, line {section.line}: {section.name} has {found}, but maskdet "
        f"reads {wanted}; {why}."
    )


def _leaves(field: Field, name: str) -> Iterator[tuple[int, str]]:
    inner = field.value.fields if isinstance(field.value, Message) else ()
    for child in inner:
        yield from _leaves(child, f"{name}.{child.name}")
    if not inner:
        yield field.line, name


def shortest(value: float) -> float:
    """The shortest number that is the same float32: 0.2 of 0.20000000298."""
    return float(str(np.float32(value)))
