"""How far a long job is: a bar where somebody looks, a line now and then in a file."""

import shutil
import sys
from collections.abc import Iterable, Sized
from typing import Any

from tqdm.auto import tqdm
from tqdm.std import tqdm as TerminalBar

# Columns from which there is room for a bar beside the numbers.
_ROOMY = 60
# Seconds between two lines of a job whose output goes to a file, and after which the first comes: a
# job that is done before says nothing.
_BETWEEN_LINES = 30.0
# Columns that are kept for share and time left in a narrower terminal.
_NUMBERS = 22
_NARROW = "{desc}: {percentage:.0f}%, {remaining} left{postfix}"
_LINE = "{desc}: {n_fmt} of {total_fmt}, {elapsed} gone, {remaining} left{postfix}"
_ENDLESS_LINE = "{desc}: {n_fmt}, {elapsed} gone{postfix}"


class _Lines(TerminalBar):
    """Whole lines in place of a bar that is drawn over itself, which a file cannot do."""

    @staticmethod
    def status_printer(file: Any) -> Any:
        def write(text: str) -> None:
            if text.strip():
                file.write(text + "\n")
                file.flush()

        return write

    def close(self) -> None:
        # tqdm ends its bar's line here, which ours have done, and would leave an empty one.
        if not self.disable:
            is_shown = self.last_print_t >= self.start_t + self.delay
            if is_shown and self.last_print_n < self.n:
                self.display()
            self.sp = None
        super().close()


def progress_bar(
    items: Iterable[Any] | None = None,
    label: str = "",
    total: int | None = None,
    unit: str = "photo",
    shown: bool = True,
    **options: Any,
) -> Any:
    """Something to iterate over, or to ``update``, that shows on stderr how far it is.

    In a terminal or notebook one bar with the time left, also where the terminal has 40 columns;
    elsewhere a line every half minute.

    Args:
        items: what is gone through; None: the caller updates.
        label: what is done.
        total: how many there are, where ``items`` does not say.
        unit: what one of them is.
        shown: False: nothing is shown.
        **options: of tqdm.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    settings: dict[str, Any] = {"desc": label, "total": total, "unit": unit, **options}
    if not shown:
        return tqdm(items, disable=True, **settings)
    if is_watched():
        if not is_notebook():
            settings["dynamic_ncols"] = True
            columns = shutil.get_terminal_size().columns
            if columns < _ROOMY:
                settings["bar_format"] = _NARROW
                room = columns - _NUMBERS
                settings["desc"] = label if len(label) <= room else f"{label[: room - 3]}..."
        return tqdm(items, **settings)
    settings |= {"mininterval": _BETWEEN_LINES, "delay": _BETWEEN_LINES}
    settings["bar_format"] = _ENDLESS_LINE if total is None else _LINE
    return _Lines(items, **settings)


def write_line(text: str) -> None:
    """Print a line on stdout beside bars that are being drawn."""
    tqdm.write(text)


def is_notebook() -> bool:
    """Whether bars are a notebook's."""
    # tqdm has found out already which of its bars fits here.
    return "tqdm_notebook" in {base.__name__ for base in tqdm.__mro__}


def is_watched() -> bool:
    """Whether somebody sees a bar: stderr is a terminal, or this is a notebook."""
    return is_notebook() or bool(getattr(sys.stderr, "isatty", bool)())


def span(seconds: float) -> str:
    """A time in words: "35 s", "12 min", "3 h 05 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
