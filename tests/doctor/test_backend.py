"""Promise: a backend that does not calculate, or not where it should, is told with its remedy."""

import sys

import pytest

from maskdet.doctor import backend, litert
from maskdet.doctor.child import ChildAnswer, run_child
from maskdet.doctor.diagnosis import Severity
from maskdet.doctor.tiny_network import EXPECTED

CARD = "NVIDIA X, 8192 MiB, 550.1"
FACTS = {"backend": "tensorflow", "version": "2.21.0", "devices": [], "cuda": True, "threads": 0}
FACTS |= {"sound": True, "seconds": 1.0}


@pytest.fixture
def choice(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def make(text=None, **environment):
        if text is not None:
            (tmp_path / "keras.json").write_text(text)
        return backend.chosen_backend(environment)

    return make


# ---- which backend ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "environment", "name"),
    [
        (None, {}, "tensorflow"),
        ('{"backend": "torch"}', {}, "torch"),
        ('{"backend": "torch"}', {"KERAS_BACKEND": "jax"}, "jax"),
        ('{"backend": "torch"}', {"KERAS_BACKEND": ""}, "torch"),
        ("{broken", {}, "tensorflow"),
        ("[1]", {}, "tensorflow"),
    ],
)
def test_the_backend_is_found_as_keras_finds_it(choice, text, environment, name):
    assert choice(text, **environment).name == name


def test_settings_that_networks_cannot_work_with(choice):
    chosen = choice('{"image_data_format": "channels_first", "floatx": "float32"}')
    name, layout = backend.choice_diagnoses(chosen)
    assert name.severity is Severity.OK
    assert layout.severity is Severity.MISSING
    assert '"channels_first"' in layout.text and '"channels_last"' in layout.remedy


def test_a_backend_that_does_not_train(choice):
    (diagnosis,) = backend.choice_diagnoses(choice(KERAS_BACKEND="numpy"))
    assert (diagnosis.severity, diagnosis.remedy) == (Severity.MISSING, "unset KERAS_BACKEND")


# ---- processes of their own -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "illegal instruction"),
        (
            "import os; os.write(2, b'F cpu_guard.cc:38] no AVX\\n'); os.abort()",
            "it was ended by SIGABRT (F cpu_guard.cc:38] no AVX)",
        ),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import sys; sys.exit(3)", "it ended with status 3"),
        ("import time; time.sleep(60)", "it had no answer after 0.5 seconds"),
    ],
)
def test_a_crash_is_a_sentence(code, failure):
    answer = run_child(code, limit=0.5 if "sleep" in code else 30)
    assert failure in answer.failure
    assert answer.facts == {}


def test_a_process_answers_in_its_last_line(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('the folder is in the way')")
    monkeypatch.chdir(tmp_path)
    code = "import sys, json; print('x'); print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    assert run_child(code, ["a"], b"b").facts == [["a"], "b"]


# ---- self-tests -------------------------------------------------------------------------------
def test_what_does_not_run_is_missing(choice):
    answer = ChildAnswer({}, "", "it was ended by SIGILL")
    (diagnosis,) = backend.backend_diagnoses(answer, choice(), [], 2, 2)
    assert diagnosis.severity is Severity.MISSING
    assert diagnosis.text == "a small network does not run on tensorflow: it was ended by SIGILL"
    assert diagnosis.remedy.startswith("pip install --force-reinstall tensorflow")
    assert litert.interpreter_diagnoses(answer, True)[0].severity is Severity.MISSING
    assert litert.interpreter_diagnoses(answer, False)[0].severity is Severity.OPTIONAL


def test_wrong_numbers_are_not_well(choice):
    (diagnosis,) = backend.backend_diagnoses(
        ChildAnswer({**FACTS, "sound": False}, ""), choice(), [], 2, 2
    )
    assert diagnosis.severity is Severity.MISSING and "wrong numbers" in diagnosis.text
    wrong = ChildAnswer({"outputs": [*EXPECTED[:3], 0.0], "seconds": 1}, "")
    assert "wrong numbers" in litert.interpreter_diagnoses(wrong, True)[0].text
    assert (
        litert.interpreter_diagnoses(ChildAnswer({"outputs": [], "seconds": 1}, ""), True)[
            0
        ].severity
        is Severity.MISSING
    )


def test_the_interpreter_here_calculates():
    (diagnosis,) = litert.interpreter_diagnoses(litert.ask_interpreter(), True)
    assert diagnosis.severity is Severity.OK


@pytest.mark.parametrize(
    ("threads", "cores", "remedy"),
    [
        (4, 4, ""),
        (1, 4, ""),
        (64, 2, "export TF_NUM_INTRAOP_THREADS=2 TF_NUM_INTEROP_THREADS=2"),
    ],
)
def test_more_threads_than_a_container_may_use(monkeypatch, threads, cores, remedy):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert backend.threads_diagnosis(threads, cores).remedy == remedy


# ---- GPUs -------------------------------------------------------------------------------------
def test_a_gpu_in_use(choice):
    answer = ChildAnswer({**FACTS, "devices": ["NVIDIA X"]}, "")
    assert backend.gpu_diagnosis(answer, [CARD]).text == "GPU in use: NVIDIA X"


def test_no_gpu_is_no_fault(choice):
    diagnosis = backend.gpu_diagnosis(ChildAnswer(FACTS, ""), [])
    assert (diagnosis.severity, diagnosis.remedy) == (Severity.OK, "")


def test_tensorflows_own_line_says_why(choice):
    log = (
        "I0000 00:00:1795687905.068162   22921 port.cc:153] oneDNN custom operations are on.\n"
        "I0000 00:00:1795687905.1   22921 cudart_stub.cc:31] Could not find cuda drivers\n"
        "W0000 00:00:1795687905.2   22921 gpu_device.cc:2343] Cannot dlopen some GPU libraries.\n"
        "Skipping registering GPU devices...\n"
    )
    diagnosis = backend.gpu_diagnosis(ChildAnswer(FACTS, log), [CARD])
    assert diagnosis.text == (
        f"{CARD} is here and is not used: TensorFlow says: Cannot dlopen some GPU libraries."
    )
    assert diagnosis.remedy == "pip install 'maskdet[gpu]'"
    assert diagnosis.severity is Severity.OPTIONAL


def test_the_older_form_of_such_lines():
    line = (
        "2026-01-02 10:11:12.123456: E external/local_xla/xla/cuda_platform.cc:51] failed call to "
        "cuInit: INTERNAL: CUDA error: no device"
    )
    assert backend.gpu_line(f"noise\n{line}\n") == (
        "failed call to cuInit: INTERNAL: CUDA error: no device"
    )
    assert backend.gpu_line("nothing of the kind") == ""


def test_a_build_without_cuda(choice):
    diagnosis = backend.gpu_diagnosis(ChildAnswer({**FACTS, "cuda": False}, ""), [CARD])
    assert "built without CUDA" in diagnosis.text
    assert diagnosis.remedy.startswith("pip install 'maskdet[gpu]' && pip uninstall -y tensorflow")


def test_a_gpu_that_the_user_hides(choice, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    diagnosis = backend.gpu_diagnosis(ChildAnswer(FACTS, ""), [CARD])
    assert diagnosis.remedy == "unset CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize(("status", "cards"), [(0, [CARD]), (9, [])])
def test_nvidias_program_is_asked(tmp_path, monkeypatch, status, cards):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nprint({CARD!r})\nraise SystemExit({status})\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backend.nvidia_cards() == cards
