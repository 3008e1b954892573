"""Guards: COMPUTE_DTYPE says what it may be, "auto" goes by the processor, and whoever uses Keras
beside maskdet finds its policy as it was."""

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet import LiteConfig
from maskdet.compute_dtype import BFLOAT16_FLAGS, computing_in, machine_has_bfloat16, resolved
from maskdet.errors import ConfigError

FLAGS = ["fpu", "avx2", "avx512f", "avx512_vnni", "bf16_of_no_use", *sorted(BFLOAT16_FLAGS)]


def test_a_dtype_that_nothing_computes_in_is_refused_in_a_sentence():
    config = LiteConfig()
    config.NAME, config.NUM_CLASSES, config.COMPUTE_DTYPE = "a", 2, "float16"
    with pytest.raises(ConfigError, match=r"^COMPUTE_DTYPE is 'float16'; use one of float32.*\.$"):
        config.validate()


@given(st.lists(st.sampled_from(FLAGS), unique=True))
def test_auto_is_bfloat16_on_processors_that_multiply_it(tmp_path_factory, flags):
    processor = tmp_path_factory.mktemp("proc") / "cpuinfo"
    processor.write_text(f"processor\t: 0\nflags\t\t: {' '.join(flags)}\nbugs\t\t: none\n")
    assert machine_has_bfloat16(processor) == bool({"avx512_bf16", "amx_bf16"} & set(flags))


def test_auto_is_float32_where_the_processor_is_not_known(tmp_path):
    assert not machine_has_bfloat16(tmp_path / "nothing")


def test_auto_becomes_one_of_both_and_others_stay_what_they_are():
    assert resolved("auto") in ("float32", "bfloat16")
    assert [resolved(name) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_kerass_policy_is_afterwards_what_it_was_also_after_an_error():
    with pytest.raises(ZeroDivisionError), computing_in("bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        with computing_in("float32"):
            assert keras.layers.Dense(1).compute_dtype == "float32"
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "float32"
