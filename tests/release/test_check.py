"""Guards: `make release-check` names what is wrong with a release before its users find it.

The checks themselves build and install for minutes; here are the judgements that they rest on.
"""

import re
import sys

import pytest

from tests.docs.pages import ROOT
from tests.release import archives
from tests.release.check import CHECKS, Release, run_checks
from tests.release.environment import Fault, Runner
from tests.release.installed import package_facts
from tests.release.licences import (
    JUDGED,
    Judgement,
    Package,
    is_permissive,
    licence_fault,
    licence_of,
    licence_table,
)
from tests.release.metadata import first_block, metadata_fault, version_fault, warnings_of

INFO = "maskdet-0.1.0.dist-info"
METADATA = """Metadata-Version: 2.4
Name: maskdet
Version: 0.1.0
Summary: Photos in, a detector out
License-Expression: MIT
Classifier: Programming Language :: Python :: 3.11
Classifier: Programming Language :: Python :: 3.12
Requires-Python: <3.13,>=3.11
Description-Content-Type: text/markdown
License-File: LICENSE
License-File: NOTICE

# maskdet
"""
MEMBERS = [f"{INFO}/licenses/LICENSE", f"{INFO}/licenses/NOTICE", f"{INFO}/METADATA"]


# ---- a check ------------------------------------------------------------------------------------
def test_the_first_fault_is_one_sentence_and_ends_the_check(capsys, tmp_path):
    def wrong(release):
        raise Fault("It is too large; leave something out.")

    release = Release(Runner(tmp_path), tmp_path)
    checks = {"first": lambda release: "fine", "second": wrong, "third": lambda release: "late"}
    assert run_checks(checks, release) == 1
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    second = ["second", "FAULT: It is too large; leave something out."]
    assert lines == [["first", "fine"], second]
    assert run_checks({"first": checks["first"]}, release) == 0


def test_a_command_that_fails_is_told_by_its_last_line(tmp_path):
    runner = Runner(tmp_path)
    script = "import os, sys; print(os.environ.get('PYTHONPATH'), os.environ['NAME'], flush=True)"
    text = runner.run("fine", [sys.executable, "-c", script], tmp_path, NAME="x")
    assert text == (tmp_path / "fine.log").read_text() == "None x\n"
    with pytest.raises(
        Fault, match=r"'bad' ended with status 3 and said last: no room; read .*log"
    ):
        script = "import sys; print('no room\\n\\n', file=sys.stderr); sys.exit(3)"
        runner.run("bad", [sys.executable, "-c", script], tmp_path)


def test_the_command_is_in_make_help_and_in_contributing():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^release-check: .*## .*\n\t.*-m tests\.release\.check$", makefile, re.M)
    assert "make release-check" in (ROOT / "CONTRIBUTING.md").read_text()
    assert all(check.__doc__ for check in CHECKS.values())


# ---- metadata -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("x", "x", None),
        ("Version: 0.1.0", "Version: 0.2.0", "Version: 0.2.0 instead of 0.1.0"),
        ("License-Expression: MIT", "License: MIT", "License-Expression: None instead of MIT"),
        ("Summary: Photos in, a detector out\n", "", "no summary or no description"),
        ("# maskdet\n", "", "no summary or no description"),
        ("License-File: NOTICE\n", "", "lacks the licence file NOTICE"),
        ("<3.13,", "<3.14,", r"python_requires is <3.14,>=3.11, the classifiers name 3.11, 3.12"),
        ("Summary", "Classifier: License :: OSI Approved :: MIT License\nSummary", "deprecated"),
    ],
)
def test_metadata(old, new, fault):
    answer = metadata_fault(METADATA.replace(old, new), "0.1.0", MEMBERS)
    assert answer is None if fault is None else fault in answer


def test_a_licence_file_that_is_listed_but_not_there():
    assert "lacks the licence file NOTICE" in metadata_fault(METADATA, "0.1.0", MEMBERS[:1])


def test_one_version_everywhere():
    texts = {"CITATION.cff": "title: x\nversion: 0.1.0\n", "CHANGELOG.md": "# C\n\n## 0.1.0 (x)\n"}
    assert version_fault("0.1.0", texts) is None
    assert "CITATION.cff says 0.1.0, maskdet/version.py 0.2.0" in version_fault("0.2.0", texts)
    texts["CHANGELOG.md"] = "# Changelog\n"
    assert "CHANGELOG.md says no version" in version_fault("0.1.0", texts)


