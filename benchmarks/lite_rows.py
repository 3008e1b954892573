"""What benchmarks/lite.py measures: parts of a network as files, rounds, rows.

The only file of the benchmarks that knows the exporters' inner parts and the runtime's.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from trained import loaded

from maskdet.backbones.registry import get_backbone
from maskdet.exporters import flatbuffer, quantize
from maskdet.exporters.convert import convert
from maskdet.exporters.photos import calibration_images
from maskdet.exporters.request import ExportRequest
from maskdet.exporters.source import Source
from maskdet.exporters.tflite import rearranged
from maskdet.runtime import Detector
from maskdet.runtime.profiling import profile_file

AP = ("box AP50", "box AP", "mask AP50", "mask AP")
ROUNDS, QUICK_ROUNDS = 41, 7
# Runs in a process without TensorFlow: prints milliseconds of each step and resident memory.
ALONE = """
import json, resource, sys, time
import numpy as np
from maskdet.runtime import Detector
detector = Detector(sys.argv[1], threads=int(sys.argv[2]), min_confidence=0.3)
photo = np.load(sys.argv[3])
def median(call, rounds=41):
    times = []
    for _ in range(rounds + 5):
        begun = time.perf_counter(); call(); times.append(time.perf_counter() - begun)
    return 1e3 * sorted(times[5:])[rounds // 2]
found = detector.detect(photo)
placed, window = detector._placed(photo.shape)
def whole():
    detector.detect(photo).masks
objects = len(found)
times = {
    "objects": objects,
    "prepare": median(lambda: detector._fed(photo, placed)),
    "network": median(detector._interpreter.invoke),
    "masks": median(lambda: found.masks),
    "whole": median(whole),
}
detected = median(lambda: detector.detect(photo))
times["decode"] = detected - times["prepare"] - times["network"]
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        times["memory"] = int(line.split()[1]) / 1024
print(json.dumps(times))
"""


def at_side(path, side):
    """A trained model, at another input size where ``side`` is not None."""
    model = loaded(path)
    if side is None:
        return model
    settings = {"IMAGE_MIN_DIM": side, "IMAGE_MAX_DIM": side}
    if model.family.name == "mask_rcnn":  # the others' anchors are shares of the input
        scale = side / model.config.IMAGE_MAX_DIM
        settings["RPN_ANCHOR_SCALES"] = tuple(
            scale * anchor for anchor in model.config.RPN_ANCHOR_SCALES
        )
    return loaded(path, **settings)


def backbone_alone(config, family, trained):
    """The backbone as the family has it, with its trained weights."""
    height, width = (int(side) for side in config.IMAGE_SHAPE[:2])
    image = keras.Input(batch_shape=(1, height, width, 3), name="image")
    backbone = get_backbone(config.BACKBONE)
    if family.name == "ssd":
        maps = backbone.build_pair(image)
    else:
        maps = backbone.build(image)[2:5]
    network = keras.Model({"image": image}, {f"map{i}": m for i, m in enumerate(maps)})
    copy_weights(network, trained)
    return network


def ssdlite(config, trained, classes):
    """An SSDLite (Sandler et al. 2018) on the same backbone: raw scores and boxes, no NMS."""
    side = int(config.IMAGE_MAX_DIM)
    image = keras.Input(batch_shape=(1, side, side, 3), name="image")
    stages = get_backbone(config.BACKBONE).build(image)
    levels = [stages[3], stages[4]]
    for width in (512, 256, 256, 128):
        x = keras.layers.Conv2D(width // 2, 1, activation="relu6")(levels[-1])
        x = keras.layers.DepthwiseConv2D(3, 2, "same", activation="relu6")(x)
        levels.append(keras.layers.Conv2D(width, 1, activation="relu6")(x))
    outputs = {"scores": [], "boxes": []}
    for level in levels:
        for name, depth in (("scores", classes), ("boxes", 4)):
            x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(level)
            x = keras.layers.Conv2D(6 * depth, 1)(x)
            outputs[name].append(keras.layers.Reshape((-1, depth))(x))
    joined = {name: keras.layers.Concatenate(axis=1)(rows) for name, rows in outputs.items()}
    network = keras.Model({"image": image}, joined)
    copy_weights(network, trained)
    return network


def copy_weights(network, trained):
    names = {layer.name for layer in trained.layers}
    for layer in network.layers:
        if layer.weights and layer.name in names:
            layer.set_weights(trained.get_layer(layer.name).get_weights())


def as_file(network, source, photos):
    """A .tflite of a part; int8 parts end in integers turned to floats, as inside the whole."""
    part = dataclasses.replace(source)
    part.__dict__["lite"] = network
    int8 = source.request.precision == "int8"
    content = rearranged(convert(part, from_bytes=not int8))
    if not int8:
        return content
    names = part.inputs
    seen = quantize.activation_statistics(content, part.samples(photos, False), 2)
    scale, zero = part.pixels.grey_levels()
    fixed = {names[0]: (-zero * scale, (255 - zero) * scale)}
    family = source.trained.family
    content = quantize.quantize(content, seen, family.float_layers, fixed, family.dynamic_layers)
    model = flatbuffer.read_model(content)
    flatbuffer.name_ends(model, names, list(network.output))
    flatbuffer.feed_bytes(model, 0, scale, zero)
    return flatbuffer.pack_model(model)


def interleaved(files, photo_inputs, rounds, threads=1):
    """Median milliseconds of each file, all taking turns."""
    interpreters = {}
    for name, content in files.items():
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            value = photo_inputs[tuple(detail["shape"])]
            interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
        interpreters[name] = interpreter
    times = {name: [] for name in files}
    for _ in range(rounds):
        for name, interpreter in interpreters.items():
            begun = time.perf_counter()
            interpreter.invoke()
            times[name].append(time.perf_counter() - begun)
    return {name: 1e3 * statistics.median(values[3:]) for name, values in times.items()}


def alone(path, photo, threads=1):
    """From photo to masks in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/photo.npy", photo)
        run = subprocess.run(
            [sys.executable, "-c", ALONE, str(path), str(threads), f"{folder}/photo.npy"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
    return json.loads(run.stdout.splitlines()[-1])


def parts_of(model, precision, photos):
    """Files of the backbone and of an SSDLite on it."""
    config, family = model.config, model.family
    networks = {"backbone": backbone_alone(config, family, model.network)}
    if family.name != "ssd":
        networks["SSDLite"] = ssdlite(config, model.network, config.NUM_CLASSES)
    request = ExportRequest.of(family.task, precision, "instances", False, None, 0.05)
    source = Source(model.trained, request)
    return {
        f"{precision} {stage}": as_file(network, source, photos[:8])
        for stage, network in networks.items()
    }


def rows_of(name, model, dataset, calibration, folder, quick):
    """All rows of one model; ``quick``: of its int8 file with masks alone."""
    config, task = model.config, model.family.task
    photos = list(calibration_images(calibration, 100, False))
    precisions = ("int8",) if quick else ("float32", "int8")
    files, paths, parts = {}, {}, {}
    for precision in precisions:
        for profile in ("instances",) if quick else ("instances", "detect"):
            path = Path(folder) / f"{name}_{precision}_{profile}.tflite"
            model.export(path, precision, profile, calibration=photos, verify=False, progress=False)
            key = f"{precision} {profile}"
            files[key], paths[key] = path.read_bytes(), path
        parts |= parts_of(model, precision, photos)
    height, width = (int(s) for s in config.IMAGE_SHAPE[:2])
    inputs = {
        (1, height, width, 3): np.random.default_rng(0).integers(0, 256, (1, height, width, 3)),
        (1, 4): np.array([[0.0, 0.0, 1.0, 1.0]]),
    }
    times = interleaved(files | parts, inputs, QUICK_ROUNDS if quick else ROUNDS)
    # The photo with most to paste, at a camera's size.
    best = max(photos[:20], key=lambda image: len(next(iter(model.detections([image])))))
    photo = np.asarray(Image.fromarray(best).resize((640, 480)))
    rows = []
    for key, path in paths.items():
        precision, profile = key.split()
        steps = alone(path, photo)
        steps2 = alone(path, photo, 2)
        detect = Detector(path, min_confidence=0.05).detect
        detections = [detect(dataset.load_image(i)) for i in dataset.image_ids]
        row = {
            "model": name,
            "file": key,
            "input": height,
            "MB": len(files[key]) / 1e6,
            "invoke_ms": times[key],
            "fps_1_thread": 1e3 / steps["whole"],
            "fps_2_threads": 1e3 / steps2["whole"],
            "memory_MB": steps["memory"],
            "to_backbone": times[key] / times[f"{precision} backbone"],
            **{f"{step}_ms": steps[step] for step in ("prepare", "decode", "masks")},
            "objects": steps["objects"],
            **task.figures(task.score(dataset, detections)),
        }
        if f"{precision} SSDLite" in times:
            row["to_ssdlite"] = times[key] / times[f"{precision} SSDLite"]
        if not quick:
            row["to_float32"] = times[key] / times[f"float32 {profile}"]
        if not quick and profile == "instances":
            row |= stage_times(path, photo)
        rows.append(row)
    for precision in precisions:
        for part in ("backbone", "SSDLite"):
            key = f"{precision} {part}"
            if key in parts:
                size = len(parts[key]) / 1e6
                rows.append({"model": name, "file": key, "MB": size, "invoke_ms": times[key]})
    return rows


def stage_times(path, photo):
    """Milliseconds by stage of a file on one thread; geometry is all between the convolutions."""
    profile = profile_file(Detector(path, threads=1, min_confidence=0.3), photo, ROUNDS)
    network = [row for row in profile.rows if row.work]
    geometry = sum(row.milliseconds for row in network if row.geometry)
    stages = {f"stage {row.stage}": row.milliseconds for row in network}
    return stages | {"geometry_share": geometry / sum(stages.values())}
