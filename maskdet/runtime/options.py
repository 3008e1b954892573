"""What the command line of the runtime chose."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Options:
    """What the command line chose; see ``python -m maskdet.runtime --help``."""

    out: Path = Path("detected")
    save: bool = True
    serve: tuple[str, int] | None = None
    record: Path | None = None
    frames: int | None = None
    size: tuple[int, int] = (640, 480)
    quiet: bool = False
    stream: Any = field(default_factory=lambda: sys.stdout)
