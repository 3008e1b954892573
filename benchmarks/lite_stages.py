"""Where an exported file's time goes, by stage and by what it computes in.

    python benchmarks/lite_stages.py NAME=FILE.tflite [NAME=FILE.tflite ...] [--operators]

Neighbouring operations of one stage and one number format are cut out of the file as a file of
their own, so that what XNNPACK joins (a sigmoid and its product, a padding and its convolution)
stays joined. All regions of all files take turns on one thread with random values; the sum of a
file's regions stands beside the time of the whole. --operators prints each operation too: its
format, shapes, bytes that it reads and writes, and whether XNNPACK takes it. Rows go to lite.csv.
"""

import copy
import re
import statistics
import time
from pathlib import Path

from common import FOLDER, QUICK_ROUNDS, command_line, keep_rows, print_table

ROUNDS, WARM_UP = 60, 3
# A stage is the first of these that begins a layer's name.
STAGES = (
    ("stage1", "stage1_"),
    ("stage2", "stage2_"),
    ("stage3", "stage3_"),
    ("stage4", "stage4_"),
    ("pyramid", "stage5_neck|fpn_"),
    ("stage5", "stage5_"),
    ("RPN", "rpn_"),
    ("proposals", "ROI"),
    ("RoI Align", "roi_align"),
    ("mask head", "mrcnn_mask|mask_"),
    ("box head, detections", "mrcnn_|detection|head|best_|class_rows|delta_rows"),
)


def main():
    parser = command_line(__file__, __doc__)
    parser.add_argument("files", nargs="+", metavar="NAME=FILE.tflite")
    parser.add_argument("--operators", action="store_true", help="print each operation too")
    parser.set_defaults(own_csv=FOLDER / "lite.csv")
    args = parser.parse_args()

    files = {}
    for text in args.files:
        name, _, path = text.rpartition("=")
        files[name or Path(path).stem] = Path(path).read_bytes()
    regions = {name: regions_of(content) for name, content in files.items()}
    if args.operators:
        for name, content in files.items():
            print_table(operators_of(content), ["operation", "by", "reads", "gives", "KB", "of"])
            print(f"({name})\n")
    timed = {(name, None): Timed(content) for name, content in files.items()}
    for name, content in files.items():
        for number, (_, _, picks) in enumerate(regions[name]):
            timed[name, number] = Timed(cut(content, picks))
    for _ in range(WARM_UP + (QUICK_ROUNDS if args.quick else ROUNDS)):
        for entry in timed.values():
            entry.run()
    rows = []
    for name in files:
        sums = {}
        for number, (stage, kind, _) in enumerate(regions[name]):
            sums[stage, kind] = sums.get((stage, kind), 0.0) + timed[name, number].milliseconds
        sums["all regions", ""] = sum(sums.values())
        sums["the file", ""] = timed[name, None].milliseconds
        rows += [
            {"model": name, "stage": s, "in": k, "ms": round(v, 3)} for (s, k), v in sums.items()
        ]
    print_table(rows, ["model", "stage", "in", "ms"])
    keep_rows(
        args,
        [
            {"data": "", "model": row["model"], "file": f"stages {row['in']}".strip()}
            | {"what": row["stage"], "value": row["ms"]}
            for row in rows
        ],
    )


def stage_of(name):
    """The stage of an operation, by the name of what it gives (None: that of its neighbour)."""
    return next((stage for stage, words in STAGES if re.search(rf"(^|/)({words})", name)), None)


def regions_of(content):
    """(stage, "int8" or "float32", indices of operations), in the file's order."""
    from maskdet.exporters.flatbuffer import read_model, tensor_name

    graph = read_model(content).subgraphs[0]
    regions = []
    for index, operator in enumerate(graph.operators):
        kinds = {kind_of(graph, i) for i in (*operator.inputs[:1], operator.outputs[0]) if i >= 0}
        kind = "int8" if kinds == {"int8"} else "float32"
        before = regions[-1][0] if regions else "input"
        stage = stage_of(tensor_name(graph, int(operator.outputs[0]))) or before
        if regions and regions[-1][:2] == (stage, kind):
            regions[-1][2].append(index)
        else:
            regions.append((stage, kind, [index]))
    return regions


