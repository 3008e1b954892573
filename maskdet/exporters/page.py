"""A page for the browser: the network's .tflite file and the programs that run it there."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maskdet.exporters.request import PRECISIONS
from maskdet.exporters.source import Source, class_labels
from maskdet.exporters.tflite import made_of, tflite_bytes
from maskdet.exporters.writer import Made, check_path
from maskdet.page.folder import PageContent, check_place, write_page

Array = NDArray[Any]


class PageWriter:
    """See :class:`maskdet.exporters.writer.Writer`. An older page is replaced when the new one is
    complete.

    Args:
        samples: photos to try on the page, or folders of them; one may stand alone.
    """

    kind = "page"
    precisions = PRECISIONS

    def __init__(
        self, samples: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = ()
    ) -> None:
        self.samples = (samples,) if isinstance(samples, str | os.PathLike) else tuple(samples)

    def check_path(self, path: Path) -> None:
        check_path(path, folder=True)
        check_place(path, self.samples)

    @contextlib.contextmanager
    def making(self, source: Source, path: Path, photos: Iterable[Array] | None) -> Iterator[Made]:
        self.check_path(path)
        content = tflite_bytes(source, photos)
        name = str(source.trained.config.NAME or "maskdet").replace("_", " ")
        page = PageContent(
            title=name[:1].upper() + name[1:],
            model=content,
            labels=class_labels(source.trained),
            facts=json.loads(source.facts),
            samples=self.samples,
        )
        yield made_of(content, partial(write_page, path, page))
