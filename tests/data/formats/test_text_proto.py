"""Guards: whatever a text protobuf says is read as it was meant, with the line of each field, and
what cannot be read is refused with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.data.formats.text_proto import Field, Message, Word, parse_text_proto
from maskdet.errors import DataError


def parsed(text):
    return parse_text_proto(text, "x.config")


def plain(message):
    """(name, value) of each field, messages as lists."""
    return [
        (field.name, plain(field.value) if isinstance(field.value, Message) else field.value)
        for field in message.fields
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", [("a", 1)]),
        ("a { b: 2 }", [("a", [("b", 2)])]),
        ("a: { b: 2 }", [("a", [("b", 2)])]),
        ("a < b: 2 >", [("a", [("b", 2)])]),
        ("a {}", [("a", [])]),
        ("a: 1, b: 2; c: 3", [("a", 1), ("b", 2), ("c", 3)]),
        ("a: 1 # b: 2\nc: 3", [("a", 1), ("c", 3)]),
        ("a: 1 a: 2", [("a", 1), ("a", 2)]),
        ("a: [1, 2.5]", [("a", 1), ("a", 2.5)]),
        ("a: []", []),
        ("a [{ b: 1 }, { b: 2 }]", [("a", [("b", 1)]), ("a", [("b", 2)])]),
        ("a: RELU_6 b: true", [("a", "RELU_6"), ("b", "true")]),
        ("a: .8 b: 1e-8 c: 5. d: 1f", [("a", 0.8), ("b", 1e-8), ("c", 5.0), ("d", 1.0)]),
        ("a: -4.6 b: - 3 c: -inf", [("a", -4.6), ("b", -3), ("c", "-inf")]),
        ("a: 0x1F b: 017 c: 0", [("a", 31), ("b", 15), ("c", 0)]),
        ("""a: "it's" b: 'say "x"'""", [("a", "it's"), ("b", 'say "x"')]),
        ("a: 'one ' \"two\"\n  ' three'", [("a", "one two three")]),
        (r"a: 'it\'s\n\t\\ \303\244 \xc3\xa4'", [("a", "it's\n\t\\ ä ä")]),
        (r"a: '\u00e4\U0001F600'", [("a", "ä\U0001f600")]),
        ("a: '# no comment'", [("a", "# no comment")]),
        ("[x.y/z] { a: 1 }", [("[x.y/z]", [("a", 1)])]),
        ("", []),
    ],
)
def test_every_spelling(text, expected):
    assert plain(parsed(text)) == expected


def test_a_word_is_told_from_text():
    values = [field.value for field in parsed("a: true b: 'true'").fields]
    assert [type(value) for value in values] == [Word, str]


def test_each_field_has_its_line():
    message = parsed("# one\na {\n  b: 1\n  c: [\n    2\n,    3]\n}\n\nd: 'x'\n")
    inner = message.fields[0].value
    assert [(field.name, field.line) for field in message.fields] == [("a", 2), ("d", 9)]
    assert inner.fields == (Field("b", 1, 3), Field("c", 2, 5), Field("c", 3, 6))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: }", "line 2 has '}' where a value is expected"),
        ("a: 1\nb 2", "line 2 has '2' where ':' or '{' after b is expected"),
        ("a {\n  b: 1\n", "line 1 opens a brace that is not closed"),
        ("a: 1\n}", "line 2 closes a brace that was not opened"),
        ("a: [1 2]", "line 1 has '2' where ',' or ']' is expected"),
        ("a:", "line 1 has the end of the file where a value is expected"),
        ("a: 1\n\n= 2", "line 3 is not understood ('= 2')"),
        ("a: 'x\n'", "line 1 is not understood"),
        ("a: 12abc", "line 1 is not understood"),
        ("1: 2", "line 1 has '1' where the name of a field is expected"),
        ("a { b: 1 >", "line 1 has '>' where the name of a field is expected"),
        (r"a: '\377'", "line 1 has text that is no UTF-8"),
        ("a {" * 5000, "line 1 is more than 100 messages deep"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, message):
    with pytest.raises(DataError) as raised:
        parsed(text)
    assert str(raised.value).startswith(f"x.config, {message}")
    assert "\n" not in str(raised.value)
    assert raised.value.line == int(message.split()[1])


# ---- whatever is written is read again --------------------------------------------------------
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
scalars = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=12),
    names.map(Word),
)
messages = st.recursive(
    st.lists(st.tuples(names, scalars), max_size=3),
    lambda inner: st.lists(st.tuples(names, scalars | inner), max_size=4),
    max_leaves=20,
)


def written(fields, draw):
    """Text of fields, in spellings that ``draw`` chooses."""
    parts = []
    for name, value in fields:
        if isinstance(value, list):
            opening = draw(st.sampled_from(["{}", "<>"]))
            colon = draw(st.sampled_from(["", ":"]))
            parts.append(f"{name} {colon} {opening[0]}\n{written(value, draw)}{opening[1]}")
        else:
            parts.append(f"{name}: {spelled(value, draw)}")
        parts.append(draw(st.sampled_from(["\n", ", ", ";", " # remark }\n", "\n\n"])))
    return "".join(parts)


def spelled(value, draw):
    if isinstance(value, Word):
        return str(value)
    if not isinstance(value, str):
        return repr(value)
    quote = draw(st.sampled_from("\"'"))
    at = draw(st.integers(0, len(value)))
    return f" {draw(st.sampled_from(['', chr(10)]))}".join(
        quote + escaped(part, quote) + quote for part in (value[:at], value[at:])
    )


def escaped(text, quote):
    return text.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n")


@settings(max_examples=60, deadline=None)
@given(messages, st.data())
def test_nested_messages_come_back(fields, data):
    assert plain(parsed(written(fields, data.draw))) == fields
