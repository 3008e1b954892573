"""What a report says of the model itself, its settings, and what it ran on."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from maskdet.base_config import BaseConfig
from maskdet.models.speed import Speed
from maskdet.report.chapters import Chapter, Folded, Table, Text, count_of
from maskdet.version import __version__

if TYPE_CHECKING:
    from maskdet.models.model import Model

# Class names of a long list that are shown.
_NAMES = 30


def model_chapter(
    model: "Model", speed: Speed | None, images: int, seconds: float | None
) -> Chapter:
    """What the model is, and how long a photo takes.

    Args:
        speed: None where it could not be measured.
        images: that were evaluated.
        seconds: that they took, reading included; None where nobody measured.
    """
    facts = model.trained.facts
    height, width = model.config.input_sides
    names = list(model.trained.class_names[1:])
    shown = ", ".join(names[:_NAMES]) + (", ..." if len(names) > _NAMES else "")
    rows = [
        ("family", model.family.name),
        ("backbone", str(json.loads(model.config.to_json())["BACKBONE"])),
        ("gives", ", ".join(sorted(facts.outputs))),
        ("classes", f"{len(names)}: {shown}"),
        ("input", f"{height} x {width} pixels"),
        ("weights", f"{model.network.count_params():,}"),
        ("trained for", _training_of(facts.epoch, facts.steps)),
    ]
    if speed is not None:
        text = (
            f"{speed.whole:.0f} ms, of which the network takes {speed.network:.0f} ms and placing "
            f"and decoding {speed.rest:.0f} ms"
        )
        rows.append(("a photo takes", text))
    if seconds is not None:
        photos = count_of(images, "photo")
        text = f"{seconds:.1f} s for {photos}, reading them and starting up included"
        rows.append(("this evaluation took", text))
    rows.append(("on", machine()))
    note = (
        "The time of a photo is the median of several runs, one photo at a time, once it is read. "
        "Exported for a Raspberry Pi or a browser it is another one."
    )
    return Chapter("The model and its speed", note, (Table((), tuple(rows), words=True),))


def _training_of(epoch: int, steps: int | None) -> str:
    parts = [count_of(epoch, "epoch")] if epoch else []
    parts += [count_of(steps, "step")] if steps else []
    return ", ".join(parts) or "not known"


def settings_chapter(config: BaseConfig, defaults: type[BaseConfig]) -> Chapter:
    """The settings that are not the family's own, and folded away all of them.

    Args:
        defaults: the family's class of settings.
    """
    values, usual = json.loads(config.to_json()), json.loads(defaults().to_json())
    rows = {name: _shown(value) for name, value in values.items()}
    changed = tuple(
        (name, rows[name], _shown(usual[name]) if name in usual else "–")
        for name, value in values.items()
        if name not in config.derived and (name not in usual or usual[name] != value)
    )
    table = Table(("setting", "here", f"{defaults.__name__}'s"), changed, words=True)
    folded = Folded(
        f"All {len(rows)} settings", (Table(("setting", "here"), tuple(rows.items()), words=True),)
    )
    if not changed:
        text = Text(f"All settings are {defaults.__name__}'s own.")
        return Chapter("Settings", "", (text, folded))
    return Chapter("Settings", f"Those that differ from {defaults.__name__}'s.", (table, folded))


def _shown(value: Any) -> str:
    """As a Config's class has it."""
    return value if isinstance(value, str) else repr(value)


def versions_chapter() -> Chapter:
    """What the evaluation was made with."""
    backend = keras.config.backend()
    rows = (
        ("maskdet", __version__),
        ("Keras", str(keras.__version__)),
        (backend, _version(backend)),
        ("Python", platform.python_version()),
        ("system", platform.platform(terse=True)),
        ("machine", machine()),
    )
    return Chapter("Versions", "", (Table((), rows, words=True),))


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not known"


def machine() -> str:
    """The processor in words, with GPUs where there are any."""
    gpus = [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
    return ", ".join([f"{_processor()}, {count_of(os.cpu_count() or 1, 'core')}", *gpus])


def _processor() -> str:
    """Linux alone says what is on the chip elsewhere than Python asks."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (li.partition(":") for li in lines)}
    return facts.get("model name") or platform.processor() or platform.machine()
