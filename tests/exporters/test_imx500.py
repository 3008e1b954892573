"""Promise: an SSD goes into the Raspberry Pi AI Camera's package, or one sentence says why not."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from maskdet import SSD
from maskdet.errors import UsageError
from maskdet.exporters.formats import format_of
from maskdet.exporters.imx500 import (
    CROSSING_LIMIT,
    camera_facts,
    check_crossing,
    checked_memory,
    packed,
    write_inputs,
)
from maskdet.exporters.imx500_process import (
    REQUIREMENTS,
    VARIABLE,
    QuantisingProcess,
    convert,
    tools_python,
)
from maskdet.exporters.imx500_report import check_input, parse_memory_report
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.pixels import Pixels
from tests.exporters.conftest import TinySsd, photos

REPORT = """{
  "Memory Report": {
    "Name": "quantised",
    "Runtime Memory Physical Size": "2.06MB",
    "Model Memory Physical Size": "4.00MB",
    "Reserved Memory": "1.00KB",
    "Memory Usage": "6.06MB",
    "Total Memory Available On Chip": "8.00MB",
    "Memory Utilization": "76%",
    "Fit In Chip": true,
    "Input Persistent": false,
    "Networks": [
      {
        "Hash": "quantised",
        "Name": "quantised",
        "Runtime Memory Physical Size": "2.06MB",
        "Model Memory Physical Size": "4.00MB",
        "Input Persistence Cost": "0B"
      }
    ]
  }
}
"""
FULL = REPORT.replace('"6.06MB"', '"9.50MB"').replace("true", "false")
PARAMETERS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<dnnParams><networks><network name="quantised" ordinal="0" type=""><inputTensors>
<inputTensor persistency="0" ordinal="0" name="image:0" l2Offset="2035392" numOfDimensions="3"
 bitsPerElement="8" shift="0" scale="0.0078125" format="signed"><dimensions>
<dimension size="300" serializationOrder="1" ordinal="0" padding="0"/></dimensions></inputTensor>
</inputTensors></network></networks></dnnParams>
"""


