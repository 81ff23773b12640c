"""Masks: made, stretched, and translated from and to PyTorch."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras import masks


def numpy(x):
    return ops.convert_to_numpy(x)


def test_length_mask():
    kept = numpy(masks.length_mask(np.array([3, 0, 4]), 4))
    assert kept.sum(axis=1).tolist() == [3, 0, 4]
    assert kept[0].tolist() == [True, True, True, False]


def test_prepend_to_mask():
    mask = np.array([[1, 0], [0, 0]])
    wanted = [[True, True, True, False], [True, True, False, False]]
    assert numpy(masks.prepend_to_mask(mask, 2)).tolist() == wanted
    assert masks.prepend_to_mask(None) is None


def test_from_torch_turns_booleans_round():
    hide = np.array([[False, True], [True, True]])
    assert masks.from_torch(hide).tolist() == [[True, False], [False, False]]
    assert masks.from_torch(None) is None


@pytest.mark.parametrize("hidden", [-np.inf, np.finfo("float32").min, -1e9, -1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_from_torch_reads_what_is_added(hidden, dtype):
    mask = np.array([[0.0, hidden], [hidden, 0.0]], dtype)
    assert masks.from_torch(mask).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("additive", [False, True])
def test_there_and_back(additive):
    keep = np.random.default_rng(0).random((3, 4, 5)) < 0.5
    there = masks.to_torch(keep, additive=additive)
    assert there.dtype == ("float32" if additive else "bool")
    assert np.array_equal(masks.from_torch(there), keep)
    assert masks.to_torch(None) is None


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.array([0, 1]), "mask must be boolean or floats; given int64"),
        (np.array([0.0, -0.5]), "mask must hold 0 .* given other values, such as -0.5"),
        (np.array([0.0, 1.0]), "mask must hold 0 .* such as 1: a bias, not a mask"),
        (np.array([0.0, np.nan]), "mask must hold 0 .* such as nan"),
    ],
)
def test_masks_that_cannot_be_read(mask, message):
    with pytest.raises(ValueError, match=message):
        masks.from_torch(mask)


PAIR = np.ones((2, 3), bool)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: masks.causal_mask(-1), "query_length must be .* given -1"),
        (lambda: masks.causal_mask(2.5), "query_length must be an integer.* given 2.5"),
        (lambda: masks.causal_mask(3, "5"), "key_length must be .* given '5'"),
        (
            lambda: masks.position_mask(np.arange(3), np.arange(3), sliding_window=0),
            "sliding_window must be .* at least 1; given 0",
        ),
        (lambda: masks.merge_masks(PAIR, PAIR[:, :2]), r"\(2, 3\) and \(2, 2\)"),
        (
            lambda: masks.merge_masks(PAIR, np.zeros((2, 3))),
            "mask must be boolean.* holds no 1 at all; given dtype float64",
        ),
        (lambda: masks.length_mask([[1, 2]], 4), r"lengths must .* given \(1, 2\)"),
        (
            lambda: masks.length_mask([1.5], 4),
            "lengths must be integers; given .*float",
        ),
        (lambda: masks.length_mask([1], None), "max_length must be .* given None"),
        (lambda: masks.prepend_to_mask(PAIR[0]), r"mask must .* \(B, S\); given \(3,"),
        (lambda: masks.prepend_to_mask(PAIR, -1), "count must be .* given -1"),
        (lambda: masks.strided_mask(PAIR, 0), "stride must be .* given 0"),
        (
            lambda: masks.place_mask(PAIR, 2, 0),
            r"longer than length, 2; given .*\(2, 3",
        ),
        (
            lambda: masks.attention_masks(query_mask=PAIR[0]),
            r"query_mask must have shape \(B, T\); given \(3,\)",
        ),
        (
            lambda: masks.attention_masks(key_mask=PAIR[None]),
            r"key_mask must have shape \(B, S\); given \(1, 2, 3\)",
        ),
        (
            lambda: masks.to_torch(np.array([0.0, -np.inf])),
            "mask must be boolean.* given float64",
        ),
    ],
)
def test_wrong_arguments(do, message):
    with pytest.raises(ValueError, match=message):
        do()


@pytest.mark.parity
@pytest.mark.parametrize("additive", [False, True])
def test_torch_attention_under_a_translated_mask(additive):
    import torch

    from tlkeras.layers import scaled_dot_product_attention

    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    keep = numpy(masks.causal_mask(5))
    theirs = torch.nn.MultiheadAttention(4, 1, batch_first=True)
    identity, zero = torch.eye(4), torch.zeros(4)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([identity] * 3))
        theirs.out_proj.weight.copy_(identity)
        theirs.out_proj.bias.copy_(zero)
    theirs = theirs.cpu()
    tensor = torch.from_numpy(x)
    mask = torch.from_numpy(masks.to_torch(keep, additive=additive))
    expected, _ = theirs(tensor, tensor, tensor, attn_mask=mask)
    ours = scaled_dot_product_attention(query=x, key=x, value=x, mask=keep)
    np.testing.assert_allclose(numpy(ours), expected.detach().numpy(), atol=1e-5)
    assert np.array_equal(masks.from_torch(mask), keep)


def test_polarity_is_that_of_keras():
    embedding = keras.layers.Embedding(5, 4, mask_zero=True)
    token_ids = np.array([[3, 2, 0], [1, 0, 0]])
    kept = numpy(masks.padding_mask(token_ids))
    assert np.array_equal(kept, numpy(embedding.compute_mask(token_ids)))


def _other_tensor(kind):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has ragged and sparse tensors in Keras")
    import tensorflow as tf

    if kind == "ragged":
        return tf.ragged.constant([[1, 0], [1]])
    return tf.sparse.from_dense([[1, 0]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ragged", "given a RaggedTensor"),
        ("sparse", "given a SparseTensor"),
        (np.array([["a"]]), "array of numbers or booleans"),
        (np.array([[1], [2, 3]], object), "array of numbers or booleans"),
        ([[1, 0], [1]], "rows that have one length"),
        (["words"], "array of numbers or booleans"),
    ],
    ids=["ragged", "sparse", "strings", "objects", "unequal", "words"],
)
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("token_ids", masks.padding_mask),
        ("each mask", masks.merge_masks),
        ("lengths", lambda x: masks.length_mask(x, 3)),
        ("mask", masks.prepend_to_mask),
        ("mask", lambda x: masks.strided_mask(x, 2)),
        ("mask", lambda x: masks.place_mask(x, 4, 0)),
        ("query_mask", lambda x: masks.attention_masks(query_mask=x)),
        ("attention_mask", lambda x: masks.attention_masks(attention_mask=x)),
        ("query_positions", lambda x: masks.position_mask(x, np.arange(2), True)),
        ("mask", masks.from_torch),
        ("mask", masks.to_torch),
    ],
)
def test_what_is_no_array(given, message, name, function):
    given = _other_tensor(given) if isinstance(given, str) else given
    with pytest.raises(ValueError, match=f"^{name} must .*{message}"):
        function(given)


def test_nothing_is_no_token_ids():
    with pytest.raises(ValueError, match=r"token_ids must .* given a NoneType"):
        masks.padding_mask(None)
