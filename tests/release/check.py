"""Builds maskdet as a release would and tries what came of it: ``python -m tests.release.check``.

Everything happens in environments of its own: archives are built from a copy of the checkout, the
wheel is installed into an empty one and tried away from the checkout. One line a check; the first
fault ends it with status 1. Archives, logs and the licences lie in ``.release/`` afterwards.
"""

import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from maskdet.version import __version__
from tests.release import archives
from tests.release.environment import BUILT, ROOT, Fault, Runner, copy_checkout
from tests.release.licences import JUDGED, Package, licence_fault, licence_table
from tests.release.metadata import metadata_fault, version_fault, warnings_of

RESULTS = ROOT / ".release"
# What runs inside the empty environment, beside the README.
_CARRIED = ("tests/docs/small.py", "tests/release/metadata.py", "tests/release/ten_lines.py")
# What every new environment has before a package is installed.
_OWN_TOOLS = {"pip", "setuptools", "maskdet"}


@dataclass
class Release:
    """What one check leaves for the next.

    Attributes:
        runner: runs commands, keeps their output.
        scratch: folder away from the checkout, gone afterwards.
        names: files of the checkout, from its root.
    """

    runner: Runner
    scratch: Path
    names: list[str] = field(default_factory=list)

    @property
    def checkout(self) -> Path:
        """The copy that is built."""
        return self.scratch / "checkout"

    @property
    def page_is_built(self) -> bool:
        return (self.checkout / BUILT / "app.js").is_file()

    @property
    def tools(self) -> Path:
        """Python with what builds and checks archives."""
        return self.scratch / "tools" / "bin" / "python"

    @property
    def empty(self) -> Path:
        """Python with the wheel and what it requires, nothing else."""
        return self.scratch / "empty" / "bin" / "python"

    def archive(self, pattern: str) -> Path:
        """The one built archive of this pattern."""
        [path] = (RESULTS / "dist").glob(pattern)
        return path

    def build(self, name: str, kind: str, source: Path, target: Path) -> None:
        """Build a wheel or a source archive; Fault where the build warns."""
        command: list[str | Path] = [self.tools, "-m", "build", kind, "--outdir", target, source]
        refuse_warnings(name, self.runner.run(name, command, self.scratch))


def refuse(fault: str | None) -> None:
    """Raise a Fault if there is one."""
    if fault:
        raise Fault(fault)


def refuse_warnings(name: str, log: str) -> None:
    """Raise a Fault with the first warning of a command's output."""
    lines = warnings_of(log)
    refuse(f"'{name}' warns: {lines[0]}; mend setup.cfg or pyproject.toml." if lines else None)


def check_versions(release: Release) -> str:
    """The same version everywhere."""
    others = {n: (ROOT / n).read_text(encoding="utf-8") for n in ("CITATION.cff", "CHANGELOG.md")}
    refuse(version_fault(__version__, others))
    unreleased = f"## {__version__} (unreleased)" in others["CHANGELOG.md"]
    return __version__ + (", which CHANGELOG.md still calls unreleased" if unreleased else "")


def check_build(release: Release) -> str:
    """Source archive and wheel are built without a warning."""
    release.names = copy_checkout(release.checkout)
    release.runner.environment(release.scratch / "tools", "build", "twine", "readme_renderer[md]")
    for kind in ("sdist", "wheel"):
        release.build(kind, f"--{kind}", release.checkout, RESULTS / "dist")
        # Nothing of one build may come into the next.
        shutil.rmtree(release.checkout / "build", ignore_errors=True)
        shutil.rmtree(release.checkout / "maskdet.egg-info")
    return f"{release.archive('*.whl').name}, {release.archive('*.tar.gz').name}, no warning"


def check_metadata(release: Release) -> str:
    """Metadata, licence files and a README that a package index can show."""
    paths = [release.archive("*.whl"), release.archive("*.tar.gz")]
    release.runner.run(
        "twine", [release.tools, "-m", "twine", "check", "--strict", *paths], release.scratch
    )
    members = archives.wheel_members(paths[0])
    text = members[f"maskdet-{__version__}.dist-info/METADATA"].decode()
    refuse(metadata_fault(text, __version__, list(members)))
    return "licence files, Python versions, README"


def check_wheel(release: Release) -> str:
    """The package alone, and all of it."""
    names = archives.wheel_members(release.archive("*.whl"))
    refuse(archives.wheel_fault(names, release.names, release.page_is_built))
    page = "with" if release.page_is_built else "WITHOUT (make web builds them)"
    return f"{len(names)} files, {page} the page's programs"


