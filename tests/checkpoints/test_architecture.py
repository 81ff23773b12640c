"""A table: whose name is whose, and how arrays turn."""

import types

import numpy as np
import pytest

from tlkeras.checkpoints.architecture import Architecture, Blocks, Part

TABLE = Architecture(
    kind="toy",
    model=dict,
    arguments=lambda config, names: {},
    outside={"table": "embed", "token/token": Part("first", leading=2), "norm": "n"},
    blocks=(
        Blocks("layers.{}.", {"dense": "fc", "query": Part("qkv", of=3)}),
        Blocks(lambda n: f"up{n or ''}/", {"dense": "fc"}, "up_", "num_up"),
    ),
    prefixes=("model.", "toy."),
    renamed=(("gamma", "weight"),),
)


def variable(path, *shape):
    return types.SimpleNamespace(path=path, name=path.split("/")[-1], shape=shape)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("table/embeddings", "embed.weight"),
        ("norm/beta", "n.bias"),
        ("token/token", "first"),
        ("transformer_layer_0/dense/kernel", "layers.0.fc.weight"),
        ("transformer_layer_12/query/bias", "layers.12.qkv.bias"),
        ("up_0/dense/kernel", "up/fc.weight"),
        ("up_3/dense/bias", "up3/fc.bias"),
    ],
)
def test_their_names(path, name):
    assert TABLE.part(path).name == name


@pytest.mark.parametrize(
    "path",
    ["norms/beta", "token/x", "transformer_layer_x/dense/kernel", "up_1/query/b"],
)
def test_no_name(path):
    assert TABLE.part(path) is None


def test_prefixes_and_old_names():
    assert TABLE.plain("model.toy.n.gamma") == "n.weight"
    assert TABLE.plain("n.bias") == "n.bias"


# In PyTorch: a dense layer is (out, in), a convolution (out, in, height, width).
SHAPES = [
    ("dense/kernel", (3, 5), (5, 3), "io->oi"),
    ("a/query/kernel", (3, 2, 4), (8, 3), "inh->(nh)i"),
    ("a/attention_output/kernel", (2, 4, 3), (3, 8), "nho->o(nh)"),
    ("line/kernel", (2, 3, 5), (5, 3, 2), "wio->oiw"),
    ("patch/kernel", (2, 4, 3, 5), (5, 3, 2, 4), "hwio->oihw"),
    ("table/embeddings", (7, 3), (7, 3), ""),
    ("a/query/bias", (2, 4), (8,), ""),
    ("norm/gamma", (5,), (5,), ""),
]


@pytest.mark.parametrize(("path", "ours", "theirs", "axes"), SHAPES)
def test_arrays_turn(rng, path, ours, theirs, axes):
    array = rng.normal(size=ours)
    if axes:
        before, after = axes.split("->")
        order = after.replace("(", "").replace(")", "")
        there = np.einsum(f"{before}->{order}", array).reshape(theirs)
    else:
        there = array.reshape(theirs)
    one = variable(path, *ours)
    assert TABLE.theirs(one) == theirs
    np.testing.assert_array_equal(TABLE.turn(there, one), array)


def test_a_part_of_a_tensor(rng):
    whole = rng.normal(size=(9, 4))
    second = Part("qkv", 1, of=3)
    assert second.whole((3, 4)) == (9, 4)
    np.testing.assert_array_equal(second.cut(whole, (3, 4)), whole[3:6])
    late = Part("positions", skip=2)
    assert late.whole((7, 4)) == (9, 4)
    np.testing.assert_array_equal(late.cut(whole, (7, 4)), whole[2:])
    deep = Part("positions", leading=1)
    assert deep.whole((9, 4)) == (1, 9, 4)
    np.testing.assert_array_equal(deep.cut(whole[None], (9, 4)), whole)
