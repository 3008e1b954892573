"""Run inside an environment, with the standard library alone: its packages' licences as JSON."""

import importlib.metadata
import json
import re
import sys

_PREFIX = "License :: "


def package_facts(distribution: importlib.metadata.Distribution) -> dict[str, object]:
    """Arguments of :class:`tests.release.licences.Package`."""
    metadata = distribution.metadata
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith(_PREFIX)]
    paths = [
        path
        for path in distribution.files or []
        if ".dist-info" in path.parts[0] and re.match("(?i)licen[cs]e|copying", path.name)
    ]
    return {
        "name": metadata["Name"],
        "version": distribution.version,
        "expression": metadata.get("License-Expression") or "",
        "licence": metadata.get("License") or "",
        "classifiers": [
            c.removeprefix(_PREFIX).removeprefix("OSI Approved :: ") for c in classifiers
        ],
        "texts": [path.locate().read_text(encoding="utf-8", errors="replace") for path in paths],
    }


if __name__ == "__main__":
    json.dump([package_facts(d) for d in importlib.metadata.distributions()], sys.stdout)
