"""What a command gives beside what it prints: facts for programs and an exit status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Exit statuses: done; done, and the answer is no (``check`` found errors); a mistake in the call
#: or in the data; stopped by the user.
DONE, NEGATIVE, MISTAKE, STOPPED = 0, 1, 2, 130


@dataclass(frozen=True)
class Answer:
    """A command's result.

    Attributes:
        facts: what ``--json`` prints; plain values, paths and arrays.
        status: the exit status.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = DONE
