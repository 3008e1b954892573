"""The machine: processor, cores, memory, disk, and what its instructions are good for."""

import os
import platform
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from maskdet.doctor.diagnosis import Diagnosis, Severity

_TOPIC = "machine"
_ROOT = Path("/")
_GIGABYTE = 1e9
# Below these a training of the light networks, or its checkpoints, may not fit.
_LITTLE_MEMORY, _LITTLE_DISK = 2e9, 2e9


@dataclass(frozen=True)
class Processor:
    """A processor.

    Attributes:
        name: as its maker calls it.
        kind: of machine: "x86_64", "aarch64", ...
        flags: its instruction sets as Linux calls them; None where they cannot be read.
    """

    name: str
    kind: str
    flags: frozenset[str] | None


def machine_diagnoses(root: Path = _ROOT) -> list[Diagnosis]:
    """All of them; ``root`` is where /proc and /sys lie."""
    processor = read_processor(root, platform.machine())
    return [
        Diagnosis(_TOPIC, "processor", f"{processor.name} ({processor.kind})"),
        cores_diagnosis(os.cpu_count() or 1, allowed_cores(), cgroup_cores(root)),
        *instruction_diagnoses(processor),
        *memory_diagnoses(root),
        disk_diagnosis(Path.cwd()),
    ]


def read_processor(root: Path, kind: str) -> Processor:
    """From /proc/cpuinfo, where there is one."""
    text = _read(root / "proc/cpuinfo")
    board = _read(root / "proc/device-tree/model").rstrip("\0\n")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    name = board or fields.get("model name") or fields.get("Model") or platform.processor() or kind
    flags = fields.get("flags") or fields.get("Features")
    kind = {"AMD64": "x86_64", "arm64": "aarch64"}.get(kind, kind)
    return Processor(name, kind, frozenset(flags.split()) if flags else None)


