"""Promise: an exported file tells where its time goes, stage by stage, with nothing installed but
the interpreter; the parts that are timed are the file's own, and what is counted is what they do.
"""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from maskdet import YOLOX
from maskdet.errors import UsageError, WeightsError
from maskdet.images import write_image
from maskdet.profiles import ProfileStage, Work
from maskdet.profiling.counting import work_by_stage
from maskdet.profiling.profile import Way
from maskdet.profiling.stages import calls_by_stage
from maskdet.runtime import Detector
from maskdet.runtime.__main__ import main
from maskdet.runtime.graph_file import read_model
from maskdet.runtime.graph_stages import cut_file, graph_parts, work_of
from maskdet.runtime.model_file import STAGES
from maskdet.runtime.profiling import profile_file, stages_in
from tests.exporters.lite_files import lite_file
from tests.profiling.test_stages import SmallYolox
from tests.runtime.conftest import made_file, picture

ROOT = Path(__file__).resolve().parents[2]
ALL = (ProfileStage("network"),)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small YOLOX and its file, both sure of anything."""
    folder = tmp_path_factory.mktemp("yolox")
    config = SmallYolox()
    config.DETECTION_MIN_CONFIDENCE = 1e-6
    model = YOLOX("inference", config, folder)
    path = folder / "small.tflite"
    model.export(path, verify=False, progress=False, min_score=1e-6)
    return model, path


def photo(seed=2):
    return np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)


# ---- the file's stages ----------------------------------------------------------------------
def test_a_file_has_its_familys_stages(exported):
    model, path = exported
    detector = Detector(path)
    assert stages_in(detector) == model.family.profile_stages
    profile = profile_file(detector, photo(), rounds=1)
    stages = ["backbone", "neck", "heads", "best cells", "detections"]
    assert [row.stage for row in profile.rows] == ["place", *stages, "decode"]
    assert [row.stage for row in profile.rows if row.geometry] == ["best cells", "detections"]
    assert profile.objects == len(detector.detect(photo())) > 0
    assert profile.subject == "small.tflite (yolox float32), 128 x 128 pixels"


def test_network_and_file_count_the_same_operations_in_each_stage(exported):
    model, path = exported
    inputs, _ = Way(model.trained, photo(), None).placed()
    parts = calls_by_stage(model.network, model.family.profile_stages)
    works = work_by_stage(model.network, parts, inputs)
    of_network = {part.stage.name: work.flops for part, work in zip(parts, works, strict=True)}
    graph = read_model(path.read_bytes())
    of_file = {
        part.stage.name: work_of(graph, part.steps, set()).flops
        for part in graph_parts(graph, model.family.profile_stages)
    }
    assert of_file.pop("best cells") == 0  # the network has no such stage
    assert of_file == of_network
    assert of_file["backbone"] > of_file["neck"] > of_file["detections"] == 0


def test_a_part_gives_the_very_numbers_of_the_whole_file(exported):
    model, path = exported
    content = path.read_bytes()
    graph = read_model(content)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # keeps every tensor to look at
    whole = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=plain,
    )
    whole.allocate_tensors()
    [given] = whole.get_input_details()
    pixels = photo(3)[None, :1, :1].repeat(128, 1).repeat(128, 2)
    whole.set_tensor(given["index"], pixels)
    whole.invoke()
    sizes, operators = [], graph.subgraphs[0].operators
    for part in graph_parts(graph, model.family.profile_stages):
        content = cut_file(graph, part)
        sizes.append(len(content))
        cut = Interpreter(model_content=content, experimental_op_resolver_type=plain)
        cut.allocate_tensors()
        cut.set_tensor(cut.get_input_details()[0]["index"], pixels)
        cut.invoke()
        assert part.ends
        for tensor in part.ends:
            np.testing.assert_array_equal(cut.get_tensor(tensor), whole.get_tensor(tensor))
        later = [step for step in range(len(operators)) if step not in part.before]
        taken = {int(i) for step in later for i in operators[step].inputs}
        made = {int(i) for step in part.before for i in operators[step].outputs}
        assert taken & made <= set(part.ends)
    assert set(part.ends) == {int(i) for i in graph.subgraphs[0].outputs}
    # Weights of later stages are not in it.
    assert sizes == sorted(sizes) and sizes[0] < 0.8 * sizes[-1]


@pytest.mark.parametrize(
    "stages",
    [[{"name": "backbone"}], [{"name": "a", "layers": "(", "geometry": False}], ["backbone"], 7],
    ids=["no pattern", "no regular expression", "no mapping", "no list"],
)
def test_damaged_stages_are_named(made, stages):
    detector = Detector(made)
    detector.facts.all[STAGES] = stages
    with pytest.raises(WeightsError, match=r"The stages in .*made.tflite are damaged"):
        profile_file(detector, picture(), rounds=1)


def test_a_file_without_stages_is_one(made):
    profile = profile_file(Detector(made), picture(0, 3), rounds=1)
    assert [row.stage for row in profile.rows] == ["place", "network", "decode", "paste"]
    assert profile.objects == 2


def test_a_stages_time_is_what_the_longer_cut_takes_more(exported, monkeypatch):
    model, path = exported
    names = ["place", "backbone", "neck", "heads", "best cells", "detections", "decode", "whole"]
    took = dict(zip(names, [1.0, 4.0, 7.0, 9.0, 9.5, 10.0, 2.0, 13.5], strict=True))
    ran = []

    def measured(calls, rounds):
        for name, call in calls.items():
            call()
            ran.append(name)
        return took

    monkeypatch.setattr("maskdet.runtime.profiling.medians_in_turns", measured)
    profile = profile_file(Detector(path), photo())
    assert ran == names
    assert [row.milliseconds for row in profile.rows] == [1.0, 4.0, 3.0, 2.0, 0.5, 0.5, 2.0]
    assert (profile.summed, profile.whole) == (13.0, 13.5)


# ---- what is counted ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("layer", "multiply_adds"),
    [
        (keras.layers.Conv2D(8, 3, padding="same"), 288 * 30),
        (keras.layers.Conv2D(8, 3, strides=2, padding="same"), 288 * 9),
        (keras.layers.DepthwiseConv2D(3, padding="same"), 36 * 30),
        (keras.layers.Conv2DTranspose(8, 2, strides=2), 128 * 30),
        (keras.layers.Dense(8), 32 * 30),
        (keras.layers.ReLU(), 0),
    ],
    ids=["convolution", "in steps of 2", "depthwise", "transposed", "dense", "no weights"],
)
def test_multiply_adds_of_an_operator(layer, multiply_adds):
    image = keras.Input(batch_shape=(1, 5, 6, 4), name="image")
    graph = read_model(lite_file(keras.Model({"image": image}, {"out": layer(image)})))
    [part] = graph_parts(graph, ALL)
    assert work_of(graph, part.steps, set()).flops == 2 * multiply_adds


def test_bytes_are_those_of_the_tensors_kinds():
    image = keras.Input(batch_shape=(1, 5, 6, 4), name="image")
    conv = keras.layers.Conv2D(8, 3, padding="same", bias_initializer="ones")
    graph = read_model(lite_file(keras.Model({"image": image}, {"out": conv(image)})))
    [part] = graph_parts(graph, ALL)
    seen = set()
    work = work_of(graph, part.steps, seen)
    assert work == Work(2 * 288 * 30, 4 * (288 + 8), 4 * 30 * (4 + 8))
    # Weights that were counted before are not moved twice.
    assert work_of(graph, part.steps, seen).weight_bytes == 0


# ---- the command ----------------------------------------------------------------------------
def test_the_command_prints_a_table_of_made_noise(made, capsys):
    assert main([str(made), "--profile", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("made.tflite, 64 x 64 pixels")
    assert lines[1].split()[:3] == ["stage", "ms", "share"]
    assert "made noise" in lines[-1]


def test_the_command_prints_json_of_a_photo(made, tmp_path, capsys):
    write_image(tmp_path / "photo.png", picture(0, 1, 2))
    assert main([str(made), str(tmp_path / "photo.png"), "--profile", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["objects"], facts["rounds"]) == (3, 7)
    assert [row["stage"] for row in facts["rows"]] == ["place", "network", "decode", "paste"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--profile", "--rounds", "0"], "0 rounds give no median"),
        (["nowhere.png", "--profile"], "nowhere.png"),
    ],
    ids=["no rounds", "no photo"],
)
def test_the_command_says_what_is_wrong(made, arguments, sentence, capsys):
    assert main([str(made), *arguments]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert sentence in line


@pytest.mark.parametrize("arguments", [[], ["photo.png", "--json"]], ids=["no source", "no use"])
def test_arguments_that_do_not_go_together_end_the_command(made, arguments, capsys):
    with pytest.raises(SystemExit):
        main([str(made), *arguments])
    assert "error:" in capsys.readouterr().err


def test_numpy_pillow_and_the_interpreter_are_enough(made):
    code = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'scipy', 'lxml', 'skimage', 'pycocotools', 'tqdm'):\n"
        "    sys.modules[name] = None\n"
        "from maskdet.runtime.__main__ import main\n"
        f"sys.exit(main([{str(made)!r}, '--profile', '--rounds', '1']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert "whole, on its own" in run.stdout


def test_an_interpreter_without_a_schema_says_so(tmp_path, monkeypatch):
    path = made_file(tmp_path)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.schema_py_generated", None)
    monkeypatch.delattr("ai_edge_litert.schema_py_generated", raising=False)
    with pytest.raises(UsageError, match="pip install ai-edge-litert"):
        profile_file(Detector(path), picture(), rounds=1)
