"""A class whose reports several tests look at."""

import pytest
from report_pages import LESSON
from synthetic import HOSTILE, NO_SANDBOX, classroom

from tlkeras.grading import report

COUNT = 40


@pytest.fixture(scope="session")
def results():
    return list(classroom(COUNT, seed=3))


@pytest.fixture(scope="session")
def written(results, tmp_path_factory):
    return report.write(iter(results), tmp_path_factory.mktemp("out"), LESSON)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    results = classroom(len(HOSTILE), names=HOSTILE, isolation=NO_SANDBOX)
    return report.write(results, tmp_path_factory.mktemp("hostile"), LESSON)
