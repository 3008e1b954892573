"""``maskdet`` and ``python -m maskdet``: a command's answer, mistakes in one sentence."""

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from maskdet.commands.answers import DONE, MISTAKE, STOPPED, Answer
from maskdet.commands.parser import Parser, build_parser
from maskdet.errors import MaskdetError, MaskdetWarning
from maskdet.json_text import json_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = build_parser()
    _complete(parser)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        parser.print_help()
        return MISTAKE
    args = parser.parse_args(given)
    with _spoken_warnings(), _standard_output(args.json) as out:
        try:
            answer = args.command.run(args)
        except MaskdetError as error:
            return _failed(str(error), args, out)
        except KeyboardInterrupt:
            return _failed(_hint(args, "stopped."), args, out, STOPPED)
        except BrokenPipeError:  # the reader of our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        except OSError as error:
            if error.errno not in _SENTENCES and error.filename is None:
                raise
            return _failed(_of_system(error, args), args, out)
        if not isinstance(answer, Answer):
            answer = Answer()
        if args.json:
            print(json_text(answer.facts), end="", file=out)
        return answer.status


#: What the system refuses for reasons that a user can mend.
_SENTENCES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EACCES: "it may not be read or written by this user; change its owner or permissions",
    errno.EROFS: "it lies on a disk that cannot be written; choose another folder",
}


def _of_system(error: OSError, args: Any) -> str:
    where = f"{error.filename}: " if error.filename else ""
    what = _SENTENCES.get(error.errno or 0, f"{error.strerror}; check the path")
    return _hint(args, f"{where}{what}.")


def _hint(args: Any, text: str) -> str:
    """A sentence with what the command says of going on after an interruption."""
    hint = getattr(args.command, "after_a_stop", None)
    more = hint(args) if hint is not None else ""
    return f"{text} {more}" if more else text


def _failed(text: str, args: Any, out: TextIO, status: int = MISTAKE) -> int:
    print(f"{chr(10) if status == STOPPED else ''}maskdet: {text}", file=sys.stderr)
    if args.json:
        print(json_text({"error": text}), end="", file=out)
    return status


@contextlib.contextmanager
def _standard_output(for_programs: bool) -> Iterator[TextIO]:
    """Where the answer goes: with ``--json`` nothing but the JSON goes to stdout."""
    out = sys.stdout
    if not for_programs:
        yield out
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield out


@contextlib.contextmanager
def _spoken_warnings() -> Iterator[None]:
    """Our warnings as sentences, without the place in the code that a user has not written."""
    usual = warnings.showwarning

    def show(message: Any, category: Any, *place: Any, **options: Any) -> None:
        if issubclass(category, MaskdetWarning):
            print(f"maskdet: note: {message}", file=sys.stderr)
        else:
            usual(message, category, *place, **options)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def _complete(parser: Parser) -> None:
    """Answer the shell where it asks for completions (see ``maskdet completion``)."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
