"""Stand-ins for the page's programs, which `make web` builds where there is Node."""

import pytest

from maskdet.page import folder


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs with one build of WebAssembly, instead of the installation's."""
    built = tmp_path / "built"
    (built / folder.WASM).mkdir(parents=True)
    for name in ("index.html", "app.js", "worker.js", "style.css", "LICENSES.txt"):
        (built / name).write_text(f"content of {name}")
    for ending in (".js", ".wasm"):
        (built / folder.WASM / f"litert_wasm_internal{ending}").write_bytes(
            b"build" + ending.encode()
        )
    monkeypatch.setattr(folder, "BUILT", built)
    return built
