"""One thing that a check found."""

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: such as "box without area"; findings of one kind stand together.
        severity: "error" (training would stop or learn something wrong), "warning" (probably not
            meant), "note" (worth knowing).
        message: one sentence with file and line where there are any.
        images: paths of the photos it concerns.
    """

    kind: str
    severity: str
    message: str
    images: tuple[str, ...] = ()
