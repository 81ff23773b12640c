"""Rollout and induction against loops in NumPy."""

import numpy as np
import pytest

from tlkeras.interpret import attention_rollout, induction_scores, repeated_tokens


def attention(rng, layers, batch, heads, length, causal=False):
    logits = rng.normal(size=(layers, batch, heads, length, length))
    if causal:
        logits = np.where(np.tri(length, dtype=bool), logits, -1e9)
    scores = np.exp(logits)
    return list(scores / scores.sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (1, 1, 1, 1), (2, 3, 1, 4)])
@pytest.mark.parametrize("residual", [0.5, 0, 1, 0.25])
def test_rollout(rng, shape, residual):
    layers = attention(rng, *shape)
    batch, length = shape[1], shape[3]
    wanted = np.zeros((batch, length, length))
    for b in range(batch):
        flow = np.eye(length)
        for scores in layers:
            mean = sum(scores[b]) / shape[2]
            one = np.zeros((length, length))
            for t in range(length):
                for s in range(length):
                    own = residual if s == t else 0
                    one[t, s] = own + (1 - residual) * mean[t, s]
            flow = one @ flow
        wanted[b] = flow
    found = attention_rollout(layers, residual)
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=-1), 1)


def test_rollout_gives_nothing_to_what_is_hidden(rng):
    layers = attention(rng, 3, 1, 2, 4)
    for scores in layers:
        scores[..., 3] = 0
        scores /= scores.sum(axis=-1, keepdims=True)
    assert not attention_rollout(layers)[:, :3, 3].any()


def test_the_last_layer_stands_in_front():
    copy_from_0 = np.array([[1.0, 0], [1, 0]])[None, None]
    copy_from_1 = np.array([[0, 1.0], [0, 1]])[None, None]
    found = attention_rollout([copy_from_0, copy_from_1], residual=0)
    np.testing.assert_array_equal(found[0], [[1, 0], [1, 0]])


@pytest.mark.parametrize("wrong", [[], [np.zeros((2, 3, 3))], [np.zeros((1, 1, 2, 3))]])
def test_scores_of_another_shape(wrong):
    with pytest.raises(ValueError, match="one \\(B, N, T, T\\) a layer"):
        attention_rollout(wrong)


def by_loops(layers, ids):
    result = np.zeros((len(layers), layers[0].shape[1]))
    for i, scores in enumerate(layers):
        for n in range(scores.shape[1]):
            seen = []
            for b, row in enumerate(ids):
                for t in range(len(row)):
                    places = [s + 1 for s in range(t - 1) if row[s] == row[t]]
                    if places:
                        seen.append(sum(scores[b, n, t, s] for s in places))
            result[i, n] = np.mean(seen)
    return result


@pytest.mark.parametrize(
    "ids",
    [
        [[1, 2, 3, 1, 2, 3]],
        [[5, 5, 5, 5]],  # after itself: from the third on, an earlier one counts
        [[1, 2, 1, 2, 1], [7, 8, 9, 8, 7]],  # several places; rows that differ
    ],
)
def test_induction(rng, ids):
    ids = np.array(ids)
    layers = attention(rng, 2, len(ids), 3, ids.shape[1], causal=True)
    np.testing.assert_allclose(induction_scores(layers, ids), by_loops(layers, ids))


def test_a_perfect_induction_head():
    ids = repeated_tokens(3, 4, 50, seed=1)
    scores = np.zeros((3, 1, 8, 8))
    scores[..., 0] = 1
    for t in range(4, 8):
        scores[:, :, t] = np.eye(8)[t - 3]
    assert induction_scores([scores], ids).tolist() == [[1.0]]


def test_induction_says_what_is_wrong(rng):
    layers = attention(rng, 1, 1, 1, 3)
    for ids in ([[1, 2, 3]], [[1, 1, 2]]):
        with pytest.raises(ValueError, match="comes again"):
            induction_scores(layers, np.array(ids))
    with pytest.raises(ValueError, match="for token_ids"):
        induction_scores(layers, np.array([[1, 2, 1, 2]]))


def test_repeated_tokens():
    ids = repeated_tokens(4, 3, 6, seed=0, first=2, start_token=1)
    assert ids.shape == (4, 7)
    assert (ids[:, 0] == 1).all()
    assert (ids[:, 1:] >= 2).all()
    assert all(len(set(row[1:])) == 3 for row in ids.tolist())
    assert (ids == repeated_tokens(4, 3, 6, seed=0, first=2, start_token=1)).all()
    with pytest.raises(ValueError, match="at most vocabulary_size"):
        repeated_tokens(4, 5, 6, seed=0, first=2)
