"""Guards: whatever README and docs tell a reader to run, runs, from top to bottom of each page.

Blocks are taken from the Markdown and run as they stand, page by page in a folder with a small set
of photos. Small are the settings around them: inputs of 128 pixels, one step an epoch, one epoch a
stage, and exports of what has learnt nothing are not compared with their network.
"""

import contextlib
import functools
import importlib
import importlib.util
import inspect
import re
import runpy
import shlex
import sys
from dataclasses import dataclass

import pytest

import maskdet.jobs.choice
import maskdet.page.server
import maskdet.runtime.app
from maskdet import (
    YOLOX,
    Classifier,
    ClassifierConfig,
    Dataset,
    LiteConfig,
    MaskRCNN,
    MobileConfig,
    PiConfig,
    YoloxConfig,
)
from maskdet.data.formats import tfrecord
from maskdet.images import read_image, write_image
from maskdet.page.server import PageServer
from tests.docs.pages import PAGES, ROOT, Step, steps_of
from tests.docs.small import CLASSES, SETTINGS, write_photos
from tests.eagerly import eagerly
from tests.models.classifier.conftest import write_folders
from tests.models.ssd.pipeline_sample import PIPELINE
from tests.page.programs import stand_in
from tests.pretrained.yolox_files import fresh_layers, published, write_checkpoint

# TensorFlow tells that its own input pipeline does not go step by step, which is as well.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")


@dataclass(frozen=True)
class Skip:
    """Steps that cannot run here: those whose text matches; ``here`` is False where they can."""

    pattern: str
    reason: str
    here: bool = True


SKIPS = [
    Skip(
        r"^model\.export\(\"[^\"]*\.onnx\"\)",
        "tf2onnx is not installed",
        importlib.util.find_spec("tf2onnx") is None,
    ),
    Skip(
        r"^(python -m )?maskdet( [a-z]+)?$|^python -m maskdet\.runtime$",
        "a command's name within a sentence, or one with a test of its own",
    ),
    Skip(r"--format imx500\b", "the AI Camera's tools are an installation of their own"),
    Skip(r"^make (demo|test|web)\b", "the demo, the suite and the page have tests of their own"),
    Skip(r"^pip install\b", "a test installs nothing"),
    Skip(r"^sudo apt\b|^python3 -m venv\b", "prepares a Raspberry Pi"),
    Skip(r"^scp\b", "copies to a Raspberry Pi"),
    Skip(r"^python examples/raspberry_pi/count_things\.py\b", "tests/scripts runs it"),
]
# Which files a page's reader has already.
RECORDS = "docs/migrating_from_tf_od_api.md"
FOLDERS = "docs/transfer_learning.md"
# New photos are called unlike those of the set.
LABELLING = "docs/labelling.md"
TRAINED = (
    "docs/raspberry_pi.md",
    "docs/browser.md",
    "docs/report.md",
    "examples/raspberry_pi/README.md",
)
# What lies in the reader's folder at the end.
RESULTS = {
    "README.md": [
        "trained/my_photos/report.html",
        "detections/scene_00000.jpg",
        "mine.tflite",
        "page/page.json",
        "mine.h5.json",
    ],
    "docs/tutorial.md": [
        "preview.jpg",
        "trained/my_photos/metrics.json",
        "train.html",
        "detections/scene_00000.jpg",
        "seen.json",
        "mine.tflite",
        "mine.py",
        "mine.html",
    ],
    "docs/own_photos.md": [
        "mine.h5",
        "results/gallery.png",
        "results/metrics.json",
        "detections/scene_00000.jpg",
        "mine.tflite",
    ],
    "docs/report.md": ["report.html"],
    LABELLING: [
        "to_correct/new_scene_00000.xml",
        "to_correct/order.csv",
        "my_photos/second_round/new_scene_00000.jpg",
        "trained/second_round/weights.h5",
        "drafts/new_scene_00000.json",
    ],
    "docs/browser.md": ["page/page.json", "page/samples/2.jpg"],
    "docs/coco.md": ["mine.h5", "detections/scene_00000.jpg"],
    "docs/data_sets.md": ["variants.png"],
    "docs/migrating_from_keras_cv.md": ["brought/Annotations/0.xml", "mine.h5"],
    FOLDERS: ["insects.h5", "worst.png", "inside.png", "insects.tflite", "detected/photo.json"],
    RECORDS: ["mine.h5", "detections/scene_00000.jpg"],
    "docs/raspberry_pi.md": ["mine.tflite", "mine_saved/saved_model.pb"],
    "examples/raspberry_pi/README.md": [
        "mine.tflite",
        "balloon.tflite",
        "detected/photo_detected.jpg",
    ],
}


def skip_of(step):
    """The rule that keeps a step from running, or None."""
    return next((rule for rule in SKIPS if re.search(rule.pattern, step.text)), None)


def write_untrained(path, dataset):
    """A weight file of PiConfig that has learnt nothing, with the JSON beside it."""

    class Untrained(PiConfig):
        NAME, NUM_CLASSES = "mine", dataset.num_classes

    model = MaskRCNN("inference", Untrained(), path.parent / "logs")
    model.class_names = tuple(dataset.class_names)
    model.save_weights(path)


