"""Whether annotations are sound: :func:`check` and what it gives."""

from maskdet.data.check.finding import Finding
from maskdet.data.check.report import CheckReport
from maskdet.data.check.run import check

__all__ = ["CheckReport", "Finding", "check"]
