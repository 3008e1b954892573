"""Files from the internet: with progress, resumed where they broke off, checked, kept whole."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

from maskdet.errors import WeightsError
from maskdet.pretrained.catalog import WeightSource

_CHUNK = 1 << 20
_TIMEOUT = 30.0


def cache_folder() -> Path:
    """Where downloads are kept: ``$MASKDET_HOME`` or ``~/.cache/maskdet``."""
    return Path(os.environ.get("MASKDET_HOME") or Path.home() / ".cache" / "maskdet")


def fetch(source: WeightSource, folder: str | os.PathLike[str] | None = None) -> Path:
    """The path of a catalogued file, downloaded first if it is not in ``folder`` yet.

    Args:
        source: an entry of the catalogue with a URL and a file name.
        folder: where to look and keep it; None: :func:`cache_folder`.

    Raises:
        WeightsError: if it cannot be downloaded, or what came is not the published file.
    """
    if source.file_name is None:
        raise WeightsError(f"'{source.name}' is not a file to download; {source.advice}")
    path = Path(folder or cache_folder()) / source.file_name
    if not path.exists():
        download(source.address, path, source.sha256, source.advice)
    return path


def download(
    address: str,
    path: str | os.PathLike[str],
    sha256: str | None = None,
    advice: str = "check the connection and try again.",
    progress: bool = True,
) -> None:
    """Fetch a file. It appears under its name only when it is complete and its checksum right.

    What arrived before an interruption waits in ``<path>.part`` and is continued next time.

    Args:
        address: http, https or file URL.
        path: where to put it; its folder is made.
        sha256: hexadecimal checksum; None: not checked.
        advice: end of the message when it fails.
        progress: show a bar.

    Raises:
        WeightsError: if the address cannot be reached, the transfer broke off, or the checksum is
            wrong (the file is removed then).
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _transfer(address, part, progress)
    except (OSError, http.client.HTTPException) as error:
        # URLError and timeouts are OSErrors.
        raise WeightsError(f"{address} could not be downloaded ({error}); {advice}") from error
    if sha256 is not None and _checksum(part) != sha256:
        part.unlink()
        raise WeightsError(
            f"What came from {address} is not the published file (its SHA-256 differs from "
            f"{sha256}); try again, or fetch it elsewhere."
        )
    os.replace(part, path)


def _transfer(address: str, part: Path, progress: bool) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:  # nothing left to send: the part is the whole
                return
            raise
    with response:
        resumed = getattr(response, "status", None) == 206
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        bar = tqdm(
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            desc=part.stem,
            disable=not progress,
        )
        with bar, open(part, "ab" if resumed else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
    arrived = part.stat().st_size
    if total is not None and arrived < total:
        raise OSError(f"the transfer broke off after {arrived} of {total} bytes")


def _checksum(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
