"""Which cells run, and what is left of cells that are more than Python."""

import pytest

from tlkeras.grading.notebooks import source


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("x = 1 % 2\ny = 'a!b'", "x = 1 % 2\ny = 'a!b'"),
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install keras\nx = 1", "pass\nx = 1"),
        ("if x:\n    !ls\n    y = 2", "if x:\n    pass\n    y = 2"),
        ("files = !ls\nd = %pwd", "files = None\nd = None"),
        ("np.exp?\nx = 1", "pass\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\nx = 1", "\n\nx = 1"),
        ("%%bash\nrm -rf /", ""),
        ("%%writefile helper.py\nx = 1", ""),
        ("def f(:\n  pass", "def f(:\n  pass"),
    ],
)
def test_magics_do_nothing(text, python):
    assert source.python(text) == python


def numbers(texts, given=(), experiments=()):
    return [s.number for s in source.steps(dict(enumerate(texts)), given, experiments)]


def test_only_what_answers_need_runs_of_what_the_lesson_gave():
    given = ["import numpy as np", "check(f)", "figure(3)"]
    assert numbers(
        ["import numpy as np", "def f(x): return np.exp(x)", "check(f)"], given
    ) == [0, 1]


def test_what_a_learner_changed_runs():
    assert numbers(["check(f)  # mine", "def f(x): return x"], ["check(f)"]) == [0, 1]


def test_deleted_cells_come_back_from_the_lesson_with_what_they_need():
    given = ["import numpy as np", "E = np.e", "unused = 1"]
    steps = source.steps({0: "def f(x): return E**x"}, given)
    assert [(s.number, s.text) for s in steps] == [
        (-3, "import numpy as np"),
        (-2, "E = np.e"),
        (0, "def f(x): return E**x"),
    ]


def test_experiments_never_run_even_without_their_tags():
    assert numbers(
        ["slow = train()", "def f(x): return slow"], (), ["slow = train()  "]
    ) == [1]


def test_names_local_to_a_function_need_no_cell():
    assert numbers(
        ["logits = 1", "def f(x):\n    logits = x\n    return logits"], ["logits = 1"]
    ) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "x" + ".y" * 50_000,
        "-" * 100_000 + "1",
        "\0",
        "x = " + "1+" * 20_000 + "1",
    ],
)
def test_monstrous_code_is_not_followed_but_does_no_harm(text):
    assert numbers([text, "def f(x): return x"]) == [0, 1]
