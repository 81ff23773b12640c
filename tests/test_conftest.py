"""What `conftest.py` leaves out holds no test that is meant to run."""

from pathlib import Path

HERE = Path(__file__).parent


def test_marks_of_parity_stand_where_they_are_looked_for():
    """In the files of the tests themselves: those without one are not even read."""
    here = {HERE / "conftest.py", Path(__file__)}
    helpers = {path for path in HERE.rglob("*.py") if not path.match("test_*.py")}
    marked = {
        path for path in helpers - here if "mark.parity" in path.read_text("utf-8")
    }
    assert not marked
