"""What lies in a page's folder, and how one is put together."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskdet.errors import UsageError
from maskdet.files import write_whole
from maskdet.images import read_image, save_picture, scaled
from maskdet.photo_results import asked_photos, no_photos

#: The page's own programs, made from web/ by `make web`; a wheel brings them.
BUILT = Path(__file__).parent / "built"
PAGE_FACTS, MODEL, LABELS, SAMPLES, WASM = (
    "page.json",
    "model.tflite",
    "labels.txt",
    "samples",
    "wasm",
)
FORMAT = "maskdet.page"
_PROGRAMS = ("index.html", "app.js", "worker.js", "style.css", "LICENSES.txt")
#: Builds of LiteRT's WebAssembly as the page calls them, and what their files' names begin with.
FLAVOURS = {
    "threads": "litert_wasm_threaded_internal",
    "plain": "litert_wasm_internal",
    "compat": "litert_wasm_compat_internal",
}
#: Photos to try that a page has at most, and the pixels of their longer side.
MOST_SAMPLES, SAMPLE_SIDE = 12, 1024


@dataclass(frozen=True)
class PageContent:
    """What a page shows beside its own programs.

    Attributes:
        title: of the page.
        model: content of the .tflite file.
        labels: class names without the background.
        facts: what the file says of itself, see :class:`maskdet.tasks.task.FileFacts`.
        samples: photos to try, or folders of them.
    """

    title: str
    model: bytes
    labels: Sequence[str]
    facts: dict[str, Any]
    samples: Sequence[str | os.PathLike[str]] = field(default=())


def check_place(folder: Path, samples: Sequence[str | os.PathLike[str]] = ()) -> None:
    """Raises UsageError where no page can be put together or put there; says why."""
    missing = missing_programs()
    if missing:
        raise UsageError(
            f"The page's programs are not built in this checkout ({BUILT} lacks "
            f"{', '.join(missing)}); call 'make web', which needs Node.js 20 or newer."
        )
    if folder.is_file():
        raise UsageError(f"{folder} is a file; name a folder for the page.")
    place = folder.resolve()
    if place in (Path.cwd(), *Path.cwd().parents):
        raise UsageError(
            f"{folder} is the folder that you are in, or above it, and would be replaced; name one "
            "in it, such as page/."
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE_FACTS).is_file():
        saved = (folder / "saved_model.pb").is_file()
        hint = ' To replace the SavedModel there, say format="saved_model".' if saved else ""
        raise UsageError(f"{folder} exists and is no page; name an empty or new folder.{hint}")
    _sample_paths(samples)


def missing_programs() -> list[str]:
    """What this installation lacks of a page's own programs."""
    missing = [name for name in _PROGRAMS if not (BUILT / name).is_file()]
    return missing or ([] if flavours_here() else [WASM])


def flavours_here() -> list[str]:
    """The builds of WebAssembly that this installation has, the quickest first."""
    return [
        name
        for name, start in FLAVOURS.items()
        if all((BUILT / WASM / f"{start}{ending}").is_file() for ending in (".js", ".wasm"))
    ]


def write_page(folder: Path, content: PageContent) -> None:
    """Put a page together beside its place, then move it there; an older page is replaced whole.

    A link to a folder stays, and the page is put where it leads.

    Raises:
        DataError: if a sample cannot be read.
        UsageError: where it cannot be written; an older page stays then.
    """
    check_place(folder, content.samples)
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as part:
            new = Path(part) / "page"
            _fill(new, content)
            _swap(new, target, Path(part) / "old")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror or error}).") from error


def _swap(new: Path, target: Path, old: Path) -> None:
    """Move a folder to its place, and what is there to ``old``; if that fails, back again."""
    replaces = target.exists()
    if replaces:
        os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        if replaces:
            os.replace(old, target)
        raise


def _fill(folder: Path, content: PageContent) -> None:
    folder.mkdir()
    for name in _PROGRAMS:
        shutil.copyfile(BUILT / name, folder / name)
    (folder / WASM).mkdir()
    for flavour in flavours_here():
        for ending in (".js", ".wasm"):
            name = f"{FLAVOURS[flavour]}{ending}"
            shutil.copyfile(BUILT / WASM / name, folder / WASM / name)
    write_whole(folder / MODEL, content.model)
    write_whole(folder / LABELS, "".join(f"{name}\n" for name in content.labels))
    facts = {
        "format": FORMAT,
        "version": 1,
        "title": content.title,
        "model": MODEL,
        "wasm": flavours_here(),
        "samples": list(_write_samples(folder, _sample_paths(content.samples))),
        "facts": content.facts,
    }
    write_whole(folder / PAGE_FACTS, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _sample_paths(samples: Sequence[str | os.PathLike[str]]) -> list[Path]:
    paths = [photo.path for photo in asked_photos(samples)]
    if samples and not paths:
        raise no_photos(samples, " to try on the page")
    for path in paths[:MOST_SAMPLES]:
        if not path.is_file():
            raise UsageError(f"There is no photo {path} to try on the page.")
    return paths[:MOST_SAMPLES]


def _write_samples(folder: Path, paths: Iterable[Path]) -> Iterable[str]:
    """Photos by numbers, smaller and without what cameras write into them, such as the place."""
    from PIL import Image

    for number, path in enumerate(paths, 1):
        photo = read_image(path)
        factor = min(1.0, SAMPLE_SIDE / max(photo.shape[:2]))
        height, width = (max(1, round(side * factor)) for side in photo.shape[:2])
        name = f"{SAMPLES}/{number}.jpg"
        (folder / SAMPLES).mkdir(exist_ok=True)
        save_picture(folder / name, Image.fromarray(scaled(photo, (height, width))))
        yield name


def check_page(folder: str | os.PathLike[str]) -> Path:
    """The folder of a page that :func:`write_page` made.

    Raises:
        UsageError: if it is none, or lacks a part.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f'There is no folder {path}; make one with model.export("page/").')
    try:
        facts = json.loads((path / PAGE_FACTS).read_text(encoding="utf-8"))
        ours = isinstance(facts, dict) and facts.get("format") == FORMAT
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise UsageError(
            f"{path} is no page: it has no {PAGE_FACTS} of maskdet; make one with "
            'model.export("page/").'
        )
    missing = [name for name in (*_PROGRAMS, MODEL) if not (path / name).is_file()]
    if missing:
        raise UsageError(f"The page {path} lacks {', '.join(missing)}; export it again.")
    return path
