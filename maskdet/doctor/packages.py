"""Which packages are installed, in which version, and what the absent ones are needed for."""

import importlib.metadata
import importlib.util
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maskdet.doctor.diagnosis import Diagnosis, Severity
from maskdet.version import __version__

_TOPIC = "packages"
#: What an installation is for: training and all else, or running exported files (a Raspberry Pi).
TRAINING, RUNNING = "training", "running"


@dataclass(frozen=True)
class Package:
    """A package that maskdet can use.

    Attributes:
        module: what is imported.
        names: under which it is distributed, maskdet's own choice first.
        purpose: what it is needed for.
        roles: installations that cannot do without it.
        remedy: what installs it; "" is pip with the first of its names.
    """

    module: str
    names: tuple[str, ...]
    purpose: str
    roles: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def install(self) -> str:
        """The command that installs it."""
        if self.remedy:
            return self.remedy
        # There are wheels without CUDA for this kind of machine alone.
        cpu_only = (platform.system(), platform.machine()) == ("Linux", "x86_64")
        name = self.names[0]
        return f"pip install {name if cpu_only else name.removesuffix('-cpu')}"


_TRAINS = (TRAINING,)
_ALWAYS = (TRAINING, RUNNING)
#: What Keras calculates with.
BACKENDS = {
    "tensorflow": Package(
        "tensorflow",
        ("tensorflow-cpu", "tensorflow", "tf-nightly", "tf-nightly-cpu", "tensorflow-macos"),
        "Keras' usual backend; export to .tflite",
    ),
    "jax": Package("jax", ("jax",), "another backend of Keras"),
    "torch": Package("torch", ("torch",), "another backend of Keras"),
}
_ONNX = "pip install 'maskdet[onnx]'"
PACKAGES = (
    Package("numpy", ("numpy",), "everything", _ALWAYS),
    Package("PIL", ("Pillow",), "photos", _ALWAYS),
    Package("keras", ("keras",), "training and detecting", _TRAINS),
    Package("yaml", ("PyYAML",), "data sets in YOLO's format", _TRAINS),
    Package("lxml", ("lxml",), "LabelImg's files", _TRAINS),
    Package("skimage", ("scikit-image",), "outlines and masks", _TRAINS),
    Package("scipy", ("scipy",), "scores and exports", _TRAINS),
    Package("pycocotools", ("pycocotools",), "COCO's scores", _TRAINS),
    Package("h5py", ("h5py",), "weight files", _TRAINS),
    Package("matplotlib", ("matplotlib",), "plots of reports", _TRAINS),
    Package("jinja2", ("jinja2",), "reports", _TRAINS),
    Package("tqdm", ("tqdm",), "progress bars", _TRAINS),
    Package("ai_edge_quantizer", ("ai-edge-quantizer",), "export in int8"),
    Package("argcomplete", ("argcomplete",), "completion in the shell"),
    Package(
        "tensorboard", ("tensorboard",), "TENSORBOARD", (), "pip install 'maskdet[tensorboard]'"
    ),
    Package("tf2onnx", ("tf2onnx",), "export to ONNX", (), _ONNX),
    Package("onnx", ("onnx",), "export to ONNX, and weights in it", (), _ONNX),
    Package(
        "onnxruntime", ("onnxruntime", "onnxruntime-gpu"), "the check of ONNX files", (), _ONNX
    ),
    Package(
        "cv2",
        (
            "opencv-python-headless",
            "opencv-python",
            "opencv-contrib-python",
            "opencv-contrib-python-headless",
        ),
        "USB cameras and videos",
    ),
    Package(
        "picamera2",
        ("picamera2",),
        "the Raspberry Pi's own camera",
        (),
        "sudo apt install python3-picamera2 (on a Pi; a virtual environment needs "
        "--system-site-packages)",
    ),
)
# What a Raspberry Pi calls its processor; picamera2 is for no other machine.
_PIS = ("aarch64", "armv7l", "armv6l")
#: Either runs .tflite files.
INTERPRETERS = (
    Package("ai_edge_litert", ("ai-edge-litert",), "running and checking .tflite files"),
    Package("tflite_runtime", ("tflite-runtime",), "running .tflite files"),
)


