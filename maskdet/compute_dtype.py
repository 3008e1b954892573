"""What networks compute in: COMPUTE_DTYPE as Keras' policy, and whether this machine has bfloat16.

In bfloat16 (a float32 cut to its upper half: its range, 8 bits of precision) products of
convolutions are added up in float32, weights are kept in float32, and what works on boxes, scores
and losses stays in it (:class:`maskdet.layers.float32.Float32Layer`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

#: Flags of x86 processors that multiply bfloat16 in hardware, as Linux calls them.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
#: Of NVIDIA's GPUs those multiply bfloat16 in hardware from this compute capability on (Ampere).
BFLOAT16_CAPABILITY = (8, 0)
_PROCESSOR = Path("/proc/cpuinfo")


@contextmanager
def computing_in(setting: str) -> Iterator[None]:
    """Layers that are made inside compute in what COMPUTE_DTYPE says; their weights are float32.

    Keras' policy is a thread's own, and afterwards what it was.

    Args:
        setting: "float32", "bfloat16" or "auto".
    """
    before = keras.config.dtype_policy()
    dtype = resolved(setting)
    keras.config.set_dtype_policy("float32" if dtype == "float32" else f"mixed_{dtype}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def resolved(setting: str) -> str:
    """ "float32" or "bfloat16"; "auto" is bfloat16 where all that Keras computes on has it."""
    if setting != "auto":
        return setting
    return "bfloat16" if machine_has_bfloat16() else "float32"


def machine_has_bfloat16(processor: Path = _PROCESSOR) -> bool:
    """Whether bfloat16 is multiplied in hardware here.

    Args:
        processor: Linux' description of the processor; on systems without one nothing is known,
            and the answer is no.
    """
    gpus = _gpu_capabilities()
    if gpus:
        return min(gpus) >= BFLOAT16_CAPABILITY
    try:
        words = set(processor.read_text(encoding="utf-8", errors="replace").split())
    except OSError:  # another system than Linux, or a container that does not show it
        return False
    return bool(words & BFLOAT16_FLAGS)


def _gpu_capabilities() -> list[tuple[int, ...]]:
    """Compute capabilities of the GPUs that TensorFlow sees, (0, 0) of one that tells none."""
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return [tuple(detail.get("compute_capability", (0, 0))) for detail in details]
