"""Files from the internet: with progress, resumed where they broke off, checked, kept whole."""

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

from maskdet.errors import WeightsError
from maskdet.files import cache_folder
from maskdet.pretrained.catalog import WeightSource

try:
    import fcntl
except ImportError:  # Windows: two downloads of one file at once are not kept apart there
    fcntl = None  # type: ignore[assignment]

_CHUNK = 1 << 20
_TIMEOUT = 30.0


def fetch(
    source: WeightSource, folder: str | os.PathLike[str] | None = None, progress: bool = True
) -> Path:
    """The path of a catalogued file, downloaded first if it is not in ``folder`` yet.

    Args:
        source: an entry of the catalogue with a URL and a file name.
        folder: where to look and keep it; None: :func:`cache_folder`.
        progress: show a bar while it is downloaded.

    Raises:
        WeightsError: if it cannot be downloaded, or what came is not the published file.
    """
    if source.file_name is None:
        raise WeightsError(f"'{source.name}' is not a file to download; {source.advice}")
    path = Path(folder or cache_folder()) / source.file_name
    if path.exists():
        return path
    if source.member is None:
        download(source.address, path, source.checksum, source.advice, progress)
        return path
    archive = path.with_name(source.address.rpartition("/")[2])
    download(source.address, archive, None, source.advice, progress)
    try:
        _unpack(archive, source.member, path, source.checksum)
    finally:
        archive.unlink(missing_ok=True)
    return path


def _unpack(archive: Path, member: str, path: Path, checksum: str | None) -> None:
    """Put a member of a zip archive at a path, whole and with its checksum right."""
    part = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(archive) as files:
            part.write_bytes(files.read(member))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{archive} holds no {member} that can be read ({error}); fetch it again."
        ) from error
    if checksum is not None and not has_checksum(part, checksum):
        part.unlink()
        raise WeightsError(
            f"{member} in {archive} is not the published file (its checksum is not {checksum}); "
            "fetch it elsewhere."
        )
    os.replace(part, path)


def download(
    address: str,
    path: str | os.PathLike[str],
    checksum: str | None = None,
    advice: str = "check the connection and try again.",
    progress: bool = True,
) -> None:
    """Fetch a file. It appears under its name only when it is complete and its checksum right.

    What arrived before an interruption waits in ``<path>.part`` and is continued next time. Of
    several processes or threads that want the same path, one downloads and the others wait for it.

    Args:
        address: http, https or file URL.
        path: where to put it; its folder is made.
        checksum: "sha256:" or "md5:" and the hexadecimal sum; None: not checked.
        advice: end of the message when it fails.
        progress: show a bar.

    Raises:
        WeightsError: if the address cannot be reached, the transfer broke off, or the checksum is
            wrong (the file is removed then).
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    before = _identity(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_name(path.name + ".lock")):
            if _identity(path) not in (None, before):
                return  # another one finished it while this one waited
            _transfer(address, part, progress)
            if checksum is not None and not has_checksum(part, checksum):
                part.unlink()
                raise WeightsError(
                    f"What came from {address} is not the published file (its checksum is not "
                    f"{checksum}); try again, or fetch it elsewhere."
                )
            os.replace(part, path)
    except (OSError, http.client.HTTPException) as error:
        # URLError and timeouts are OSErrors.
        raise WeightsError(f"{address} could not be downloaded ({error}); {advice}") from error


def has_checksum(path: str | os.PathLike[str], checksum: str) -> bool:
    """Whether a file's checksum is ``checksum``, written "sha256:..." or "md5:..."."""
    algorithm, _, expected = checksum.partition(":")
    with open(path, "rb") as handle:
        # The question is whether a download is whole; MD5 is not trusted with more.
        digest = hashlib.file_digest(
            handle, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
    return digest == expected.lower()


def _identity(path: Path) -> tuple[int, int] | None:
    """What changes when another file takes this name; None if there is none."""
    try:
        state = path.stat()
    except OSError:  # what else is wrong with the folder shows when it is written to
        return None
    return state.st_ino, state.st_mtime_ns


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock file; it vanishes afterwards, and with a killed process its lock does too."""
    if fcntl is None:
        yield
        return
    while True:
        handle = open(lock, "ab")
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle.fileno()), lock.stat()):
                break
        handle.close()  # its last holder removed it, so this lock keeps nobody out
    with handle:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _transfer(address: str, part: Path, progress: bool) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 416 or not have:
                raise
            if error.headers.get("Content-Range") == f"bytes */{have}":
                return  # nothing left to send: the part is the whole
        part.unlink()  # longer than the file, so not a part of it
        return _transfer(address, part, progress)
    with response:
        resumed = getattr(response, "status", None) == 206
        if resumed and not _starts_at(response.headers.get("Content-Range"), have):
            raise OSError("the server sent another piece than the one asked for")
        _receive(response, part, have if resumed else 0, progress)


def _starts_at(content_range: str | None, start: int) -> bool:
    match = re.match(r"bytes (\d+)-", content_range or "")
    return match is None or int(match[1]) == start


def _receive(response: http.client.HTTPResponse, part: Path, start: int, progress: bool) -> None:
    # Files are looked for also where tqdm is not installed.
    from maskdet.progress import progress_bar

    length = response.headers.get("Content-Length")
    total = start + int(length) if length else None
    bar = progress_bar(None, part.stem, total, "B", shown=progress, initial=start, unit_scale=True)
    with bar, open(part, "ab" if start else "wb") as out:
        while chunk := response.read(_CHUNK):
            out.write(chunk)
            bar.update(len(chunk))
    arrived = part.stat().st_size
    if total is not None and arrived < total:
        raise OSError(f"the transfer broke off after {arrived} of {total} bytes")
