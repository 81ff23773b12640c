"""The rest of a notebook runs although its exercises are not solved."""

import pytest

STUB = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError\n"
CHECK = (
    "from tlkeras.course import lesson\nthis = lesson('01_tiny')\ncheck = this.check"
)


@pytest.fixture
def shell(tiny, tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    run(shell, "import numpy as np\n" + CHECK)
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell, cell):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    return result.result


def test_a_stub_is_stood_in_for_and_the_cell_says_so(shell, capsys):
    run(shell, STUB)
    stub = shell.user_ns["double"]
    capsys.readouterr()
    assert list(run(shell, "double(np.arange(3.0))")) == [0, 2, 4]
    assert "(double: not solved yet" in capsys.readouterr().out
    assert shell.user_ns["double"] is stub


def test_a_cell_that_needs_no_exercise_says_nothing(shell, capsys):
    run(shell, STUB)
    capsys.readouterr()
    run(shell, "1 + 1")
    assert "solved" not in capsys.readouterr().out


def test_a_missing_exercise_is_stood_in_for_and_gone_afterwards(shell):
    assert list(run(shell, "double(np.ones(1))")) == [2]
    assert "double" not in shell.user_ns


def test_checks_see_what_the_learner_wrote(shell):
    run(shell, STUB)
    run(shell, "double(np.ones(1))")
    assert run(shell, "check(double)").state == "not attempted"


def test_what_failed_its_check_is_not_relied_on(shell):
    run(shell, "def double(x):\n    return 3 * x")
    assert list(run(shell, "double(np.ones(1))")) == [3]  # not checked yet
    run(shell, "check(double)")
    assert list(run(shell, "double(np.ones(1))")) == [2]
    assert run(shell, "check(double)").state == "wrong"


def test_what_passed_is_the_learners_own(shell, capsys):
    run(shell, "def double(x):\n    calls.append(1)\n    return x + x")
    run(shell, "calls = []")
    run(shell, "check(double)")
    capsys.readouterr()
    run(shell, "double(np.ones(1))")
    assert shell.user_ns["calls"]
    assert "solved" not in capsys.readouterr().out


def test_a_learners_own_exercise_finds_the_others_solved(shell):
    run(shell, STUB)
    run(shell, "def four_times(x):\n    return double(double(x))")
    assert list(run(shell, "four_times(np.ones(1))")) == [4]


def test_asking_for_the_lesson_again_stands_in_once(shell, capsys):
    run(shell, STUB)
    run(shell, CHECK)
    capsys.readouterr()
    run(shell, "double(np.ones(1))")
    assert capsys.readouterr().out.count("not solved yet") == 1
    assert run(shell, "check(double)").state == "not attempted"
