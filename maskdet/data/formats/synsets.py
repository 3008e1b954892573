"""Which words a WordNet id means: ImageNet calls its classes ``n01440764`` and so on."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from maskdet.data.formats.text_file import read_text
from maskdet.data.refusal import refuse
from maskdet.errors import DataError, UsageError

#: What the files with the words are called: Kaggle's, image-net.org's, and that of older copies.
FILE_NAMES = ("LOC_synset_mapping.txt", "words.txt", "synset_words.txt")
_ID = re.compile(r"n\d{8}")
_LINE = re.compile(r"(n\d{8})[ \t]+([^\s,].*)")
_log = logging.getLogger("maskdet")


def is_synset(name: str) -> bool:
    """Whether a class name is a WordNet id: n and eight digits."""
    return _ID.fullmatch(name) is not None


def mapping_files(folders: Iterable[Path]) -> list[Path]:
    """The files with the words that lie in these folders, in the order of the folders."""
    return [file for folder in folders for name in FILE_NAMES if (file := folder / name).is_file()]


def read_words(path: str | os.PathLike[str]) -> dict[str, str]:
    """All words of each id, "tench, Tinca tinca", from a file with an id and its words a line.

    Raises:
        DataError: if the file cannot be read, or a line is something else; names the line.
    """
    words: dict[str, str] = {}
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        match = _LINE.fullmatch(text.strip())
        if match is None:
            claim = f"is {text.strip()[:60]!r}, not a WordNet id and its words"
            raise _broken(path, line, f"{claim} (n01440764 tench, Tinca tinca); correct it")
        synset, meaning = match.groups()
        if words.setdefault(synset, meaning) != meaning:
            raise _broken(path, line, f"gives {synset} other words than before; remove one line")
    if not words:
        raise _broken(path, 1, "holds no WordNet id; put the whole file there, or remove it")
    return words


def class_names(words: Mapping[str, str]) -> dict[str, str]:
    """What each id's class is called: its first word, "tench".

    Ids that share their first word have the id behind it, "crane (n02012849)". All ids of the file
    count, not those of a set, so that a class is called the same in every part of a set.
    """
    first = {synset: meaning.split(",")[0].strip() for synset, meaning in words.items()}
    uses = Counter(word.casefold() for word in first.values())
    return {
        synset: word if uses[word.casefold()] == 1 else f"{word} ({synset})"
        for synset, word in first.items()
    }


class SynsetNames:
    """Names of a set's classes where these are WordNet ids; read when the first id comes.

    Args:
        root: folder of the data set, for messages.
        folders: where the file with the words may lie; the first that has one counts.
        classes: names or ids that the user gave; None for all.
        skip: warn of a file that cannot be used, and leave the ids as they are.
    """

    def __init__(
        self, root: Path, folders: Sequence[Path], classes: Sequence[str] | None, skip: bool
    ) -> None:
        self._root, self._folders, self._skip = root, folders, skip
        self._classes = classes

    def name(self, stated: str) -> str:
        """The name of a class that the files call ``stated``; what is no known id stays.

        Raises:
            DataError: if the file with the words is broken, unless it is to be skipped.
            UsageError: if one of the user's classes may be several ids.
        """
        return self._names.get(stated, stated) if is_synset(stated) else stated

    def chosen_classes(self) -> list[str] | None:
        """The user's classes by name, in their order, each once."""
        if self._classes is None:
            return None
        return list(dict.fromkeys(self.name(name) for name in self._classes))

    @cached_property
    def _names(self) -> dict[str, str]:
        file = next(iter(mapping_files(self._folders)), None)
        if file is None:
            _log.warning(
                "Classes of %s are WordNet ids such as n01440764; put %s (from Kaggle) or %s (from "
                "image-net.org) into that folder to have their names.",
                self._root,
                *FILE_NAMES[:2],
            )
            return {}
        try:
            names = class_names(read_words(file))
        except DataError as error:
            refuse(error, self._skip, "classes keep their WordNet ids")
            return {}
        self._check_classes(names, file)
        return names

    def _check_classes(self, names: Mapping[str, str], file: Path) -> None:
        for chosen in self._classes or ():
            start = f"{chosen} (n".casefold()
            alike = [name for name in names.values() if name.casefold().startswith(start)]
            if alike:
                raise UsageError(
                    f"The class {chosen!r} may be any of {', '.join(alike)} in {file}; write one "
                    "of them, or its WordNet id."
                )


def _broken(path: str | os.PathLike[str], line: int, claim: str) -> DataError:
    return DataError(f"{path}, line {line} {claim}.", kind="broken label map", path=path, line=line)
