"""The interpreter of exported files: whether it calculates."""

from maskdet.doctor.child import ChildAnswer, run_child
from maskdet.doctor.diagnosis import Diagnosis, Severity
from maskdet.doctor.packages import INTERPRETERS, is_here
from maskdet.doctor.tiny_network import EXPECTED, TINY_NETWORK

_TOPIC = "LiteRT"
_CODE = """
import importlib, json, sys, time
begun = time.perf_counter()
import numpy
module = importlib.import_module(sys.argv[1] + ".interpreter")
interpreter = module.Interpreter(model_content=sys.stdin.buffer.read())
interpreter.allocate_tensors()
image = numpy.arange(16, dtype="float32").reshape(1, 4, 4, 1)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
interpreter.invoke()
outputs = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel().tolist()
print(json.dumps({"outputs": outputs, "seconds": time.perf_counter() - begun}))
"""


def ask_interpreter() -> ChildAnswer | None:
    """Run a tiny file, in a process of its own; None where no interpreter is installed."""
    for package in INTERPRETERS:
        if is_here(package.module):
            return run_child(_CODE, [package.module], TINY_NETWORK)
    return None


def interpreter_diagnoses(answer: ChildAnswer, needed: bool) -> list[Diagnosis]:
    """What became of it."""
    lacking = Severity.MISSING if needed else Severity.OPTIONAL
    again = f"pip install --force-reinstall {INTERPRETERS[0].names[0]}"
    if answer.failure:
        text = f"a small .tflite file does not run: {answer.failure}"
        return [Diagnosis(_TOPIC, "self-test", text, lacking, again)]
    made = list(answer.facts["outputs"])
    wrong = len(made) != len(EXPECTED) or any(
        abs(a - b) > 0.01 for a, b in zip(made, EXPECTED, strict=False)
    )
    if wrong:
        text = f"a small .tflite file gives wrong numbers ({made})"
        return [Diagnosis(_TOPIC, "self-test", text, lacking, again)]
    seconds = float(answer.facts["seconds"])
    text = f"a small .tflite file runs ({seconds:.1f} s to load)"
    return [Diagnosis(_TOPIC, "self-test", text, facts={"seconds": seconds})]
