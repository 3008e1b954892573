"""Licences of the packages that an installation brings: permissive, or judged by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PERMISSIVE = frozenset(
    {
        *("MIT", "MIT-CMU", "MIT-0", "HPND", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC"),
        *("PSF-2.0", "0BSD", "Zlib", "CC0-1.0", "Unlicense", "BSL-1.0"),
    }
)
# Other spellings in metadata, in small letters, and what they mean.
_SPELLINGS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "freebsd": "BSD-2-Clause",
    "mit license": "MIT",
    "python software foundation license": "PSF-2.0",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    **{name.lower(): name for name in PERMISSIVE},
}
# How the text of a licence begins, where metadata name none.
_TEXTS = {
    r"Apache (?:Software )?License,? (?:Version )?2\.0": "Apache-2.0",
    r"Permission is hereby granted, free of charge": "MIT",
    r"Redistribution and use in source and binary forms": "BSD-3-Clause",
}
# A licence within a package's text about what its wheel bundles, which must be judged too.
_STRICT = re.compile(r"License: (?P<name>[^\n]*\b[AL]?GPL-\d[^\n]*)")


@dataclass(frozen=True)
class Judgement:
    """Why a package whose licence asks for more than naming its authors may be depended on.

    Attributes:
        licence: what was judged; another one is judged anew.
        bundled: licences of libraries inside its wheels that were judged with it.
        reason: why it does not bind users of maskdet.
    """

    licence: str
    reason: str
    bundled: tuple[str, ...] = ()


JUDGED = {
    "certifi": Judgement(
        "MPL-2.0",
        "a list of certificates, used as published and a package of its own: the MPL asks for its "
        "own files' source alone, which the package is. TensorFlow's requests brings it.",
    ),
    "tqdm": Judgement(
        "MPL-2.0 AND MIT",
        "a progress bar, used as published and a package of its own: the MPL asks for its own "
        "files' source alone, which the package is.",
    ),
    "matplotlib": Judgement(
        "PSF-2.0",
        "FreeType in its wheels is under the FTL, permissive, or the GPL, as the user chooses.",
        bundled=("FTL OR GPL-2.0-or-later",),
    ),
    "scipy": Judgement(
        "BSD-3-Clause",
        "its wheels bundle GCC's runtime libraries, whose exception frees programs that use them, "
        "and libquadmath under the LGPL, as a shared library that anybody may replace.",
        bundled=("GPL-3.0-or-later WITH GCC-exception-3.1", "LGPL-2.1-or-later"),
    ),
}


@dataclass(frozen=True)
class Package:
    """What an installed package's metadata say of its licence.

    Attributes:
        name, version: of the distribution.
        expression: field License-Expression, or "".
        licence: field License, a name or a whole text, or "".
        classifiers: those of licences, without "License :: OSI Approved :: ".
        texts: of its licence files.
    """

    name: str
    version: str
    expression: str = ""
    licence: str = ""
    classifiers: Sequence[str] = ()
    texts: Sequence[str] = field(default=(), repr=False)


def licence_of(package: Package) -> str | None:
    """The licence, as an SPDX expression where its spelling is known; None where none is named."""
    if package.expression:
        return package.expression
    name = package.licence.strip()
    if name and "\n" not in name and name != "UNKNOWN":
        return _SPELLINGS.get(name.lower(), name)
    if package.classifiers:
        return " AND ".join(_SPELLINGS.get(c.lower(), c) for c in package.classifiers)
    for pattern, known in _TEXTS.items():
        if any(re.search(pattern, text) for text in package.texts):
            return known
    return None


def is_permissive(expression: str) -> bool:
    """Whether an SPDX expression lets everybody choose permissive licences alone."""
    if "(" in expression:  # then every licence named must be: no choice within brackets is weighed
        expression = re.sub(r"[()]", " ", expression).replace(" OR ", " AND ")
    return any(
        all(name.strip() in PERMISSIVE for name in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def licence_fault(package: Package, judged: Mapping[str, Judgement] = JUDGED) -> str | None:
    """Why a package must not be depended on as it stands, in a sentence; or None."""
    licence, judgement = licence_of(package), judged.get(package.name.lower())
    what = f"{package.name} {package.version}"
    if licence is None:
        return (
            f"{what} names no licence that is known; read its page, and add how it spells it, or a "
            "judgement, to tests/release/licences.py."
        )
    if not is_permissive(licence) and (judgement is None or judgement.licence != licence):
        return (
            f"{what} is under {licence}, which is not known as permissive; do without it, or "
            "judge it in tests/release/licences.py."
        )
    weighed = judgement.bundled if judgement else ()
    for strict in _STRICT.finditer(package.licence):
        if strict["name"].strip() not in weighed:
            return (
                f"{what} bundles a library under {strict['name'].strip()}; judge it in "
                "tests/release/licences.py."
            )
    return None


def licence_table(packages: Sequence[Package]) -> str:
    """A line for each package: name, version, licence, and the reason where it was judged."""
    rows = []
    for package in sorted(packages, key=lambda package: package.name.lower()):
        judgement = JUDGED.get(package.name.lower())
        reason = f"  judged: {judgement.reason}" if judgement else ""
        rows.append(
            f"{package.name:34}{package.version:20}{licence_of(package) or 'unknown'}{reason}"
        )
    return "\n".join(rows)
