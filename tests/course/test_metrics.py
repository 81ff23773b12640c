"""Bands of figures, on a lesson that takes a second to run."""

import io

import pytest
from rich.console import Console

from tlkeras.course import CourseError, metrics, tables

LESSON = """# %% [markdown]
# # Tiny

# %%
accuracy = {accuracy}
"""


def write(lesson, accuracy="0.9", bands='"accuracy" = [0.8, 1.0]\n'):
    (lesson.folder / "lesson.py").write_text(LESSON.format(accuracy=accuracy), "utf-8")
    (lesson.folder / "metrics.toml").write_text(bands, "utf-8")


def test_a_figure_in_its_band_passes_with_time_and_memory_beside_it(tiny_copy):
    write(tiny_copy)
    report, rows, _ = metrics.verify_metrics(tiny_copy)
    assert not report.failures
    assert [row[0] for row in rows] == ["accuracy", "minutes", "gigabytes"]
    assert rows[0] == ("accuracy", 0.9, 0.8, 1.0)
    assert 0 < rows[1][1] < 1
    assert 0 < rows[2][1] < 1


BUSY = """
# %%
seconds = {seconds}
from time import process_time

end = process_time() + seconds
while process_time() < end:
    pass
"""


def test_the_five_slowest_cells_are_named_by_their_processor_time(tiny_copy):
    write(tiny_copy)
    file = tiny_copy.folder / "lesson.py"
    lengths = (0.1, 1.1, 0.3, 0.9, 0.5, 0.7)
    more = "".join(BUSY.format(seconds=seconds) for seconds in lengths)
    file.write_text(file.read_text("utf-8") + more, "utf-8")
    _, _, slowest = metrics.verify_metrics(tiny_copy)
    lines = [f"seconds = {seconds}" for seconds in (1.1, 0.9, 0.7, 0.5, 0.3)]
    assert [line for _, line in slowest] == [*lines, "all cells"]
    times = [seconds for seconds, _ in slowest]
    assert times[:5] == pytest.approx([1.1, 0.9, 0.7, 0.5, 0.3], abs=0.1)
    assert sum(lengths) <= times[5] < sum(lengths) + 1
    table = Console(file=io.StringIO(), width=120)
    table.print(tables.times_table({"tiny": slowest}))
    assert "seconds = 1.1" in table.file.getvalue()


def test_a_figure_that_dropped_is_named(tiny_copy):
    write(tiny_copy, accuracy="0.5")
    report, *_ = metrics.verify_metrics(tiny_copy)
    assert list(report.failures) == ["accuracy is 0.5, not in [0.8, 1]"]


@pytest.mark.parametrize(("here", "kept"), [("True", True), ("False", False)])
def test_a_figure_under_a_condition_is_left_out_where_it_is_not_met(
    tiny_copy, here, kept
):
    bands = '"accuracy" = { band = [0.8, 1.0], when = "human" }\n'
    write(tiny_copy, accuracy=f"0.5; human = {here}", bands=bands)
    report, rows, _ = metrics.verify_metrics(tiny_copy)
    assert rows[0] == ("accuracy", 0.5 if kept else None, 0.8, 1.0)
    assert bool(report.failures) == kept
    table = Console(file=io.StringIO(), width=120)
    table.print(tables.metrics_table({"tiny": rows}))
    assert ("left out" in table.file.getvalue()) != kept


def test_a_condition_that_cannot_be_told_is_no_success(tiny_copy):
    bands = '"accuracy" = { band = [0.8, 1.0], when = "undefined_name" }\n'
    write(tiny_copy, bands=bands)
    assert len(metrics.verify_metrics(tiny_copy)[0].failures) == 1


@pytest.mark.parametrize("value", ["float('nan')", "'high'", "undefined_name or 1"])
def test_a_figure_that_is_no_number_is_no_success(tiny_copy, value):
    bands = f'"{value}" = [0, 1]\n'
    write(tiny_copy, bands=bands)
    report, *_ = metrics.verify_metrics(tiny_copy)
    assert len(report.failures) == 1


def test_a_notebook_that_raises_names_the_exception(tiny_copy):
    write(tiny_copy, accuracy="1 / 0")
    with pytest.raises(CourseError, match="ZeroDivisionError"):
        metrics.verify_metrics(tiny_copy)


@pytest.mark.parametrize("band", ["[1.0, 0.0]", "[1.0]", "0.9", "{ band = [0, 1] }"])
def test_a_damaged_band_is_refused(tiny_copy, band):
    write(tiny_copy, bands=f'"accuracy" = {band}\n')
    with pytest.raises(CourseError, match=r"lowest, highest"):
        metrics.bands(tiny_copy)


def test_a_lesson_without_bands_is_refused(tiny_copy):
    with pytest.raises(CourseError, match=r"metrics\.toml is missing"):
        metrics.bands(tiny_copy)
