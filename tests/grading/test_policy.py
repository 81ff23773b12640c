"""Policy finds what is called by any ordinary name, and nothing that is not called."""

import pytest

from tlkeras.grading import Exercise
from tlkeras.grading.notebooks import source
from tlkeras.grading.submissions import policy

SOFTMAX = "keras.ops.softmax"
TF = "import tensorflow as tf"
FORBIDDEN = ("keras.layers.MultiHeadAttention", SOFTMAX, "tlkeras.layers")
EXERCISE = Exercise("f", "s", 1, None, (), (), forbidden=FORBIDDEN)


def found(*cells):
    steps = source.steps(dict(enumerate(cells)))
    return [
        (entry["name"], entry["text"]) for entry in policy.findings([EXERCISE], steps)
    ]


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["import keras", "def f(x):\n  return keras.ops.softmax(x)"], SOFTMAX),
        (["from keras import ops as o\ndef f(x): return o.softmax(x)"], SOFTMAX),
        (["def f(x):\n  from keras.ops import softmax as s\n  return s(x)"], SOFTMAX),
        (["import keras.ops as K\ng = K.softmax\nf = lambda x: g(x)"], SOFTMAX),
        ([TF, "def f(x): return tf.keras.ops.softmax(x)"], SOFTMAX),
        (["import keras\ndef f(x): return getattr(keras.ops, 'softmax')(x)"], SOFTMAX),
        (["from keras.ops import *\ndef f(x): return softmax(x)"], "keras.ops.*"),
        (["from numpy import *\ndef f(x): return exp(x)"], None),
        (["from tlkeras.layers import FeedForward\ndef f(x): return FeedForward(1)(x)"],
         "tlkeras.layers.FeedForward"),
        (["import tlkeras\ndef f(x): return tlkeras.layers.FeedForward(x)"],
         "tlkeras.layers.FeedForward"),
        (["def f(x): return __import__('keras').ops.softmax(x)"],
         "__import__ (what it brings cannot be seen)"),
        (["import numpy as np\nimport keras", "def f(x): return np.exp(x)"], None),
        (["import keras", "def g(x): return keras.ops.softmax(x)"], None),
        (["import keras\ndef f(x): return keras.ops.softmax_loss(x)"], None),
    ],
)  # fmt: skip
def test_findings(cells, name):
    names = [found_name for found_name, _ in found(*cells)]
    assert name in names if name else names == []


def test_a_helper_counts_and_the_place_is_given():
    cells = [
        "import keras",
        "\ndef help(x):\n    return keras.ops.softmax(x)",
        "def f(x): return help(x)",
    ]
    assert found(*cells) == [
        ("keras.ops.softmax", "cell 2: return keras.ops.softmax(x)")
    ]


def test_a_star_that_brings_what_is_forbidden_is_reported():
    cell = "def f(x):\n    exec('from keras.ops import *')\n    return softmax(x)"
    assert [name for name, _ in found(cell)] == ["exec (what it brings cannot be seen)"]


def test_without_a_policy_nothing_is_found():
    free = Exercise("f", "s", 1, None, (), ())
    steps = source.steps({0: "import keras\ndef f(x): return keras.ops.softmax(x)"})
    assert policy.findings([free], steps) == []
