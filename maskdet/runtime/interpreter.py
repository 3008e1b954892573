"""The TFLite interpreter of this machine, whichever package brings it."""

import os
import platform
from typing import Any

from maskdet.errors import UsageError, WeightsError
from maskdet.quiet import held_chatter


def interpreter_class() -> Any:
    """``Interpreter`` of ai_edge_litert, or of tflite_runtime where that is what there is.

    Raises:
        UsageError: if there is neither; says how to get one.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            raise UsageError(_how_to_get_one()) from None
    return Interpreter


def _how_to_get_one() -> str:
    if platform.machine().startswith("armv"):
        return (
            "No TFLite interpreter is installed, and ai-edge-litert has none for 32-bit systems; "
            "install the 64-bit Raspberry Pi OS, or 'pip install tflite-runtime \"numpy<2\"'."
        )
    return "No TFLite interpreter is installed; run: pip install ai-edge-litert"


def make_interpreter(path: str, content: bytes, threads: int | None) -> Any:
    """An interpreter with its memory set up.

    Args:
        path: for messages.
        content: the .tflite file.
        threads: by default one for each core.

    Raises:
        UsageError: for a number of threads below 1.
        WeightsError: if the file is truncated, damaged, or needs operations that are not here.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads cannot run anything; give 1 or more, or none for all.")
    threads = threads or os.cpu_count() or 1
    if content[4:8] != b"TFL3":
        raise WeightsError(f"{path} is no .tflite file; export one with model.export().")
    make = interpreter_class()
    try:
        with held_chatter():
            interpreter = make(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"{path} cannot be run ({reason}); it is truncated, damaged or made for another "
            "runtime: copy or export it again."
        ) from error
    return interpreter