def kind_of(graph, index):
    from ai_edge_litert import schema_py_generated as schema

    number = graph.tensors[int(index)].type
    return next(k.lower() for k, v in vars(schema.TensorType).items() if v == number)


def operators_of(content):
    """A row for each operation of a file."""
    import numpy as np

    from maskdet.exporters.flatbuffer import operator_names, read_model, tensor_name

    model = read_model(content)
    graph, rows = model.subgraphs[0], []
    size = {"int8": 1, "uint8": 1, "bool": 1, "int64": 8}
    for number, (operator, name) in enumerate(
        zip(graph.operators, operator_names(model), strict=True)
    ):

        def words(index):
            shape = graph.tensors[int(index)].shape
            return f"{kind_of(graph, index)} {'x'.join(map(str, [] if shape is None else shape))}"

        def weight(index):
            shape = graph.tensors[int(index)].shape
            count = 1 if shape is None else int(np.prod(shape))
            return count * size.get(kind_of(graph, index), 4)

        ends = [i for i in (*operator.inputs, *operator.outputs) if i >= 0]
        rows.append(
            {
                "operation": name,
                "by": "XNNPACK" if Timed(cut(content, [number])).delegated else "LiteRT",
                "reads": ", ".join(words(i) for i in operator.inputs if i >= 0),
                "gives": words(operator.outputs[0]),
                "KB": round(sum(weight(i) for i in ends) / 1024, 1),
                "of": tensor_name(graph, int(operator.outputs[0])),
            }
        )
    return rows


def cut(content, picks):
    """A file of some of a file's operations; what comes from elsewhere is its input."""
    from maskdet.exporters.flatbuffer import pack_model, read_model

    model = read_model(content)
    graph = model.subgraphs[0]
    operators = [graph.operators[i] for i in picks]
    made = {int(o) for op in operators for o in op.outputs}
    read = list(dict.fromkeys(int(i) for op in operators for i in op.inputs if i >= 0))
    stored = {i for i in read if has_values(model.buffers[graph.tensors[i].buffer])}
    elsewhere = {
        int(i) for n, op in enumerate(graph.operators) if n not in picks for i in op.inputs
    }
    wanted = elsewhere | {int(i) for i in graph.outputs}
    kept = sorted(made | set(read))
    position = {old: new for new, old in enumerate(kept)} | {-1: -1}
    graph.inputs = [position[i] for i in read if i not in stored and i not in made]
    graph.outputs = [position[i] for i in kept if i in made & wanted]
    graph.operators = [copy.copy(op) for op in operators]
    for op in graph.operators:
        op.inputs = [position[int(i)] for i in op.inputs]
        op.outputs = [position[int(i)] for i in op.outputs]
    graph.tensors = [graph.tensors[i] for i in kept]
    model.signatureDefs, model.metadata = [], []
    return pack_model(model)


def has_values(buffer):
    return buffer.data is not None and len(buffer.data) > 0


class Timed:
    """A file in an interpreter of one thread, fed with random values, and how long it takes."""

    def __init__(self, content):
        import numpy as np
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        draws = np.random.default_rng(0)
        for detail in self._interpreter.get_input_details():
            kind, shape = detail["dtype"], detail["shape"]
            values = draws.random(shape) if kind == np.float32 else draws.integers(0, 2, shape)
            self._interpreter.set_tensor(detail["index"], np.asarray(values, dtype=kind))
        steps = self._interpreter._get_ops_details()
        self.delegated = any(step["op_name"] == "DELEGATE" for step in steps)
        self._seconds = []

    def run(self):
        begun = time.perf_counter()
        self._interpreter.invoke()
        self._seconds.append(time.perf_counter() - begun)

    @property
    def milliseconds(self):
        return 1e3 * statistics.median(self._seconds[WARM_UP:])


if __name__ == "__main__":
    main()
