"""Promise: whoever mistypes is told what was meant, and help shows what works."""

import shlex

import pytest

from maskdet.commands.answers import MISTAKE
from maskdet.commands.parser import build_parser
from maskdet.commands.table import COMMANDS, command


def complaint(capsys, line):
    with pytest.raises(SystemExit) as end:
        build_parser("maskdet").parse_args(shlex.split(line))
    assert end.value.code == MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("maskdet: ") and err.count("\n") == 1
    return err.removeprefix("maskdet: ").strip()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            "chekc my_photos",
            "there is no command 'chekc'; did you mean check? (see maskdet --help)",
        ),
        ("exprot a b", "there is no command 'exprot'; did you mean export? (see maskdet --help)"),
        ("--versoin", "--versoin is not known here; did you mean --version? (see maskdet --help)"),
        (
            "export a b --precison int8",
            "--precison is not known here; did you mean --precision? (see maskdet export --help)",
        ),
        (
            "export a b --precison=int8",
            "--precison=int8 is not known here; did you mean --precision? "
            "(see maskdet export --help)",
        ),
        (
            "export a b --precision int9",
            "argument --precision: there is no choice 'int9'; did you mean int8? "
            "(see maskdet export --help)",
        ),
        (
            "serve page --prot 9000",
            "--prot is not known here; did you mean --port? (see maskdet serve --help)",
        ),
        # What is required may be what was mistyped.
        (
            "completion --jsno",
            "--jsno is not known here; did you mean --json? (see maskdet completion --help)",
        ),
        (
            "completion",
            "the following arguments are required: shell (see maskdet completion --help)",
        ),
        (
            "completion tcsh",
            "argument shell: there is no choice 'tcsh'; use bash, zsh, fish "
            "(see maskdet completion --help)",
        ),
        ("check a b", "b is not known here (see maskdet check --help)"),
        ("serve a --port x", "argument --port: invalid int value: 'x' (see maskdet serve --help)"),
    ],
)
def test_near_misses_are_named(capsys, line, text):
    assert complaint(capsys, line) == text


def test_a_word_that_is_near_nothing_gets_the_list(capsys):
    text = complaint(capsys, "quack")
    assert text.startswith("there is no command 'quack'; use demo, new, check, ")
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("line", ["check a --pic b", "export a b --over", "check a --con lite"])
def test_options_are_not_guessed(capsys, line):
    """An abbreviation that works today would be another option's tomorrow."""
    assert "is not known here" in complaint(capsys, line)


def examples():
    return [(name, line) for name in COMMANDS for line, _ in command(name).EXAMPLES]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_of_itself(name):
    lines = [line for known, line in examples() if known == name]
    assert lines
    assert all(shlex.split(line)[:2] == ["maskdet", name] for line in lines)


@pytest.mark.parametrize("line", [line for _, line in examples()])
def test_every_example_is_taken(line):
    words = shlex.split(line)
    # What a shell takes for itself.
    words = words[: next((i for i, word in enumerate(words) if word in (">", ">>")), len(words))]
    args = build_parser("maskdet").parse_args(words[1:])
    assert args.command is command(words[1])


def shown(name, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as end:
        build_parser("python -m maskdet").parse_args([name, "--help"] if name else ["--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_the_terminal(name, columns, monkeypatch, capsys):
    """Examples are to be copied, and alone may be wider."""
    lines = shown(name, columns, monkeypatch, capsys).splitlines()
    wide = [line for line in lines if len(line) > min(columns, 100)]
    assert [line for line in wide if not line.startswith("  maskdet ")] == []
    assert "examples:" in lines


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_says_the_same_in_any_width(name, monkeypatch, capsys):
    """Nothing is cut, and a choice that has no room in its line is in the text."""
    narrow, wide = (set(shown(name, n, monkeypatch, capsys).split()) for n in (40, 100))
    options = {word.strip("[]") for word in wide if word.strip("[]").startswith("--")}
    assert options <= {word.strip("[]") for word in narrow}


def test_choices_are_shown_in_any_width(monkeypatch, capsys):
    for columns in (40, 100):
        text = " ".join(shown("export", columns, monkeypatch, capsys).split())
        for choice in ("tflite", "onnx", "saved_model", "page", "float16", "int8"):
            assert choice in text


def test_examples_are_shown_whole_in_any_width(monkeypatch, capsys):
    text = shown("export", 40, monkeypatch, capsys)
    for line, meaning in command("export").EXAMPLES:
        assert f"  {line}\n" in text
        assert meaning in " ".join(text.split())


def test_every_command_stands_in_the_first_help_with_its_text(monkeypatch, capsys):
    text = " ".join(shown("", 80, monkeypatch, capsys).split())
    for name in COMMANDS:
        assert f"{name} {command(name).TEXT}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_text_is_a_sentence_without_its_point(name):
    text = command(name).TEXT
    assert text[0].islower() and not text.endswith(".") and "\n" not in text
