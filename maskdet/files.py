"""Files are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file under a temporary name in its folder, then rename it.

    Nobody meets half a file, and an older one stays until the new one is complete. The folder is
    made if missing; text is written as UTF-8.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.chmod(name, 0o644)  # mkstemp lets only its owner read
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def cache_folder() -> Path:
    """Where downloads and indexes are kept: ``$MASKDET_HOME`` or ``~/.cache/maskdet``."""
    return Path(os.environ.get("MASKDET_HOME") or Path.home() / ".cache" / "maskdet")