def is_here(module: str) -> bool:
    """Whether a package could be imported; it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def installed(package: Package) -> dict[str, str]:
    """Versions by the names under which a package is installed; several may share its folder."""
    versions = {}
    for name in package.names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def role_here() -> str:
    """What this installation is for, by what is in it.

    A machine with an interpreter and nothing of Keras runs exported files; any other is to train.
    """
    trains = is_here("keras") or any(is_here(module) for module in BACKENDS)
    runs = any(is_here(package.module) for package in INTERPRETERS)
    return RUNNING if runs and not trains else TRAINING


def package_diagnoses(role: str, backend: str) -> list[Diagnosis]:
    """Maskdet, Python and every package.

    Args:
        role: TRAINING or RUNNING.
        backend: of Keras, which a training needs.
    """
    limits = stated_limits()
    diagnoses = [
        Diagnosis(_TOPIC, "maskdet", f"maskdet {__version__}", facts={"version": __version__}),
        Diagnosis(
            _TOPIC,
            "python",
            f"Python {platform.python_version()} ({sys.executable})",
            facts={"version": platform.python_version()},
        ),
    ]
    absent = []
    for package in PACKAGES:
        if is_here(package.module):
            diagnoses.append(package_diagnosis(package, role in package.roles, limits))
        elif role == RUNNING and TRAINING in package.roles and RUNNING not in package.roles:
            absent.append(package.names[0])
        elif package.module != "picamera2" or platform.machine() in _PIS:
            diagnoses.append(package_diagnosis(package, role in package.roles, limits))
    for name, package in BACKENDS.items():
        needed = role == TRAINING and name == backend
        if needed or is_here(package.module):
            diagnoses += backend_diagnoses(package, needed, limits)
    if absent:
        text = f"training: not installed ({', '.join(absent)} and TensorFlow)"
        remedy = "pip install 'maskdet[train]'"
        diagnoses.append(Diagnosis(_TOPIC, "training", text, Severity.OPTIONAL, remedy))
    return [*diagnoses, interpreter_diagnosis(role, limits)]


def package_diagnosis(package: Package, needed: bool, limits: Mapping[str, str]) -> Diagnosis:
    """Whether it is installed, and in a version that maskdet can use."""
    lacking = Severity.MISSING if needed else Severity.OPTIONAL
    versions = installed(package)
    if not is_here(package.module):
        text = f"{package.names[0]}: not installed (needed for {package.purpose})"
        return Diagnosis(
            _TOPIC, package.names[0], text, lacking, package.install, {"version": None}
        )
    if not versions:
        text = f"{package.module}: installed, of unknown version"
        return Diagnosis(_TOPIC, package.names[0], text, facts={"version": None})
    name, version = next(iter(versions.items()))
    limit = limits.get(_normal(name), "")
    facts = {"version": version, "wanted": limit or None}
    if fits(version, limit):
        return Diagnosis(_TOPIC, package.names[0], f"{name} {version}", facts=facts)
    text = f"{name} {version}: maskdet needs {limit} (for {package.purpose})"
    return Diagnosis(_TOPIC, package.names[0], text, lacking, f"pip install '{name}{limit}'", facts)


def backend_diagnoses(package: Package, needed: bool, limits: Mapping[str, str]) -> list[Diagnosis]:
    """The same of a backend; two distributions of one overwrite each other's files."""
    diagnosis = package_diagnosis(package, needed, limits)
    versions = installed(package)
    if len(versions) < 2:
        return [diagnosis]
    names = " and ".join(f"{name} {version}" for name, version in versions.items())
    kept = "tensorflow" if "tensorflow" in versions else next(iter(versions))
    others = " ".join(name for name in versions if name != kept)
    text = f"{names} are both installed, into one folder; which of them runs is chance"
    remedy = (
        f"pip uninstall -y {others} && pip install --force-reinstall --no-deps "
        f"'{kept}=={versions[kept]}'"
    )
    return [diagnosis, Diagnosis(_TOPIC, "tensorflow twice", text, Severity.OPTIONAL, remedy)]


def interpreter_diagnosis(role: str, limits: Mapping[str, str]) -> Diagnosis:
    """What runs .tflite files here."""
    for package in INTERPRETERS:
        if is_here(package.module):
            return package_diagnosis(package, role == RUNNING, limits)
    return package_diagnosis(INTERPRETERS[0], role == RUNNING, limits)


def stated_limits() -> dict[str, str]:
    """Versions that maskdet asks for, as pip writes them, by name; {} in a bare checkout."""
    try:
        requirements = importlib.metadata.requires("maskdet") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    return parsed_limits(requirements)


def parsed_limits(requirements: Sequence[str]) -> dict[str, str]:
    """``'keras>=3.12; extra == "train"'`` as ``{"keras": ">=3.12"}``."""
    limits = {}
    for requirement in requirements:
        match = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?\s*([^;]*)", requirement)
        if match and match[2].strip():
            limits[_normal(match[1])] = match[2].strip().strip("()")
    return limits


def fits(version: str, limit: str) -> bool:
    """Whether a version is within limits such as ">=2.20,<2.22"."""
    have = _numbers(version)
    for part in filter(None, limit.split(",")):
        match = re.fullmatch(r"\s*(>=|<=|==|<|>)\s*([\w.]+)\s*", part)
        if match is None:  # a kind that setup.cfg has not: pip has looked at it
            continue
        wanted = _numbers(match[2])
        length = max(len(have), len(wanted))
        a, b = (numbers + (0,) * (length - len(numbers)) for numbers in (have, wanted))
        if not {">=": a >= b, "<=": a <= b, "==": a == b, "<": a < b, ">": a > b}[match[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
