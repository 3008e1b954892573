"""What a call that drafted annotations did, for programs and in sentences."""

from dataclasses import dataclass, field
from pathlib import Path

from maskdet.data.conversion import counted
from maskdet.errors import UsageError

#: All photos without labels, the most useful first; and the names of the classes by class id.
ORDER_FILE, CLASSES_FILE = "order.csv", "classes.txt"


@dataclass(frozen=True)
class OrderedPhoto:
    """A photo's line in ``order.csv``.

    Attributes:
        photo: its path, from the present folder on where it lies below that.
        uncertainty, unlikeness: see ``maskdet.tasks.detection.usefulness``.
        objects: that were found with the lowest score or more.
        file: its annotation in the folder; "" where none of ours is there.
    """

    photo: str
    uncertainty: float
    unlikeness: float
    objects: int
    file: str


@dataclass
class LabelReport:
    """What a call of :meth:`maskdet.models.detecting.DetectingModel.label` did.

    Attributes:
        out, format: the folder, and the format of what is in it.
        order: of all photos without labels, the most useful first.
        written: files that are new or say something else now.
        unchanged: files of ours that stayed as they are.
        by_person: files that a person made or changed, which were left alone.
        labelled: photos that ``labelled`` has already.
        failures: what is wrong with photos that were left out, a sentence each.
        has_masks: whether outlines were found.
    """

    out: Path
    format: str
    order: list[OrderedPhoto] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    by_person: list[str] = field(default_factory=list)
    labelled: int = 0
    failures: list[str] = field(default_factory=list)
    has_masks: bool = False

    def lines(self) -> list[str]:
        """What to tell a person."""
        lines = []
        if self.labelled:
            lines.append(f"{counted(self.labelled, 'photo')} labelled already, left out")
        if self.by_person:
            verb = "is" if len(self.by_person) == 1 else "are"
            lines.append(
                f"{counted(len(self.by_person), 'file')} in {self.out} {verb} a person's by now, "
                f"such as {self.by_person[0]}: not touched"
            )
        if self.has_masks and self.format == "voc":
            lines.append(
                "boxes alone are written, since LabelImg drops outlines when it saves; "
                "--format labelme or coco keeps them"
            )
        if not self.order:
            return [*lines, "no photo is left to label"]
        stayed = f", {self.unchanged} as they were" if self.unchanged else ""
        lines.append(f"{counted(len(self.written), 'file')} written{stayed}: {self.out}")
        lines.append(f"the most useful photos first: {self.out / ORDER_FILE}")
        return lines


def no_drafts(kind: str) -> UsageError:
    """The error for a model that finds no objects."""
    return UsageError(
        f"A {kind} gives each photo one class and no boxes, so there is nothing to draft; "
        "sort photos into folders by what detect says, or give a detector."
    )