class ThreeFrames:
    """A camera that ends."""

    def __init__(self, folder):
        self.frames = [read_image(path) for path in sorted(folder.glob("*.jpg"))[:3]]

    def __enter__(self):
        return iter(self.frames)

    def __exit__(self, *error):
        pass


class StoppedServer(PageServer):
    """Any free port of this machine alone, until somebody presses Ctrl+C at once."""

    def __init__(self, folder, host, port):
        super().__init__(folder, port=0)

    def serve_forever(self, poll_interval=0.5):
        raise KeyboardInterrupt


def with_defaults(function, change):
    """A method whose arguments go through ``change(self, arguments)``; wrong ones still fail."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def changed(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        change(bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return changed


def one_epoch(arguments):
    """Of each stage; a recipe's stages are as short by RECIPES."""
    model, epochs = arguments["self"], arguments.get("epochs")
    if epochs is not None and epochs > model.epoch:
        arguments["epochs"] = model.epoch + 1


def unverified(arguments):
    arguments["verify"] = False


@pytest.fixture(scope="session")
def coco_file(tmp_path_factory):
    """What a reader who has fetched COCO's weights has in the folder ``weights``."""
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "yolox_nano.pth", fresh_layers())


@pytest.fixture
def reader(tmp_path, monkeypatch, coco_file):
    """A function that makes the folder of a page's reader, with everything in it small."""

    def enter(page):
        monkeypatch.chdir(tmp_path)
        published(monkeypatch, coco_file)
        (tmp_path / "weights").symlink_to(coco_file.parent)
        for config in (LiteConfig, MobileConfig, PiConfig, YoloxConfig):
            for name, value in SETTINGS.items():
                monkeypatch.setattr(config, name, value)
        monkeypatch.setattr(maskdet.jobs.choice, "_LARGEST_SIDE", SETTINGS["IMAGE_MAX_DIM"])
        monkeypatch.setattr(ClassifierConfig, "IMAGE_MIN_DIM", 72)
        monkeypatch.setattr(ClassifierConfig, "IMAGE_MAX_DIM", 64)
        monkeypatch.setattr(ClassifierConfig, "STEPS_PER_EPOCH", 1)
        monkeypatch.setattr(ClassifierConfig, "IMAGES_PER_GPU", 2)
        monkeypatch.setattr(ClassifierConfig, "RECIPES", {"default": (("heads", 1.0, 1),)})
        for kind in (MaskRCNN, YOLOX, Classifier):
            monkeypatch.setattr(kind, "train", with_defaults(eagerly(kind.train), one_epoch))
        for kind in (MaskRCNN, Classifier):
            monkeypatch.setattr(kind, "export", with_defaults(kind.export, unverified))
        photos = tmp_path / "my_photos"
        write_photos(photos, CLASSES.get(page, 2))
        (tmp_path / "my_set").symlink_to(photos)
        for number, path in enumerate(sorted((photos / "JPEGImages").glob("*.jpg"))[:2]):
            name = f"new_{path.name}" if page == LABELLING else path.name
            write_image(tmp_path / "new_photos" / name, read_image(path))
            if not number:
                write_image(tmp_path / "photo.jpg", read_image(path))
        for name in ("train", "val"):
            (tmp_path / "balloon").mkdir(exist_ok=True)
            (tmp_path / "balloon" / name).symlink_to(photos)
        if page == FOLDERS:
            for part in ("train", "val"):
                write_folders(tmp_path / "photos" / part, ["blue", "red"], 4)
        if page in TRAINED:
            for name in ("mine.h5", "balloon.h5"):
                write_untrained(tmp_path / name, Dataset.load(photos))
        if page == RECORDS:
            for name in ("train.record", "val"):
                shards = 2 if name == "val" else 1
                tfrecord.write(Dataset.load(photos), tmp_path, name=name, shards=shards)
            config = PIPELINE.replace("num_classes: 5", "num_classes: 2")
            (tmp_path / "pipeline.config").write_text(config)
        usual = maskdet.runtime.app.Viewer
        camera = lambda source, size: ThreeFrames(photos / "JPEGImages")  # noqa: E731
        monkeypatch.setattr(maskdet.runtime.app, "open_camera", camera)
        # Any free port of this machine alone.
        viewer = lambda host, port: usual("127.0.0.1", 0)  # noqa: E731
        monkeypatch.setattr(maskdet.runtime.app, "Viewer", viewer)
        stand_in(tmp_path / "programs", monkeypatch)
        monkeypatch.setattr(maskdet.page.server, "PageServer", StoppedServer)
        return tmp_path

    return enter


