"""The files that a pipeline.config names: data, label map, weights."""

import glob
from dataclasses import dataclass
from pathlib import Path

from maskdet.errors import ConfigError
from maskdet.models.ssd.pipeline_fields import Section

_PLACEHOLDER = "PATH_TO_BE_CONFIGURED"


@dataclass(frozen=True)
class NamedPath:
    """A path as the file has it.

    Attributes:
        text: as written.
        field: full name of the field.
        line: of the field.
        config: path of the pipeline.config.
    """

    text: str
    field: str
    line: int
    config: Path

    def found(self) -> list[Path]:
        """The files of it, tried from the working directory, then from beside the config.

        A ``*`` or a ``?`` stands for any letters or one letter, as in sharded records.
        """
        for folder in (Path(), self.config.parent):
            if any(sign in self.text for sign in "*?"):
                files = sorted(map(Path, glob.glob(str(folder / self.text))))
            else:
                files = [path for path in [folder / self.text] if path.exists()]
            if files:
                return files
        return []

    def files(self) -> list[Path]:
        """:meth:`found`, of which there must be one.

        Raises:
            ConfigError: if there is none; names field and line.
        """
        where = f"{self.config}, line {self.line}: {self.field} is"
        if not self.text or _PLACEHOLDER in self.text:
            raise ConfigError(f"{where} {self.text!r} still; give the path of your own file.")
        files = self.found()
        if not files:
            raise ConfigError(
                f"{where} {self.text!r}, but there is no such file here or beside the config; "
                "correct the path."
            )
        return files


@dataclass(frozen=True)
class Reader:
    """What ``train_input_reader`` or ``eval_input_reader`` names.

    Attributes:
        name: of the section.
        line: where it begins.
        label_map: None where it is not said.
        records: of TFRecord files; several, and each may stand for several files.
    """

    name: str
    line: int
    label_map: NamedPath | None
    records: tuple[NamedPath, ...]


def take_reader(root: Section, *names: str) -> Reader | None:
    """The first section of one of these names, or None; further ones are not carried over."""
    sections = [section for name in names for section in root.sections(name)]
    if not sections:
        return None
    first = sections[0]
    for other in sections[1:]:
        other.nearest("", f"left out: one set is evaluated, that of line {first.line}")
        take_one(other)
    return take_one(first)


def take_one(section: Section) -> Reader:
    """What an input reader's section names."""
    label_maps = named_paths(section, "label_map_path")
    records = named_paths(section.section("tf_record_input_reader"), "input_path")
    return Reader(section.name, section.line, label_maps[0] if label_maps else None, tuple(records))


def named_paths(section: Section, name: str) -> list[NamedPath]:
    """All paths of a field."""
    return [
        NamedPath(text, section.full(name), line, Path(section.report.path))
        for text, line in section.texts(name)
    ]
