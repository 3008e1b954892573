"""Guards: notebooks and pages that are made of scripts say what the scripts say, and no more."""

import json

import pytest

from docs.make_notebooks import Cell, cells_of, commands_in, made_files, main, notebook, page


def test_every_made_file_is_up_to_date():
    for path, text in made_files().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path}: run python docs/make_notebooks.py"
        )


def test_notebooks_are_of_the_format_that_jupyter_reads():
    notebooks = [path for path in made_files() if path.suffix == ".ipynb"]
    assert sorted(path.stem for path in notebooks) == [
        *("inspect_data", "inspect_model", "inspect_weights"),
        *("lesson_1", "lesson_2", "lesson_3", "lesson_4"),
    ]
    for path in notebooks:
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content["nbformat"] == 4
        assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
        for cell in content["cells"]:
            assert cell["cell_type"] == "markdown" or cell["outputs"] == []


def test_cells_of_a_percent_script():
    assert cells_of(
        "# %% [markdown]\n# # Title\n#\n# Text\n\n"
        "# %%\nx = 1\n\n\n# %%\n\n# %% with a name\ny = 2\n# %% notebook only\nz = 3\n"
    ) == [
        Cell("markdown", "# Title\n\nText"),
        Cell("code", "x = 1"),
        Cell("code", "y = 2"),
        Cell("code", "z = 3", on_page=False),
    ]


def test_a_notebooks_code_has_room_for_what_it_prints():
    [text, code] = json.loads(notebook("# %% [markdown]\n# Text\n# %%\nx = 1\ny = 2\n"))["cells"]
    assert "outputs" not in text and code["outputs"] == [] and code["execution_count"] is None
    assert code["source"] == ["x = 1\n", "y = 2"]


@pytest.mark.parametrize(
    "code, commands",
    [
        ('run("maskdet doctor")\nrun("maskdet check a")', ["maskdet doctor", "maskdet check a"]),
        ('x = 1\nrun("maskdet doctor")', []),
        ('run(f"maskdet check {x}")', []),
        ('show("preview.jpg")', []),
    ],
)
def test_commands_are_told_from_other_code(code, commands):
    assert commands_in(code) == commands


def test_a_page_shows_commands_as_they_are_typed_and_leaves_out_the_notebooks_own():
    script = (
        "# %% [markdown]\n# # Title\n# %% notebook only\nfrom course import run\n"
        '# %%\nrun("maskdet doctor")\n# %% [markdown] notebook only\n# Press Shift+Enter.\n'
        "# %%\nx = 1\n"
    )
    title, remark, *blocks = page(script, "lesson_9").rstrip("\n").split("\n\n")
    assert title == "# Title" and "(lesson_9.ipynb)" in remark
    assert blocks == ["```\nmaskdet doctor\n```", "```python\nx = 1\n```"]


def test_files_out_of_date_are_named_and_then_written(tmp_path, capsys):
    lesson = tmp_path / "docs" / "course" / "lesson_1.py"
    lesson.parent.mkdir(parents=True)
    lesson.write_text("# %% [markdown]\n# # Title\n")
    assert main(["--check"], tmp_path) == 1
    assert "docs/course/lesson_1.md is out of date; run" in capsys.readouterr().out
    assert not lesson.with_suffix(".md").exists()
    assert main([], tmp_path) == 0
    assert lesson.with_suffix(".md").read_text().startswith("# Title\n")
    assert main(["--check"], tmp_path) == 0
