"""``maskdet`` and ``python -m maskdet``: a command's answer, mistakes in one sentence."""

import contextlib
import errno
import gc
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from maskdet.commands.answers import DONE, MISTAKE, STOPPED, Answer
from maskdet.commands.parser import Parser, build_parser
from maskdet.errors import MaskdetError, MaskdetWarning
from maskdet.json_text import json_text


def program() -> int:
    """:func:`main` in a process of its own, which is over afterwards."""
    status = main()
    # Python would take TensorFlow's modules and graphs apart at its end, which took a second.
    gc.freeze()
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = build_parser()
    _complete(parser)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        parser.print_help()
        _flush_output()
        return MISTAKE
    try:
        args = parser.parse_args(given)
    finally:  # help has been printed, to somebody who may have read enough of it
        _flush_output()
    with _spoken_warnings(), _standard_output(args.json) as out:
        try:
            status = _answer(args, out)
            if out is not None:  # as where there is no console
                out.flush()
        except MaskdetError as error:
            status = _failed(str(error), args, out)
        except KeyboardInterrupt:
            status = _failed(_hint(args, "stopped."), args, out, STOPPED)
        except BrokenPipeError:  # the reader of our output has seen enough
            status = DONE
        except OSError as error:
            if error.errno not in _SENTENCES and error.filename is None:
                raise
            status = _failed(_of_system(error, args), args, out)
    _flush_output()
    return status


def _answer(args: Any, out: TextIO) -> int:
    answer = args.command.run(args)
    if not isinstance(answer, Answer):
        answer = Answer()
    if args.json:
        _print_json(answer.facts, out)
    return answer.status


def _print_json(facts: Mapping[str, Any], out: TextIO) -> None:
    text = json_text(facts)
    try:
        text.encode(getattr(out, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # a terminal of few letters, or a file's name that is no text
        text = json_text(facts, ascii_only=True)
    print(text, end="", file=out)


def _flush_output() -> None:
    """Write out what is held of stdout; where it goes nowhere, Python shall not complain of it at
    its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        with contextlib.suppress(OSError):  # such as a disk too full for this, too
            _print_json({"error": text}, out)
    return status


@contextlib.contextmanager
def _standard_output(for_programs: bool) -> Iterator[TextIO]:
    """Where the answer goes: with ``--json`` nothing but the JSON goes to stdout."""
    out = sys.stdout
    if hasattr(out, "reconfigure"):  # names of files need not be text that it can write
        out.reconfigure(errors="backslashreplace")
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
