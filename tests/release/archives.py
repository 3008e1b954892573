"""What belongs into a wheel and a source archive, by the names of their members."""

import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from maskdet.page import folder
from tests.page.programs import PROGRAMS

MAX_SIZE = 15_000_000  # bytes, of a wheel or a source archive
# Files beside the programs that may lie in the package, by ending or name.
_DATA = (".py", ".jinja", "py.typed", "imx500_environment.txt")
_PAGE = "maskdet/page/built/"
# Of the builds of WebAssembly the one that every browser runs.
PAGE_PROGRAMS = frozenset(
    f"{_PAGE}{name}"
    for name in (
        *PROGRAMS,
        *(f"{folder.WASM}/{folder.FLAVOURS['compat']}{ending}" for ending in (".js", ".wasm")),
    )
)
_SDIST_FOLDERS = ("maskdet", "maskdet.egg-info")
_SDIST_FILES = {
    *("LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "CITATION.cff"),
    *("MANIFEST.in", "PKG-INFO", "pyproject.toml", "setup.cfg"),
}


def wheel_members(path: Path) -> dict[str, bytes]:
    """Content of a wheel's files by their names."""
    with zipfile.ZipFile(path) as archive:
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}


def sdist_names(path: Path) -> list[str]:
    """Names of a source archive's files, without the folder that they all lie in."""
    with tarfile.open(path) as archive:
        return [m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()]


def wheel_fault(names: Iterable[str], checkout: Iterable[str], page_is_built: bool) -> str | None:
    """What is wrong with a wheel's content, or None.

    Args:
        names: of the wheel's files.
        checkout: the checkout's files, paths from its root.
        page_is_built: whether the page's programs lie in the checkout.
    """
    present = set(names)
    for name in sorted(present):
        top = name.partition("/")[0]
        if top.startswith("maskdet-") and top.endswith(".dist-info"):
            continue
        if top != "maskdet":
            return f"The wheel brings {name}; narrow packages.find in setup.cfg to maskdet."
        if name not in PAGE_PROGRAMS and not name.endswith(_DATA):
            return (
                f"The wheel brings {name}; narrow package_data in setup.cfg, or add its ending to "
                "tests/release/archives.py."
            )
    due = {n for n in checkout if n.startswith("maskdet/") and not n.startswith(_PAGE)}
    due |= PAGE_PROGRAMS if page_is_built else set()
    missing = sorted(due - present)
    if missing:
        return f"The wheel lacks {missing[0]}; add it to package_data in setup.cfg."
    return None


def sdist_fault(names: Iterable[str]) -> str | None:
    """What a source archive should not bring, or None."""
    for name in sorted(names):
        if name not in _SDIST_FILES and PurePosixPath(name).parts[0] not in _SDIST_FOLDERS:
            return f"The source archive brings {name}; leave it out in MANIFEST.in."
    missing = sorted(_SDIST_FILES - set(names))
    if missing:
        return f"The source archive lacks {missing[0]}; add it to MANIFEST.in."
    return None


def difference(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> str | None:
    """Name of the first file that two wheels do not both have, byte for byte; or None."""
    differing = (n for n in {*first, *second} if first.get(n) != second.get(n))
    return min(differing, default=None)


def size_fault(name: str, size: int) -> str | None:
    """Whether an archive is too large for its users, in a sentence; or None."""
    if size <= MAX_SIZE:
        return None
    return (
        f"{name} has {size / 1e6:.1f} MB, more than {MAX_SIZE / 1e6:.0f}; leave out what users do "
        "not need."
    )
