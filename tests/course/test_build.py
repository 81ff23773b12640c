import json

import nbformat
import pytest

from tlkeras.course import CourseError, build


def cells(text):
    return json.loads(text)["cells"]


def source(cell):
    return "".join(cell["source"])


def edit(lesson, old, new):
    path = lesson.folder / "lesson.py"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_learners_notebook_has_stubs_at_the_right_indentation(tiny):
    sources = [source(cell) for cell in cells(build.build(tiny))]
    stub = '"""Twice x."""\n    # YOUR CODE HERE\n    raise NotImplementedError'
    assert any(text.endswith(stub) for text in sources)
    assert not any("SOLUTION" in text or "return 2 * x" in text for text in sources)


def test_the_solved_notebook_has_solutions_and_no_markers(tiny):
    sources = [source(cell) for cell in cells(build.build(tiny, solved=True))]
    assert any(text.endswith('"""Twice x."""\n    return 2 * x') for text in sources)
    assert not any("SOLUTION" in text or "YOUR CODE" in text for text in sources)


@pytest.mark.parametrize("solved", [False, True])
def test_builds_are_valid_and_byte_identical(tiny, solved):
    text = build.build(tiny, solved=solved)
    assert text == build.build(tiny, solved=solved)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.tlkeras == {"format": 1, "lesson": "01_tiny"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_tags_survive_and_layout_does_not(tiny):
    last = cells(build.build(tiny))[-1]
    assert last["metadata"] == {"tags": ["experiment"]}
    built = [cell for cell in cells(build.build(tiny)) if cell["id"] != "setup"]
    metadata = [cell["metadata"] for cell in built]
    assert {"exercise": "double"} in metadata
    assert all(set(each) <= {"tags", "exercise"} for each in metadata)


def test_ids_do_not_depend_on_the_position(tiny_copy):
    before = {source(cell): cell["id"] for cell in cells(build.build(tiny_copy))}
    edit(tiny_copy, "# %% [markdown]", "# %% [markdown]\n# New.\n\n# %% [markdown]")
    after = {source(cell): cell["id"] for cell in cells(build.build(tiny_copy))}
    assert after.pop("New.")
    assert after == before


def test_ids_are_unique_and_the_same_in_both_notebooks(tiny_copy):
    edit(tiny_copy, "# %%\nLAST = -1", "# %%\nLAST = -1\n\n# %%\nLAST = -1")
    blank, solved = (build.build(tiny_copy, solved=s) for s in (False, True))
    ids = [cell["id"] for cell in cells(blank)]
    assert len(set(ids)) == len(ids)
    assert ids == [cell["id"] for cell in cells(solved)]


def test_a_declared_name_is_the_id_whatever_the_cell_holds(tiny_copy):
    edit(tiny_copy, "The sum of each row.", "Another sentence.")
    named = [cell for cell in cells(build.build(tiny_copy)) if cell["id"] == "sums"]
    assert "Another sentence." in source(named[0])


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("    # END SOLUTION\n", "", 18, "inside the solution of line 14"),
        ("    # BEGIN SOLUTION\n", "", 15, "no `# BEGIN SOLUTION`"),
        ("    # END", "# END", 16, "indented differently"),
        ("    return 2 * x\n", "", 15, "is empty"),
        ("# BEGIN SOLUTION", "# BEGIN SOLUTIONS", 14, "write exactly"),
        ("# BEGIN SOLUTION", "# begin_solution", 14, "write exactly"),
        ("    return 2 * x", "    # BEGIN SOLUTION\n    return", 15, "has not ended"),
        ("    return 2 * x", "    return (", 15, "never closed"),
        ('name="sums"', 'name="two words"', 26, "is no cell name"),
        ("# %%\nLAST", '# %% name="sums"\nLAST', 26, "another cell is called"),
    ],
)
def test_a_damaged_lesson_is_an_error_with_its_line(tiny_copy, old, new, line, reason):
    edit(tiny_copy, old, new)
    with pytest.raises(CourseError) as error:
        build.build(tiny_copy)
    assert str(error.value).startswith(f"{tiny_copy.folder / 'lesson.py'}:{line}: ")
    assert reason in str(error.value)


def test_a_solution_without_an_end_is_an_error_at_its_beginning(tiny_copy):
    path = tiny_copy.folder / "lesson.py"
    text = path.read_text("utf-8")
    path.write_text(text[: text.rindex("    # END SOLUTION")], "utf-8")
    with pytest.raises(CourseError, match=r"lesson.py:29: no `# END SOLUTION` follows"):
        build.build(tiny_copy)


def test_update_writes_only_what_changed_and_check_writes_nothing(tiny, tmp_path):
    folder = tmp_path / "notebooks"
    assert build.update(tiny, folder, check=True)
    assert not folder.exists()
    assert build.update(tiny, folder)
    assert not build.update(tiny, folder)
    (folder / "01_tiny.ipynb").write_text("{}")
    assert build.update(tiny, folder, check=True)
    assert (folder / "01_tiny.ipynb").read_text() == "{}"


def test_notebooks_that_no_lesson_builds_are_found(tiny, tmp_path):
    build.update(tiny, tmp_path)
    (tmp_path / "02_gone.ipynb").write_text("{}")
    assert build.orphans([tiny], tmp_path) == [tmp_path / "02_gone.ipynb"]


ASKED = """
# %% [markdown]
# What will it be?

# %%
this.predict("share", "How many?", ["one", "two"])

# %% tags=["experiment"]
count = 2
this.reveal("share", "two")

# %% [markdown] tags=["result"]
# It was **two**.
"""


def test_what_would_tell_a_result_is_folded(tiny_copy):
    path = tiny_copy.folder / "lesson.py"
    path.write_text(path.read_text("utf-8") + ASKED, "utf-8")
    *_, lead, asked, experiment, result = cells(build.build(tiny_copy))
    assert source(lead) == "What will it be?"
    for cell in (asked, experiment):
        assert cell["metadata"]["jupyter"] == {"source_hidden": True}  # JupyterLab
        assert cell["metadata"]["cellView"] == "form"  # Colab
        assert "hide-input" in cell["metadata"]["tags"]  # Jupyter Book
    assert source(result).startswith("<details><summary>")
    assert "\n\nIt was **two**.\n\n</details>" in source(result)  # still Markdown
