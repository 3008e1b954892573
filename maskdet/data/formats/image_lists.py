"""Lists of images as VOC keeps them in ``ImageSets/Main``: a text file, a name a line.

ImageNet's in ``ImageSets/CLS-LOC`` have a folder before a name and a running number behind it.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from maskdet.data.formats.text_file import read_text
from maskdet.images import photo_endings

# VOC's lists for single classes: the class is in the image, is not, or only as difficult objects.
_MARKS = ("1", "-1", "0")
# "n01440764/n01440764_10040 17" and "ILSVRC2012_val_00000001 1".
_OF_IMAGENET = re.compile(r"(?:n\d{8}/)?(n\d{8}_\d+|ILSVRC\d{4}_\w+) \d+")


def listed_names(
    path: str | os.PathLike[str], known: Callable[[str], Any]
) -> Iterator[tuple[int, str, str]]:
    """(line number, name, mark) of each line that is not empty; the mark is "" where there is none.

    Names may hold blanks. A mark, or the ending of a photo or its XML file, belongs to the name if
    there is such a name, and else to the list.

    Args:
        known: whether a name is one of the data set's.

    Raises:
        DataError: if the file cannot be read.
    """
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        name = text.strip()
        if name:
            plain, mark = _without_mark(name)
            spellings = [(name, ""), (plain, mark), (_without_ending(plain), mark)]
            if match := _OF_IMAGENET.fullmatch(name):
                spellings.append((match[1], ""))
            fitting = (spelling for spelling in spellings if known(spelling[0]))
            yield line, *next(fitting, (plain, mark))


def _without_mark(text: str) -> tuple[str, str]:
    words = text.rsplit(maxsplit=1)
    return (words[0], words[1]) if len(words) == 2 and words[1] in _MARKS else (text, "")


def _without_ending(name: str) -> str:
    ending = Path(name).suffix
    known = ending.lower() == ".xml" or ending.lower() in photo_endings()
    return name.removesuffix(ending) if known else name
