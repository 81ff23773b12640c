import json

import pytest

from tlkeras.course.definitions import UndefinedError, define


def notebook(*sources):
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": [s]} for s in sources]}
    )


def test_only_what_a_name_needs_is_run():
    text = notebook(
        "import math",
        "raise RuntimeError('nobody needs this')",
        "factor = math.sqrt(4)\nunused = 1 / 0",
        "%matplotlib inline",
        "def helper(x):\n    unused = x\n    return factor * unused",
        "def wanted(x):\n    return helper(x)",
    )
    assert define(text, "wanted")(3) == 6


def test_the_last_definition_counts():
    assert define(notebook("x = 1", "x = 2"), "x") == 2


def test_a_name_that_nothing_defines_is_an_error():
    with pytest.raises(UndefinedError, match="no cell defines wanted"):
        define(notebook("def other():\n    wanted = 1"), "wanted")