def check_sdist(release: Release) -> str:
    """The same wheel comes of the source archive."""
    path = release.archive("*.tar.gz")
    refuse(archives.sdist_fault(archives.sdist_names(path)))
    with tarfile.open(path) as archive:
        archive.extractall(release.scratch / "unpacked", filter="data")
    [source] = (release.scratch / "unpacked").iterdir()
    release.build("wheel_of_sdist", "--wheel", source, release.scratch / "again")
    [again] = (release.scratch / "again").glob("*.whl")
    first, second = (archives.wheel_members(p) for p in (release.archive("*.whl"), again))
    name = archives.difference(first, second)
    refuse(name and f"The source archive's wheel has another {name}; mend MANIFEST.in.")
    return "builds the same wheel"


def check_sizes(release: Release) -> str:
    """Small enough."""
    paths = [release.archive("*.whl"), release.archive("*.tar.gz")]
    for path in paths:
        refuse(archives.size_fault(path.name, path.stat().st_size))
    return ", ".join(f"{p.suffix[1:]} {p.stat().st_size / 1e6:.1f} MB" for p in paths)


def check_editable(release: Release) -> str:
    """A developer's installation."""
    python = release.runner.environment(release.scratch / "editable")
    command: list[str | Path] = [python, "-m", "pip", "install", "-v", "--no-deps", "-e"]
    log = release.runner.run("editable", [*command, release.checkout], release.scratch)
    refuse_warnings("editable", log)
    return "pip install -e . prints no warning"


def check_install(release: Release) -> str:
    """The wheel in an empty environment."""
    wheel = release.archive("*.whl")
    release.runner.environment(release.scratch / "empty", str(wheel))
    release.runner.run("pip_check", [release.empty, "-m", "pip", "check"], release.scratch)
    return "into an empty environment, requirements agree"


def check_help(release: Release) -> str:
    """The command answers, as a module and under each name that the wheel installs."""
    text = archives.wheel_members(release.archive("*.whl"))
    points = text.get(f"maskdet-{__version__}.dist-info/entry_points.txt", b"").decode()
    scripts = [line.split("=")[0].strip() for line in points.splitlines() if "=" in line]
    commands: list[list[str | Path]] = [[release.empty, "-m", "maskdet"]]
    commands += [[release.empty.with_name(name)] for name in scripts]
    for number, command in enumerate(commands):
        text_of_help = release.runner.run(f"help_{number}", [*command, "--help"], release.scratch)
        refuse(None if "usage:" in text_of_help else f"{command[-1]} --help says nothing; mend it.")
    return ", ".join(["python -m maskdet", *scripts])


def check_ten_lines(release: Release) -> str:
    """README's first lines of Python, on photos and settings made small."""
    driver, reader = release.scratch / "driver", release.scratch / "reader"
    reader.mkdir()
    for name in _CARRIED:
        (driver / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, driver / name)
    command: list[str | Path] = [release.empty, "-m", "tests.release.ten_lines"]
    begun = time.perf_counter()
    release.runner.run(
        "ten_lines",
        [*command, ROOT / "README.md", reader],
        driver,
        # What is downloaded is not to come from this machine's cache.
        MASKDET_HOME=str(release.scratch / "cache"),
    )
    return f"run away from the checkout in {time.perf_counter() - begun:.0f} s"


def check_licences(release: Release) -> str:
    """Licences of everything that an installation brings."""
    script = ROOT / "tests" / "release" / "installed.py"
    listing = release.runner.run("installed", [release.empty, "-I", script], release.scratch)
    packages = [Package(**facts) for facts in json.loads(listing)]
    packages = [p for p in packages if p.name.lower() not in _OWN_TOOLS]
    (RESULTS / "licences.txt").write_text(licence_table(packages) + "\n", encoding="utf-8")
    for package in packages:
        refuse(licence_fault(package))
    judged = [p.name for p in packages if p.name.lower() in JUDGED]
    return f"{len(packages)} packages, by judgement {', '.join(judged)}; .release/licences.txt"


CHECKS: dict[str, Callable[[Release], str]] = {
    "versions": check_versions,
    "build": check_build,
    "metadata": check_metadata,
    "wheel": check_wheel,
    "source archive": check_sdist,
    "sizes": check_sizes,
    "editable": check_editable,
    "installation": check_install,
    "command": check_help,
    "ten lines": check_ten_lines,
    "licences": check_licences,
}


def run_checks(checks: dict[str, Callable[[Release], str]], release: Release) -> int:
    """Run checks until one finds a fault; returns the exit status."""
    for name, check in checks.items():
        try:
            print(f"{name:15} {check(release)}", flush=True)
        except Fault as fault:
            print(f"{name:15} FAULT: {fault}", flush=True)
            return 1
    return 0


def main() -> int:
    """All checks; returns the exit status."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    (RESULTS / "logs").mkdir(parents=True)
    # Long paths in temporary folders of some systems are links, which tracebacks would not show.
    with tempfile.TemporaryDirectory(prefix="maskdet_release_") as scratch:
        folder = Path(os.path.realpath(scratch))
        return run_checks(CHECKS, Release(Runner(RESULTS / "logs"), folder))


if __name__ == "__main__":
    sys.exit(main())
