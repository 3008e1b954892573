"""Promise: TensorFlow's start-up lines stay off the terminal, and nothing else does.

Most of it is tried in processes of their own, with a package called tensorflow that writes what the
real one does.
"""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskdet import quiet

ROOT = Path(__file__).resolve().parents[1]
CHATTER = (
    b"2026-01-02 10:11:12.123456: I tensorflow/core/util/port.cc:153] oneDNN is on.\n"
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1767348672.1 12 port.cc:153] oneDNN custom operations are on.\n"
    b"W0000 00:00:1767348672.1 12 cpu.cc:1] slow\n"
    b"To enable the following instructions: AVX2 FMA, rebuild TensorFlow.\n"
)
ERROR = b"2026-01-02 10:11:12.123456: E external/local_xla/cuda.cc:1] no GPU\n"
FAKE = f"import os\nos.write(2, {CHATTER!r})\nos.write(2, {ERROR!r})\n"


@pytest.fixture
def fake(tmp_path):
    """Takes what a package tensorflow does after its lines; gives what a process that runs some
    code there answers."""

    def answer(code, more="", before="import maskdet", **streams):
        package = tmp_path / "tensorflow"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(FAKE + more)
        path = os.pathsep.join([str(ROOT), str(tmp_path)])
        return subprocess.run(
            [sys.executable, "-c", f"import sys\n{before}\n{code}"],
            **({"capture_output": True} | streams),
            env={**os.environ, "PYTHONPATH": path},
        )

    return answer


def test_lines_are_told_apart():
    real = (
        b"Traceback (most recent call last):\n",
        b"I am 0000 years old\n",
        b"F0000 00:00:1 died\n",
    )
    assert quiet.without_chatter(CHATTER + b"".join(real)) == b"".join(real)
    assert quiet.without_chatter(b"no end of line") == b"no end of line"


def test_a_real_line_survives_the_chatter(fake):
    result = fake("import tensorflow\nos = tensorflow.os\nos.write(2, b'later\\n')")
    assert (result.returncode, result.stderr) == (0, ERROR + b"later\n")


def test_without_maskdet_all_of_it_is_written(fake):
    """That the package of these tests is loud."""
    assert fake("import tensorflow", before="").stderr == CHATTER + ERROR


def test_what_fails_is_said_whole(fake):
    result = fake("import tensorflow", "raise ImportError('a library is missing')\n")
    assert result.returncode == 1
    assert result.stderr.startswith(ERROR + b"Traceback")
    assert result.stderr.endswith(b"ImportError: a library is missing\n")
    assert b"oneDNN" not in result.stderr


def test_after_a_failure_the_descriptor_is_back(fake):
    code = (
        "try:\n    import tensorflow\nexcept ImportError:\n    pass\n"
        "import os\nos.write(2, b'still here\\n')"
    )
    result = fake(code, "raise ImportError('missing')\n")
    assert result.stderr == ERROR + b"still here\n"


def test_the_hook_is_gone_after_the_loading(fake):
    code = (
        "hooks = lambda: [f for f in sys.meta_path if type(f).__module__ == 'maskdet.quiet']\n"
        "before = len(hooks())\nimport tensorflow\nprint(before, len(hooks()))"
    )
    assert fake(code).stdout.split() == [b"1", b"0"]


def test_asking_where_it_is_keeps_it_quiet(fake):
    """Keras and others look whether TensorFlow is installed long before they load it."""
    code = (
        "import importlib.util\n"
        "origins = {importlib.util.find_spec('tensorflow').origin for _ in range(3)}\n"
        "import tensorflow\nassert origins == {tensorflow.__file__}"
    )
    result = fake(code)
    assert (result.returncode, result.stderr) == (0, ERROR)


def test_where_it_is_not_installed_python_says_so(fake, tmp_path):
    code = (
        f"left_out = ('site-packages', {str(tmp_path)!r})\n"
        "sys.path[:] = [p for p in sys.path if not any(part in p for part in left_out)]\n"
        "import importlib.util\nassert importlib.util.find_spec('tensorflow') is None\n"
        "import tensorflow"
    )
    assert fake(code).stderr.endswith(b"ModuleNotFoundError: No module named 'tensorflow'\n")


