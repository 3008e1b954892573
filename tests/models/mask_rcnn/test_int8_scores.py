"""Promise: int8 ranks objects as finely as the network: scores times objectness stay in floats."""

import numpy as np
import pytest

from maskdet import MaskRCNN
from maskdet.exporters.flatbuffer import operator_names, read_model, tensor_name

INT8 = 9  # the schema's TensorType


@pytest.mark.thorough
def test_scores_are_never_put_into_256_steps(make_mobile_config, tmp_path):
    model = MaskRCNN("inference", make_mobile_config(), tmp_path)
    photos = [np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype("u1")] * 2
    path = tmp_path / "mine.tflite"
    model.export(path, "int8", "detect", calibration=photos, verify=False, progress=False)
    content = read_model(path.read_bytes())
    graph = content.subgraphs[0]
    products = []
    for operator, kind in zip(graph.operators, operator_names(content), strict=True):
        name = tensor_name(graph, int(operator.outputs[0]))
        if kind in ("POW", "MUL") and name.startswith("mask_rcnn_lite"):
            products.append(kind)
            assert all(graph.tensors[int(i)].type != INT8 for i in operator.inputs), name
    assert sorted(products) == ["MUL", "POW", "POW"]