def test_warnings_of_the_package_are_told_from_those_of_the_machine():
    log = """Collecting setuptools
WARNING: Location 'file:///opt/x/' is ignored: it is neither a file nor a directory.
  !!
  ********************************************************************************
  SetuptoolsDeprecationWarning: License classifiers are deprecated.
WARNING: Running pip as the 'root' user can result in broken permissions
warning: no files found matching 'X'
DEPRECATION: Legacy editable install
adding 'maskdet/warnings_and_more.py'
"""
    assert warnings_of(log) == [
        "!!",
        "*" * 80,
        "SetuptoolsDeprecationWarning: License classifiers are deprecated.",
        "warning: no files found matching 'X'",
        "DEPRECATION: Legacy editable install",
    ]


def test_the_first_lines_of_a_readme():
    page = "# A\n\n```\nmake\n```\n\n```python\nx = 1\ny = 2\n```\n\n```python\nz = 3\n```\n"
    assert first_block(page) == "x = 1\ny = 2\n"
    with pytest.raises(ValueError, match="no block of Python"):
        first_block("# A\n\n```\nmake\n```\n")
    own = first_block((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "my_photos" in own and ".train(" in own and ".h5" in own


# ---- archives -----------------------------------------------------------------------------------
CHECKOUT = ["README.md", "maskdet/__init__.py", "maskdet/py.typed", "maskdet/data/sheet.jinja"]
WHEEL = [*CHECKOUT[1:], *MEMBERS]


@pytest.mark.parametrize(
    "more, fault",
    [
        ([], None),
        (["maskdet/page/built/app.js"], None),
        (["tests/test_config.py"], "brings tests/test_config.py"),
        (["maskdet/page/node_modules/x.js"], "brings maskdet/page/node_modules/x.js"),
        (["maskdet/page/built/wasm/litert_wasm_internal.wasm"], "litert_wasm_internal.wasm"),
        (["maskdet/data/photo.jpg"], "brings maskdet/data/photo.jpg"),
        (["maskdet/look.ipynb"], "brings maskdet/look.ipynb"),
        (["maskdet/pretrained/coco.h5"], "brings maskdet/pretrained/coco.h5"),
        (["other-1.0.dist-info/METADATA"], "brings other-1.0.dist-info/METADATA"),
    ],
)
def test_a_wheel_holds_the_package_alone(more, fault):
    answer = archives.wheel_fault([*WHEEL, *more], CHECKOUT, page_is_built=False)
    assert answer is None if fault is None else fault in answer


def test_a_wheel_holds_all_of_the_package():
    fault = archives.wheel_fault([n for n in WHEEL if "jinja" not in n], CHECKOUT, False)
    assert fault.startswith("The wheel lacks maskdet/data/sheet.jinja;")
    fault = archives.wheel_fault(WHEEL, CHECKOUT, page_is_built=True)
    assert fault.startswith("The wheel lacks maskdet/page/built/LICENSES.txt;")
    page = archives.PAGE_PROGRAMS
    assert archives.wheel_fault([*WHEEL, *page], CHECKOUT, page_is_built=True) is None
    assert len(page) == 7 and sum(name.endswith(".wasm") for name in page) == 1


def test_a_source_archive_holds_what_builds_a_wheel():
    names = [
        *("LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "CITATION.cff", "MANIFEST.in"),
        *("PKG-INFO", "pyproject.toml", "setup.cfg", "maskdet/cli.py", "maskdet.egg-info/PKG-INFO"),
    ]
    assert archives.sdist_fault(names) is None
    assert "brings tests/test_images.py" in archives.sdist_fault([*names, "tests/test_images.py"])
    assert "lacks NOTICE" in archives.sdist_fault([n for n in names if n != "NOTICE"])


def test_two_wheels_are_compared_byte_for_byte():
    first = {"a.py": b"1", "b.py": b"2"}
    assert archives.difference(first, dict(first)) is None
    assert archives.difference(first, {**first, "b.py": b"3"}) == "b.py"
    assert archives.difference(first, {"b.py": b"2"}) == "a.py"
    assert archives.difference({"b.py": b"2"}, first) == "a.py"


def test_archives_stay_small():
    assert archives.size_fault("x.whl", 15_000_000) is None
    assert "x.whl has 15.1 MB, more than 15" in archives.size_fault("x.whl", 15_100_000)


# ---- licences -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "facts, licence",
    [
        (
            {"expression": "Apache-2.0 OR BSD-2-Clause", "licence": "x"},
            "Apache-2.0 OR BSD-2-Clause",
        ),
        ({"licence": "Apache License 2.0"}, "Apache-2.0"),
        ({"licence": "A whole\ntext", "classifiers": ["BSD License"]}, "BSD-3-Clause"),
        ({"licence": "UNKNOWN", "texts": ["\nApache Software License 2.0\n"]}, "Apache-2.0"),
        ({"classifiers": ["MIT License", "Apache Software License"]}, "MIT AND Apache-2.0"),
        ({"texts": ["(c) me\nPermission is hereby granted, free of charge, to"]}, "MIT"),
        ({"licence": "Proprietary"}, "Proprietary"),
        ({"licence": "UNKNOWN", "texts": ["All rights reserved."]}, None),
    ],
)
def test_where_a_licence_is_read(facts, licence):
    assert licence_of(Package("thing", "1.0", **facts)) == licence


@pytest.mark.parametrize(
    "expression, permissive",
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND Zlib", True),
        ("GPL-2.0-only OR MIT", True),
        ("MPL-2.0 AND MIT", False),
        ("(MIT OR Zlib) AND GPL-3.0-only", False),
        ("(MIT OR GPL-2.0-only) AND GPL-2.0-only", False),
        ("MIT AND (Apache-2.0 OR BSD-2-Clause)", True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
    ],
)
def test_what_is_permissive(expression, permissive):
    assert is_permissive(expression) is permissive


@pytest.mark.parametrize(
    "package, fault",
    [
        (Package("thing", "1.0", "MIT"), None),
        (Package("thing", "1.0", "LGPL-3.0-only"), "thing 1.0 is under LGPL-3.0-only"),
        (Package("thing", "1.0"), "thing 1.0 names no licence that is known"),
        (Package("Judged", "2.0", "MPL-2.0"), None),
        (Package("Judged", "2.0", "GPL-3.0-only"), "Judged 2.0 is under GPL-3.0-only"),
        (
            Package(
                "thing", "1.0", licence="BSD\nLicense: LGPL-2.1-or-later\n", classifiers=["BSD"]
            ),
            "thing 1.0 bundles a library under LGPL-2.1-or-later",
        ),
        (Package("bundle", "1.0", licence="X\nLicense: LGPL-2.1\n", classifiers=["BSD"]), None),
    ],
)
def test_a_licence_that_binds_is_judged_by_hand(package, fault):
    judged = {
        "judged": Judgement("MPL-2.0", "used as published"),
        "bundle": Judgement("BSD-3-Clause", "a shared library", bundled=("LGPL-2.1",)),
    }
    answer = licence_fault(package, judged)
    assert answer is None if fault is None else fault in answer


def test_the_table_says_who_has_which_and_why():
    packages = [Package("tqdm", "4.70", licence="MPL-2.0 AND MIT"), Package("absl", "2", "MIT")]
    first, second = licence_table(packages).splitlines()
    assert first.split() == ["absl", "2", "MIT"]
    assert second.startswith("tqdm ") and JUDGED["tqdm"].reason in second
    assert all(name == name.lower() and judgement.reason for name, judgement in JUDGED.items())


def test_facts_of_an_installed_package(tmp_path):
    import importlib.metadata

    folder = tmp_path / "thing-1.0.dist-info"
    (folder / "licenses").mkdir(parents=True)
    (folder / "licenses" / "LICENSE").write_text("Be kind.")
    classifiers = ("License :: OSI Approved :: MIT License", "Typing :: Typed")
    lines = ["Metadata-Version: 2.1", "Name: Thing", "Version: 1.0", "License: UNKNOWN"]
    lines += [f"Classifier: {classifier}" for classifier in classifiers]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")
    record = "thing.py,,\nthing-1.0.dist-info/METADATA,,\nthing-1.0.dist-info/licenses/LICENSE,,\n"
    (folder / "RECORD").write_text(record)
    facts = package_facts(importlib.metadata.PathDistribution(folder))
    assert Package(**facts) == Package("Thing", "1.0", "", "UNKNOWN", ["MIT License"], ["Be kind."])