def allowed_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def cgroup_cores(root: Path = _ROOT) -> float | None:
    """Cores' worth of time that a container or service gets; None where it is not limited."""
    shares = []
    for folder in _cgroup_folders(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota = _read(folder / "cpu.cfs_quota_us")
            period = _read(folder / "cpu.cfs_period_us")
        if quota.strip().isdigit() and period.strip().isdigit() and int(period):
            shares.append(int(quota) / int(period))
    return min(shares, default=None)


def usable_cores(root: Path = _ROOT) -> int:
    """Threads that can run at a time here."""
    share = cgroup_cores(root)
    return allowed_cores() if share is None else max(1, min(allowed_cores(), round(share)))


def cores_diagnosis(built_in: int, allowed: int, share: float | None) -> Diagnosis:
    """How many cores there are, and how many of them can be used."""
    text = f"{allowed} cores usable" if allowed != 1 else "1 core usable"
    if allowed < built_in:
        text += f", of {built_in} (the others are kept from this process)"
    if share is not None and share < allowed:
        text += f"; a limit of the container or service leaves {share:g} cores' worth of time"
    facts = {"cores": built_in, "allowed": allowed, "limit": share}
    return Diagnosis(_TOPIC, "cores", text, facts=facts)


def instruction_diagnoses(processor: Processor) -> list[Diagnosis]:
    """What its instructions mean for float32, int8 and bfloat16."""
    flags = processor.flags
    if flags is None:
        return [Diagnosis(_TOPIC, "instructions", "instruction sets cannot be read on this system")]
    if processor.kind == "x86_64":
        if "avx" not in flags:
            text = (
                "no AVX: TensorFlow's and JAX' wheels end with an illegal instruction on this "
                "processor"
            )
            remedy = "train on a machine with AVX; exported files run here"
            return [Diagnosis(_TOPIC, "instructions", text, Severity.OPTIONAL, remedy)]
        rows = _X86
    elif processor.kind == "aarch64":
        rows = _ARM
    else:
        return [Diagnosis(_TOPIC, "instructions", f"nothing is known of {processor.kind} here")]
    return [_best(number, table, flags) for number, table in rows.items()]


# By kind of number the flags from the best down, and what a processor with them does; "" ends it.
_X86 = {
    "float32": (
        ("avx512f", "AVX-512: 16 numbers in an instruction"),
        ("avx2", "AVX2: 8 numbers in an instruction"),
        ("", "AVX without AVX2: slow"),
    ),
    "int8": (
        ("amx_int8", "AMX: products of whole int8 blocks"),
        ("avx512_vnni", "AVX-512 VNNI: int8 products are added up in one instruction"),
        ("avx_vnni", "AVX VNNI: int8 products are added up in one instruction"),
        (
            "",
            "no VNNI: int8 products take several instructions; int8 files are smaller, and "
            "need not be quicker than float32",
        ),
    ),
    "bfloat16": (
        ("amx_bf16", "AMX: products of whole bfloat16 blocks"),
        ("avx512_bf16", "AVX-512 BF16: bfloat16 products in hardware"),
        ("", "not in hardware: mixed precision saves memory here, not time"),
    ),
}
_ARM = {
    "float32": (("asimd", "NEON: 4 numbers in an instruction"), ("", "no NEON: slow")),
    "int8": (
        ("i8mm", "i8mm: products of int8 blocks"),
        ("asimddp", "dotprod: four int8 products are added up in one instruction"),
        ("", "no dotprod: int8 products take several instructions (as on a Raspberry Pi 4)"),
    ),
    "bfloat16": (("bf16", "bfloat16 products in hardware"), ("", "not in hardware")),
}


def _best(number: str, rows: Collection[tuple[str, str]], flags: frozenset[str]) -> Diagnosis:
    flag, text = next((flag, text) for flag, text in rows if not flag or flag in flags)
    return Diagnosis(_TOPIC, number, f"{number}: {text}", facts={"instructions": flag or None})


def memory_diagnoses(root: Path = _ROOT) -> list[Diagnosis]:
    """Memory of the machine, and of the container where that is less; none where it is unknown."""
    sizes = {
        name: int(size) * 1024
        for name, size in re.findall(r"^(\w+): +(\d+) kB", _read(root / "proc/meminfo"), re.M)
    }
    total, free = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if total is None:
        try:
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return []
    limit = _cgroup_memory(root)
    text = f"{total / _GIGABYTE:.1f} GB of memory"
    if free is not None:
        text += f", {free / _GIGABYTE:.1f} GB of it free"
    if limit is not None and limit < total:
        text += f"; the container or service may take {limit / _GIGABYTE:.1f} GB"
    usable = min(size for size in (total, free, limit) if size is not None)
    facts = {"total": total, "free": free, "limit": limit}
    if usable >= _LITTLE_MEMORY:
        return [Diagnosis(_TOPIC, "memory", text, facts=facts)]
    remedy = "close other programs before a training, or set a smaller BATCH_SIZE"
    return [Diagnosis(_TOPIC, "memory", text, Severity.OPTIONAL, remedy, facts)]


def disk_diagnosis(folder: Path) -> Diagnosis:
    """What is free where results go."""
    free = shutil.disk_usage(folder).free
    text = f"{free / _GIGABYTE:.1f} GB of disk free in {folder}"
    if free >= _LITTLE_DISK:
        return Diagnosis(_TOPIC, "disk", text, facts={"free": free})
    remedy = "free some space: checkpoints of a training are kept beside each other"
    return Diagnosis(_TOPIC, "disk", text, Severity.OPTIONAL, remedy, {"free": free})


def _cgroup_memory(root: Path) -> int | None:
    limits = []
    for folder in _cgroup_folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _read(folder / name).strip()
            if limit.isdigit():
                limits.append(int(limit))
    return min(limits, default=None)


def _cgroup_folders(root: Path, controller: str) -> list[Path]:
    """Folders whose limits hold for this process: its control group's and those above it."""
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        if number == "0" or controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / ("" if number == "0" else controller)
            path = base / inner.strip("/")
            folders += [path, *(above for above in path.parents if above.is_relative_to(base))]
    return folders


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system than Linux, or a container that does not show it
        return ""
