"""Keras and its backend: which it is, whether it calculates, on which devices and threads."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maskdet.doctor.child import ChildAnswer, run_child
from maskdet.doctor.diagnosis import Diagnosis, Severity
from maskdet.doctor.packages import BACKENDS, is_here

_TOPIC = "backend"
# A 3 x 3 kernel of ones over ones: 9 inside, whatever calculates it.
_CODE = """
import json, os, time
begun = time.perf_counter()
import keras, numpy
inputs = keras.Input((5, 5, 1))
outputs = keras.layers.Conv2D(1, 3, use_bias=False, kernel_initializer="ones")(inputs)
network = keras.Model(inputs, outputs)
made = network.predict_on_batch(numpy.ones((1, 5, 5, 1), "float32"))
facts = {"keras": keras.__version__, "backend": keras.backend.backend(), "devices": []}
facts["sound"] = bool(numpy.allclose(made, 9.0))
if facts["backend"] == "tensorflow":
    import tensorflow
    for device in tensorflow.config.list_physical_devices("GPU"):
        details = tensorflow.config.experimental.get_device_details(device)
        facts["devices"].append(details.get("device_name", device.name))
    facts["version"] = tensorflow.__version__
    facts["cuda"] = bool(tensorflow.sysconfig.get_build_info().get("is_cuda_build"))
    facts["threads"] = tensorflow.config.threading.get_intra_op_parallelism_threads()
elif facts["backend"] == "jax":
    import jax
    facts["version"] = jax.__version__
    facts["devices"] = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
elif facts["backend"] == "torch":
    import torch
    facts["version"], facts["threads"] = torch.__version__, torch.get_num_threads()
    facts["cuda"] = torch.version.cuda is not None
    names = range(torch.cuda.device_count())
    facts["devices"] = [torch.cuda.get_device_name(number) for number in names]
facts["seconds"] = time.perf_counter() - begun
print(json.dumps(facts))
"""


@dataclass(frozen=True)
class Choice:
    """Which backend Keras will take.

    Attributes:
        name: "tensorflow", "jax", "torch", ...
        source: where that is written.
        settings: of keras.json; {} where there is none.
        path: of keras.json.
    """

    name: str
    source: str
    settings: Mapping[str, object]
    path: Path


def keras_folder() -> Path:
    """Where Keras keeps its settings and downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def chosen_backend(environment: Mapping[str, str] = os.environ) -> Choice:
    """As Keras decides it: the variable, then the file, then TensorFlow."""
    path = keras_folder() / "keras.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras passes over a broken one too
        settings = {}
    if not isinstance(settings, dict):
        settings = {}
    if environment.get("KERAS_BACKEND"):
        return Choice(environment["KERAS_BACKEND"], "KERAS_BACKEND", settings, path)
    if settings.get("backend"):
        return Choice(str(settings["backend"]), str(path), settings, path)
    return Choice("tensorflow", "Keras' default", settings, path)


def choice_diagnoses(choice: Choice) -> list[Diagnosis]:
    """The backend's name, and settings of keras.json that networks cannot work with."""
    facts = {"backend": choice.name, "source": choice.source}
    diagnoses = [Diagnosis(_TOPIC, "choice", f"{choice.name} (from {choice.source})", facts=facts)]
    if choice.name not in BACKENDS:
        text = f"Keras' backend is {choice.name}, which trains nothing (from {choice.source})"
        remedy = "unset KERAS_BACKEND"
        if choice.source != "KERAS_BACKEND":
            remedy = "export KERAS_BACKEND=tensorflow"
        diagnoses = [Diagnosis(_TOPIC, "choice", text, Severity.MISSING, remedy, facts)]
    wanted = {"image_data_format": "channels_last", "floatx": "float32"}
    for name, value in wanted.items():
        if choice.settings.get(name, value) != value:
            text = f'{choice.path} says "{name}": "{choice.settings[name]}"'
            remedy = f'write "{name}": "{value}" there'
            diagnoses.append(Diagnosis(_TOPIC, name, text, Severity.MISSING, remedy))
    return diagnoses


def ask_backend() -> ChildAnswer | None:
    """Load Keras and run a network, in a process of its own; None where there is no Keras."""
    return run_child(_CODE) if is_here("keras") else None