def source_of(model):
    return Source(model.trained, ExportRequest("int8", "detect", 5, 0.1))


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder that looks like the tools' own environment; its converter is a script of a test."""
    folder = tmp_path / "tools"
    folder.mkdir()
    scripts = {"python": f'exec "{sys.executable}" "$@"\n', "imxconv-tf": "", "java": ""}
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(folder / "python"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# ---- what is missing is said before any work ---------------------------------------------------
def test_without_tools_it_says_what_to_install(ssd_model, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    place = tmp_path / "mine.imx.zip"
    with pytest.raises(UsageError, match=r"own and Java 17; run: .*pip install -r .*; export") as e:
        ssd_model.export(place, format="imx500", calibration=photos(), progress=False)
    assert str(REQUIREMENTS) in str(e.value) and not place.exists()


def test_tools_that_are_there_in_part(tools, tmp_path):
    environment = {VARIABLE: str(tools / "python"), "PATH": str(tools)}
    assert tools_python(environment) == tools / "python"
    (tools / "java").unlink()
    with pytest.raises(UsageError, match="needs Java, and there is no java here; run: sudo apt"):
        tools_python(environment)
    (tools / "imxconv-tf").unlink()
    with pytest.raises(UsageError, match="beside which there is no imxconv-tf; run: .* -m pip"):
        tools_python(environment)
    with pytest.raises(UsageError, match="where there is no Python"):
        tools_python({VARIABLE: str(tmp_path / "none")})


def test_the_requirements_name_each_version():
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert "imx500-converter[tf]==3.19.2" in lines and all("==" in line for line in lines)


@pytest.mark.usefixtures("tools")
def test_photos_are_needed_and_int8_alone_is_written(ssd_model, tmp_path):
    place = tmp_path / "mine.imx.zip"
    with pytest.raises(UsageError, match="int8 needs images to measure"):
        ssd_model.export(place, progress=False)
    with pytest.raises(UsageError, match="AI Camera is written in int8 only"):
        ssd_model.export(place, precision="float32", calibration=photos(), progress=False)


@pytest.mark.usefixtures("tools")
def test_a_network_of_two_stages_is_refused(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="takes one-stage detectors, and a network of mask_rcnn"):
        tiny_model.export(tmp_path / "m.imx.zip", calibration=photos(), progress=False)


def test_pixels_that_the_camera_cannot_scale_are_refused(ssd_model, monkeypatch):
    source = source_of(ssd_model)
    source.__dict__["pixels"] = Pixels((123.7, 116.8, 103.9), 1.0)
    with pytest.raises(UsageError, match=r"this network takes 123\.7, 116\.8, 103\.9 from them"):
        camera_facts(source)


def test_a_network_of_grey_images_is_refused():
    class Grey(TinySsd):
        IMAGE_CHANNEL_COUNT = 1
        MEAN_PIXEL, PIXEL_STD = 128.0, 128.0

    with pytest.raises(UsageError, match=r"three channels, .* but this network takes 1"):
        camera_facts(source_of(SSD("inference", Grey(), "unused")))


def test_what_a_path_says():
    assert format_of("mine.imx.zip") == format_of("mine.imx.zip", "imx500") == "imx500"
    with pytest.raises(UsageError, match=r"end the name in \.imx\.zip"):
        format_of("mine.tflite", "imx500")
    with pytest.raises(UsageError, match=r"No exporter writes \.zip"):
        format_of("mine.zip")


# ---- what goes over ----------------------------------------------------------------------------
def test_the_other_process_gets_numbers_that_decode_alike(ssd_model, tmp_path):
    source = source_of(ssd_model)
    write_inputs(source, tmp_path, photos(3))
    facts = json.loads((tmp_path / "network.json").read_text())
    decoding = facts["decoding"]
    np.testing.assert_allclose(decoding["scale_factors"], [10, 10, 5, 5], rtol=1e-6)
    assert decoding["activation"] == "sigmoid" and decoding["background"] is True
    assert (decoding["count"], decoding["min_score"]) == (5, 0.1)
    images = np.load(tmp_path / "calibration.npy")
    assert images.dtype == np.uint8 and images.shape[0] == 3
    with np.load(tmp_path / "check.npz") as check:
        assert np.array_equal(check["images"], images[:2])
        assert check["0"].shape == (2, len(decoding["anchors"]), 4)
        assert check["1"].shape == (2, len(decoding["anchors"]), 4)


def test_a_network_that_changed_on_the_way_is_refused():
    check_crossing([0.0, CROSSING_LIMIT])
    for difference in (2 * CROSSING_LIMIT, float("nan")):
        with pytest.raises(UsageError, match="The network differs by .* in Keras 2"):
            check_crossing([0.0, difference])


# ---- what the tools say ------------------------------------------------------------------------
def test_the_memory_report_as_the_converter_writes_it():
    report = parse_memory_report(REPORT)
    assert report.fits and report.available == 8 * 2**20 and report.model == 4 * 2**20
    assert report.sentence() == (
        "The network fits into the AI Camera: weights 4.00 MB and runtime 2.06 MB make 6.06 of "
        "8.00 MB."
    )
    with pytest.raises(UsageError, match=r"memory report cannot be read \(KeyError"):
        parse_memory_report('{"Memory Report": {}}')
    with pytest.raises(UsageError, match="memory report cannot be read"):
        parse_memory_report(REPORT.replace("2.06MB", "much"))


def test_a_network_that_is_too_large_is_refused_with_its_sizes(ssd_model):
    source = source_of(ssd_model)
    assert checked_memory(parse_memory_report(REPORT), "", source).fits
    with pytest.raises(UsageError, match=r"make 9\.50 of 8\.00 MB\. Take a smaller input than"):
        checked_memory(parse_memory_report(FULL), "error: no room", source)
    with pytest.raises(UsageError, match=r"its tools say: error: odd layer\."):
        checked_memory(None, "error: odd layer.\n", source)
    with pytest.raises(UsageError, match=r"its tools say: error: late / ended\."):
        checked_memory(
            parse_memory_report(REPORT), "error: late\n\tat sdsp.app.Main(Main.kt:2)\nended", source
        )


def test_an_input_in_another_scale_is_refused():
    """Dark calibration photos alone make the tools halve the range, and bright pixels are cut."""
    check_input(PARAMETERS, Pixels((128.0,) * 3, 128.0))
    check_input(PARAMETERS, Pixels((127.5,) * 3, 127.5))
    for changed in (
        PARAMETERS.replace("0.0078125", "0.00390625"),
        PARAMETERS.replace('"signed"', '"unsigned"'),
    ):
        with pytest.raises(UsageError, match="give calibration photos with black and white"):
            check_input(changed, Pixels((128.0,) * 3, 128.0))
    unsigned = PARAMETERS.replace('"signed"', '"unsigned"')
    check_input(unsigned, Pixels((0.0,) * 3, 128.0))
    with pytest.raises(UsageError, match=r"dnnParams\.xml of the converter cannot be read"):
        check_input("<dnnParams/>", Pixels((0.0,) * 3, 128.0))


def test_a_converter_that_fails_is_quoted(tools, tmp_path):
    (tools / "imxconv-tf").write_text("#!/bin/sh\necho 'error: layer odd'; exit 3\n")
    assert convert(tools / "python", tmp_path)[1] == "error: layer odd\n"
    (tools / "imxconv-tf").write_text('#!/bin/sh\nmkdir "$4"; echo z > "$4/packerOut.zip"\n')
    folder, log = convert(tools / "python", tmp_path)
    assert log == "" and (folder / "packerOut.zip").read_text() == "z\n"


def test_a_process_that_ends_early_is_quoted(tools, tmp_path):
    """Here it has no network.json."""
    with QuantisingProcess(tools / "python", tmp_path) as process:
        with pytest.raises(UsageError, match=r"its tools say: .*network\.json"):
            process.answer()


def test_the_file_holds_all_that_a_pi_needs(ssd_model):
    content = packed(source_of(ssd_model), b"of the converter", parse_memory_report(REPORT))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("packerOut.zip") == b"of the converter"
        assert archive.read("labels.txt").decode() == "cat\nMädchen\nblue bolt\n"
        assert json.loads(archive.read("maskdet.json"))["class_names"][1] == "cat"
        assert archive.read("memory.json").decode() == REPORT


# ---- the whole way -----------------------------------------------------------------------------
@pytest.mark.imx500
def test_a_small_ssd_goes_all_the_way(ssd_model, tmp_path, capsys):
    """Run with MASKDET_IMX500 set: MCT and the converter themselves."""
    # Weights that are drawn: objects of the quantised network are another matter.
    report = ssd_model.export(
        tmp_path / "mine.imx.zip", calibration=[*photos(), *ends()], verify=False
    )
    with zipfile.ZipFile(tmp_path / "mine.imx.zip") as archive:
        package = zipfile.ZipFile(io.BytesIO(archive.read("packerOut.zip")))
        assert {"dnnParams.xml", "l2staticData.bin"} <= set(package.namelist())
        memory = parse_memory_report(archive.read("memory.json").decode())
    assert memory.fits and 0 < memory.model < memory.used < memory.available
    assert report.notes == (memory.sentence(),) and memory.sentence() in capsys.readouterr().out
    assert report.size == Path(report.path).stat().st_size


def ends():
    """A black and a white photo."""
    return [np.full((128, 128, 3), level, np.uint8) for level in (0, 255)]
