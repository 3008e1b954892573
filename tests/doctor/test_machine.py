"""Promise: the doctor tells machines apart by what Linux says of them."""

import pytest

from maskdet.doctor import machine
from maskdet.doctor.diagnosis import Severity
from maskdet.doctor.machine import Processor

_PC = "processor\t: 0\nmodel name\t: Some Core\nflags\t\t: fpu avx avx2 avx512f avx512_vnni\n"
_PI4 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
_PI5 = "processor\t: 0\nFeatures\t: fp asimd asimdhp cpuid asimddp\n"


@pytest.fixture
def system(tmp_path):
    """Takes files of /proc and /sys; gives the folder that stands for the root."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def instructions(processor):
    return {d.name: d.facts.get("instructions") for d in machine.instruction_diagnoses(processor)}


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("x86_64", _PC, {"float32": "avx512f", "int8": "avx512_vnni", "bfloat16": None}),
        ("AMD64", "flags : avx avx2", {"float32": "avx2", "int8": None, "bfloat16": None}),
        ("aarch64", _PI4, {"float32": "asimd", "int8": None, "bfloat16": None}),
        ("aarch64", _PI5, {"float32": "asimd", "int8": "asimddp", "bfloat16": None}),
        (
            "arm64",
            "Features: asimd asimddp i8mm bf16",
            {"float32": "asimd", "int8": "i8mm", "bfloat16": "bf16"},
        ),
    ],
)
def test_instructions_by_kind_of_number(system, kind, text, found):
    processor = machine.read_processor(system({"proc/cpuinfo": text}), kind)
    assert instructions(processor) == found


def test_without_avx_training_cannot_be():
    (diagnosis,) = machine.instruction_diagnoses(Processor("old", "x86_64", frozenset({"sse2"})))
    assert diagnosis.severity is Severity.OPTIONAL
    assert "illegal instruction" in diagnosis.text and diagnosis.remedy


def test_a_board_is_called_by_its_name(system):
    files = {"proc/cpuinfo": _PI5, "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}
    assert machine.read_processor(system(files), "aarch64").name == "Raspberry Pi 5 Model B Rev 1.0"


def test_systems_without_proc_are_not_guessed_at(tmp_path):
    processor = machine.read_processor(tmp_path, "arm64")
    assert (processor.kind, processor.flags) == ("aarch64", None)
    (diagnosis,) = machine.instruction_diagnoses(processor)
    assert "cannot be read" in diagnosis.text


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
        # A service within a slice that has less.
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/docker\n0::/\n",
                "sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
    ],
)
def test_a_containers_share_of_cores(system, files, share):
    assert machine.cgroup_cores(system(files)) == share


def test_cores_that_cannot_be_used_are_told():
    text = machine.cores_diagnosis(16, 4, 2.0).text
    assert "4 cores usable, of 16" in text and "leaves 2 cores' worth" in text
    assert machine.cores_diagnosis(1, 1, None).text == "1 core usable"


@pytest.mark.parametrize(
    ("free", "limit", "severity"),
    [
        (8_000_000, None, Severity.OK),
        (1_000_000, None, Severity.OPTIONAL),
        (8_000_000, 1_000_000_000, Severity.OPTIONAL),
    ],
)
def test_little_memory_is_noted(system, free, limit, severity):
    files = {"proc/meminfo": f"MemTotal:  16000000 kB\nMemAvailable: {free} kB\n"}
    if limit:
        files |= {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{limit}\n"}
    (diagnosis,) = machine.memory_diagnoses(system(files))
    assert diagnosis.severity is severity
    assert diagnosis.facts == {"total": 16_384_000_000, "free": free * 1024, "limit": limit}
    assert bool(diagnosis.remedy) == (severity is Severity.OPTIONAL)