def run_step(step, names, monkeypatch):
    """Run a statement in a page's namespace, or ``python -m ...`` in this process."""
    if step.language == "python":
        # Empty lines in front, so that a traceback names the page's own line.
        exec(compile("\n" * (step.line - 1) + step.text, step.page, "exec"), names)
        return
    words = shlex.split(step.text)
    if words[0] == "maskdet":
        words[:1] = ["python", "-m", "maskdet"]
    assert words[:2] == ["python", "-m"] and words[2].startswith("maskdet"), (
        f"{step} is neither run nor skipped"
    )
    module, *arguments = words[2:]
    with contextlib.ExitStack() as stack:
        if ">" in arguments:
            place = arguments.index(">")
            file = stack.enter_context(open(arguments[place + 1], "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(file))
            del arguments[place : place + 2]
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        end = stack.enter_context(pytest.raises(SystemExit))
        # runpy remarks upon a module that another test has opened already.
        monkeypatch.delitem(sys.modules, f"{module}.__main__", raising=False)
        runpy.run_module(module, run_name="__main__", alter_sys=False)
    assert not end.value.code, f"{step} ended with status {end.value.code}"


@pytest.mark.pages
@pytest.mark.parametrize("page", [page for page in PAGES if steps_of(page)])
def test_a_page_runs_from_top_to_bottom(page, reader, monkeypatch):
    folder, names = reader(page), {"__name__": "page"}
    for step in steps_of(page):
        rule = skip_of(step)
        if rule is None or not rule.here:
            run_step(step, names, monkeypatch)
    for result in RESULTS.get(page, []):
        assert (folder / result).is_file(), result


def test_every_page_with_results_is_run():
    assert set(RESULTS) | set(CLASSES) | set(TRAINED) <= {p for p in PAGES if steps_of(p)}


def test_every_skip_has_something_to_skip():
    steps = [step for page in PAGES for step in steps_of(page)]
    matched = {
        rule.pattern: [s for s in steps if re.search(rule.pattern, s.text)] for rule in SKIPS
    }
    assert [pattern for pattern, skipped in matched.items() if not skipped] == []
    # A rule is for a few lines: most of what the pages show runs.
    assert sum(skip_of(step) is not None for step in steps) < len(steps) / 2


@pytest.mark.parametrize(
    "text, error",
    [
        ("```python\nfrom maskdet import Dataset\nDataset.lod('my_photos')\n```\n", AttributeError),
        ("```\npython -m maskdet check nowhere\n```\n", AssertionError),
        ("Say `python -m maskdet find mine.h5` then.\n", AssertionError),
        ("```\npython train.py\n```\n", AssertionError),
        ("```python\nx = 1\nassert x == 2\n```\n", AssertionError),
    ],
)
def test_a_fault_in_a_page_is_seen(text, error, reader, monkeypatch):
    reader("README.md")
    steps, names = steps_of("made_up.md", text), {}
    with pytest.raises(error):
        for step in steps:
            run_step(step, names, monkeypatch)


def test_wrong_arguments_fail_in_the_small_settings_too(reader):
    reader("README.md")

    class Mine(MobileConfig):
        NAME, NUM_CLASSES = "mine", 4

    model = MaskRCNN("inference", Mine(), "logs")
    with pytest.raises(TypeError, match="callibration"):
        model.export("mine.tflite", callibration=[])
    with pytest.raises(TypeError, match="layer"):
        model.train(None, None, 0.1, epochs=1, layer="heads")


def test_steps_are_told_apart():
    text = (
        "# A page\n\nSay `python -m maskdet check\nmy_photos` first.\n\n"
        "```python\nx = [\n    1,\n]\n\n\n@str\ndef f(): pass\n```\n\n"
        "```\nmake   # all\n\npip a#b\n```\n"
    )
    assert steps_of("made_up.md", text) == [
        Step("made_up.md", 3, "shell", "python -m maskdet check my_photos"),
        Step("made_up.md", 7, "python", "x = [\n    1,\n]"),
        Step("made_up.md", 12, "python", "@str\ndef f(): pass"),
        Step("made_up.md", 17, "shell", "make"),
        Step("made_up.md", 19, "shell", "pip a#b"),
    ]
    with pytest.raises(ValueError, match="made_up.md, line 2: what is a block of 'ruby'"):
        steps_of("made_up.md", "\n```ruby\n1\n```\n")
    with pytest.raises(SyntaxError):
        steps_of("made_up.md", "```python\n1 +\n```\n")


def names_of_reference():
    """(name, members) of each directive of docs/reference.md."""
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    pattern = r"^\.\. auto(?:class|function):: (\S+)(?:\n   :members:(.*))?$"
    return [
        (name, [m.strip() for m in members.split(",") if m.strip()])
        for name, members in re.findall(pattern, text, flags=re.M)
    ]


@pytest.mark.parametrize("name, members", names_of_reference())
def test_what_the_reference_shows_is_there_and_described(name, members):
    module, _, attribute = name.rpartition(".")
    thing = getattr(importlib.import_module(module), attribute)
    for described in [thing, *(getattr(thing, member) for member in members)]:
        assert (described.__doc__ or "").strip(), f"{name}: {described} says nothing"


def test_the_reference_is_read_whole():
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert len(names_of_reference()) == text.count(".. auto") > 10
    assert ("maskdet.detections.Detections", []) in names_of_reference()
