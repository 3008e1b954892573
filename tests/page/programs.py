"""Stand-ins for the page's programs, which `make web` builds where there is Node."""

from maskdet.page import folder

PROGRAMS = ("index.html", "app.js", "worker.js", "style.css", "LICENSES.txt")


def stand_in(place, monkeypatch):
    """A folder of programs with one build of WebAssembly, instead of the installation's."""
    (place / folder.WASM).mkdir(parents=True)
    for name in PROGRAMS:
        (place / name).write_text(f"content of {name}")
    for ending in (".js", ".wasm"):
        (place / folder.WASM / f"litert_wasm_internal{ending}").write_text(f"build{ending}")
    monkeypatch.setattr(folder, "BUILT", place)
    return place
