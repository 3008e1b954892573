"""The few kinds of error that maskdet raises for a user's mistake.

Every message is one sentence that says what is wrong, where (file, line, image, layer) and what to
do. All kinds are also ``ValueError``, so scripts that caught that keep working.
"""

import os
from collections.abc import Sequence

PathLike = str | os.PathLike[str]

#: What can be wrong with a data set: the values of ``DataError.kind`` and ``DataWarning.kind``.
DATA_KINDS = frozenset(
    {
        # photos
        "ambiguous photo",
        "missing photo",
        "photo described twice",
        "photo without name",
        "unreadable photo",
        "wrong number of photos",
        # files and folders
        "broken JSON",
        "broken XML",
        "broken YAML",
        "broken label map",
        "broken record",
        "broken table",
        "missing annotation",
        "missing image set",
        "missing path",
        "no images",
        "unknown format",
        "unreadable file",
        # names and values
        "class in doubt",
        "image not listed",
        "missing value",
        "object without a name",
        "unknown class",
        "unlisted class",
        "unusable class names",
        "unusable image id",
        "wrong value",
        # boxes, outlines and masks
        "box outside its image",
        "box without area",
        "box without four numbers",
        "box and outline disagree",
        "damaged mask",
        "mask of another size",
        "mask outside its image",
        "mismatched objects",
        "missing mask",
        "outline over the edge",
        "shapes without area",
        "size of another photo",
        "unknown shape",
        "unreadable mask",
        "unusable outline",
        "unusable run lengths",
    }
)


class MaskdetError(ValueError):
    """Base of all errors that maskdet raises on purpose."""


class DataError(MaskdetError):
    """A photo, an annotation or a data set that cannot be used as it is.

    Attributes:
        kind: what is wrong in a few words, one of DATA_KINDS; empty where nobody said.
        path: the file it was found in, None where it is no file's fault.
        line: in that file, counted from 1; None where it has no lines or the whole file is meant.
        photos: other photos that the message names.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "",
        path: PathLike | None = None,
        line: int | None = None,
        photos: Sequence[PathLike] = (),
    ) -> None:
        super().__init__(message)
        self.kind, self.path, self.line, self.photos = kind, path, line, tuple(photos)


class ConfigError(MaskdetError):
    """A setting that is unknown, contradicts another one or does not fit the data set."""


class WeightsError(MaskdetError):
    """A weight file that is missing, damaged or made for another network."""


class UsageError(MaskdetError):
    """A call that cannot do what it was asked for."""


class MaskdetWarning(UserWarning):
    """Something that probably is a mistake, but does not stop the work."""


class DataWarning(MaskdetWarning):
    """Something about a data set that probably is a mistake.

    Attributes:
        kind: what is odd in a few words, one of DATA_KINDS.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


class SkippedData(DataWarning):
    """Something of a data set that cannot be used and was left out (``on_error="skip"``).

    Attributes:
        error: what would have been raised otherwise.
        consequence: what happens instead, such as "it is left out".
    """

    def __init__(self, error: DataError, consequence: str) -> None:
        super().__init__(f"{error} Skipped: {consequence}.", error.kind)
        self.args = (error, consequence)
        self.error, self.consequence = error, consequence

    def __str__(self) -> str:
        return f"{self.error} Skipped: {self.consequence}."