def backend_diagnoses(
    answer: ChildAnswer, choice: Choice, cards: list[str], cores: int, allowed: int
) -> list[Diagnosis]:
    """What became of it.

    Args:
        answer: of :func:`ask_backend`.
        choice: of the backend.
        cards: GPUs of NVIDIA in this machine.
        cores: that can be used, limits of containers counted.
        allowed: that the process may run on, by which TensorFlow counts.
    """
    package = BACKENDS.get(choice.name)
    again = f"pip install --force-reinstall {package.names[0]}" if package else ""
    facts = answer.facts
    if answer.failure:
        text = f"a small network does not run on {choice.name}: {answer.failure}"
        return [Diagnosis(_TOPIC, "self-test", text, Severity.MISSING, again)]
    seconds = float(facts["seconds"])
    if not facts["sound"]:
        text = f"a small network gives wrong numbers on {choice.name}"
        return [Diagnosis(_TOPIC, "self-test", text, Severity.MISSING, again)]
    text = (
        f"a small network runs on {facts['backend']} {facts['version']} ({seconds:.1f} s to load)"
    )
    diagnoses = [Diagnosis(_TOPIC, "self-test", text, facts={"seconds": seconds})]
    diagnoses.append(gpu_diagnosis(answer, cards))
    if facts["backend"] == "tensorflow":
        diagnoses.append(threads_diagnosis(int(facts["threads"]) or allowed, cores))
    return diagnoses


def threads_diagnosis(threads: int, cores: int) -> Diagnosis:
    """Threads that TensorFlow starts: it sees cores, and not what a container may take of them."""
    count = int(os.environ.get("TF_NUM_INTRAOP_THREADS") or threads)
    text = f"TensorFlow will use {count} thread{'' if count == 1 else 's'}"
    facts = {"threads": count}
    if count <= cores:
        return Diagnosis(_TOPIC, "threads", text, facts=facts)
    text += f", and there is time for {cores}: they will wait for each other"
    remedy = f"export TF_NUM_INTRAOP_THREADS={cores} TF_NUM_INTEROP_THREADS={cores}"
    return Diagnosis(_TOPIC, "threads", text, Severity.OPTIONAL, remedy, facts)


def nvidia_cards() -> list[str]:
    """GPUs that NVIDIA's driver sees; none where there is no driver, or it does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, timeout=10, text=True, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def gpu_diagnosis(answer: ChildAnswer, cards: list[str]) -> Diagnosis:
    """Whether the backend uses a GPU, and if not, why."""
    devices = list(answer.facts["devices"])
    facts = {"devices": devices, "cards": cards}
    if devices:
        return Diagnosis(_TOPIC, "gpu", f"GPU in use: {', '.join(devices)}", facts=facts)
    if not cards:
        return Diagnosis(_TOPIC, "gpu", "no GPU: all is calculated by the processor", facts=facts)
    reason, remedy = _why_unused(answer)
    text = f"{cards[0]} is here and is not used: {reason}"
    return Diagnosis(_TOPIC, "gpu", text, Severity.OPTIONAL, remedy, facts)


def _why_unused(answer: ChildAnswer) -> tuple[str, str]:
    """(reason, remedy)"""
    backend = str(answer.facts["backend"])
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and not re.match(r"\d|GPU|MIG", hidden):
        return f"CUDA_VISIBLE_DEVICES={hidden} hides it", "unset CUDA_VISIBLE_DEVICES"
    if backend != "tensorflow":
        return f"this {backend} sees none", f"install {backend} with CUDA, as its site says"
    if not answer.facts["cuda"]:
        version = answer.facts["version"]
        # Both put their files into one folder, so that the second must be put there again.
        remedy = (
            "pip install 'maskdet[gpu]' && pip uninstall -y tensorflow-cpu && "
            f"pip install --force-reinstall --no-deps tensorflow=={version}"
        )
        return "this TensorFlow is built without CUDA", remedy
    line = gpu_line(answer.log)
    reason = f"TensorFlow says: {line}" if line else "TensorFlow does not say why"
    return reason, "pip install 'maskdet[gpu]'"


_ABOUT_GPUS = re.compile(r"cuda|cudnn|cublas|gpu|nvidia|libnv", re.I)
_PREFIX = re.compile(
    r"^(\d{4}-\d\d-\d\d [\d:.]+: )?(?P<level>[IWEF])(\d{4} [\d:.]+ +\d+)? ?(?P<place>\S+\])? *"
)


def gpu_line(log: str) -> str:
    """The gravest line about GPUs in TensorFlow's log, without time and place; "" if none."""
    lines = []
    for line in log.splitlines():
        match = _PREFIX.match(line)
        if match and match["place"] and _ABOUT_GPUS.search(line[match.end() :]):
            lines.append(("FEWI".index(match["level"]), line[match.end() :].strip()))
    return min(lines, key=lambda pair: pair[0])[1] if lines else ""
