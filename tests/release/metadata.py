"""What a package's metadata must say, and which lines of a build are warnings."""

import re
from collections.abc import Mapping, Sequence
from email import message_from_string

LICENCE = "MIT"
LICENCE_FILES = ("LICENSE", "NOTICE")
DESCRIPTION_TYPE = "text/markdown"
_PYTHON = "Programming Language :: Python :: "
# setuptools frames its warnings with lines of asterisks below "!!".
_WARNING = re.compile(r"\bwarn(?:ing)?s?\b|deprecat|^!!$|\*{20}", re.IGNORECASE)
# pip's remarks upon the machine's own package index and account, not upon this package.
_MACHINE = re.compile(r"^\s*WARNING: (Location '|Running pip as the 'root' user|Retrying|Cache )")


def metadata_fault(text: str, version: str, members: Sequence[str]) -> str | None:
    """What is wrong with a wheel's METADATA, in a sentence that says what to do; or None.

    Args:
        text: of the file METADATA.
        version: of the package's own ``__version__``.
        members: names of the wheel's files.
    """
    facts = message_from_string(text)
    # setuptools reads whole numbers' commas in the other order than setup.cfg has them.
    versions = set((facts["Requires-Python"] or "").split(","))
    due = {
        "Name": "maskdet",
        "Version": version,
        "License-Expression": LICENCE,
        "Description-Content-Type": DESCRIPTION_TYPE,
    }
    for field, value in due.items():
        if facts[field] != value:
            return f"The metadata say {field}: {facts[field]} instead of {value}; mend setup.cfg."
    if not facts["Summary"] or not str(facts.get_payload()).strip():
        return "The metadata have no summary or no description; mend setup.cfg."
    for name in LICENCE_FILES:
        listed = name in (facts.get_all("License-File") or [])
        if not listed or f"maskdet-{version}.dist-info/licenses/{name}" not in members:
            return f"The wheel lacks the licence file {name}; add it to license_files in setup.cfg."
    classifiers = facts.get_all("Classifier") or []
    if any(c.startswith("License ::") for c in classifiers):
        return "A classifier names a licence, which is deprecated; leave it to license_expression."
    minors = sorted(
        int(c.rpartition(".")[2]) for c in classifiers if re.match(_PYTHON + r"3\.\d", c)
    )
    if not minors or versions != {f">=3.{minors[0]}", f"<3.{minors[-1] + 1}"}:
        return (
            f"python_requires is {facts['Requires-Python']}, the classifiers name "
            f"{', '.join(f'3.{minor}' for minor in minors) or 'no version'}; make them one."
        )
    return None


def version_fault(version: str, others: Mapping[str, str]) -> str | None:
    """Which file names another version than the package does, or None.

    Args:
        version: of the package's own ``__version__``.
        others: text of files by their names: CITATION.cff and CHANGELOG.md.
    """
    patterns = {"CITATION.cff": r"^version: (\S+)$", "CHANGELOG.md": r"^## (\S+)"}
    for name, text in others.items():
        stated = re.search(patterns[name], text, re.MULTILINE)
        if not stated or stated[1] != version:
            said = stated[1] if stated else "no version"
            return f"{name} says {said}, maskdet/version.py {version}; make them one."
    return None


def warnings_of(log: str) -> list[str]:
    """The lines of a build's or an installation's output that warn of this package."""
    lines = (line.strip() for line in log.splitlines())
    return [line for line in lines if _WARNING.search(line) and not _MACHINE.match(line)]


def first_block(readme: str) -> str:
    """The first block of Python of a page. Raises ValueError where there is none."""
    block = re.search(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError("README.md shows no block of Python; put the ten lines back.")
    return block[1]
