"""XML files of other people, read safely and with one clear error."""

import os
from pathlib import Path
from typing import Any

from lxml import etree

from maskdet.errors import DataError


def xml_root(path: str | os.PathLike[str]) -> Any:
    """The root element of an XML file, comments left out.

    Entities are not expanded and nothing is fetched.

    Raises:
        DataError: if the file cannot be read or does not parse; names file and line.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        return etree.fromstring(Path(path).read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise DataError(
            f"{path}, line {error.lineno or 1} is not valid XML ({error.msg or 'empty file'}); "
            "repair or remove the file.",
            kind="broken XML",
            path=path,
            line=error.lineno or 1,
        ) from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); check the path.",
            kind="unreadable file",
            path=path,
        ) from None