@pytest.mark.parametrize("stream", ["None", "__import__('io').StringIO()", "open('/dev/null')"])
def test_it_loads_whatever_stands_for_stderr(fake, stream):
    """pythonw has no stderr at all, notebooks and tests put objects of their own there."""
    result = fake(f"sys.stderr = {stream}\nimport tensorflow\nprint('loaded')")
    assert (result.stdout, result.stderr) == (b"loaded\n", ERROR)


def test_it_loads_where_descriptor_2_and_stderr_are_closed(fake):
    code = "import os\nos.close(2)\nsys.stderr.close()\ntry:\n    import tensorflow\n"
    code += "except OSError as error:\n    print(error.errno)"
    result = fake(code)
    # The package itself cannot write there; that error reaches who imports it.
    assert (result.returncode, result.stdout) == (0, b"9\n")


def test_it_loads_where_no_temporary_file_can_be_made(fake):
    """A disk that is full or cannot be written: better loud than not at all."""
    code = "import tempfile\ntempfile.tempdir = '/nowhere'\nimport tensorflow"
    result = fake(code)
    assert (result.returncode, result.stderr) == (0, CHATTER + ERROR)


def test_threads_do_not_take_each_others_stderr(fake):
    code = (
        "import os, threading, time\nfrom maskdet.quiet import held_chatter\n"
        "def hold(seconds):\n    with held_chatter():\n        time.sleep(seconds)\n"
        "threads = [threading.Thread(target=hold, args=(s,)) for s in (0.05, 0.15, 0.1)]\n"
        "[t.start() for t in threads]\n[t.join() for t in threads]\nos.write(2, b'back\\n')"
    )
    assert fake(code).stderr == b"back\n"


def test_an_interpreter_is_made_without_a_line():
    """The real one, which announces its delegate to every user of an exported file."""
    code = (
        "from maskdet.doctor.tiny_network import TINY_NETWORK\n"
        "from maskdet.runtime.interpreter import make_interpreter\n"
        "make_interpreter('tiny', TINY_NETWORK, 1).invoke()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")


def test_the_end_of_a_process_names_its_place(fake):
    """A processor that lacks instructions ends Python inside the loading."""
    result = fake("import tensorflow", "os.abort()\n")
    assert result.returncode != 0
    assert b"Fatal Python error: Aborted" in result.stderr
    assert b"tensorflow" in result.stderr


def test_what_was_asked_of_faulthandler_stays(fake):
    code = (
        "import faulthandler\nprint(faulthandler.is_enabled())\nimport tensorflow\n"
        "print(faulthandler.is_enabled())"
    )
    assert fake(code).stdout.split() == [b"False", b"False"]
    assert fake(f"import faulthandler\nfaulthandler.enable()\n{code}").stdout.split() == [
        b"True",
        b"True",
    ]


def test_loading_keras_writes_nothing():
    """The real one."""
    result = subprocess.run(
        [sys.executable, "-c", "import maskdet, keras; keras.ops.zeros(1)"],
        capture_output=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_keras_networks_are_not_called_one_function_made_anew():
    said = io.StringIO()
    logger, handler = logging.getLogger("maskdet.test"), logging.StreamHandler(said)
    logger.addHandler(handler)
    logger.addFilter(quiet.is_worth_saying)
    text = "5 out of the last 13 calls to <function %s at 0x7f> triggered tf.function retracing."
    logger.warning(text, "TensorFlowTrainer.make_predict_function.<locals>.one_step_on_data")
    logger.warning(text, "my_step")
    logger.warning("something else of TensorFlowTrainer.make_predict_function")
    assert [line.split(" at ")[0] for line in said.getvalue().splitlines()] == [
        "5 out of the last 13 calls to <function my_step",
        "something else of TensorFlowTrainer.make_predict_function",
    ]


def test_the_real_logger_is_sifted(fake):
    code = (
        "import tensorflow, logging\nlogger = logging.getLogger('tensorflow')\n"
        "name = 'TensorFlowTrainer.make_predict_function'\n"
        "logger.warning('5 calls to <%s> triggered tf.function retracing', name)\n"
        "logger.warning('a real one')"
    )
    assert fake(code).stderr == ERROR + b"a real one\n"
