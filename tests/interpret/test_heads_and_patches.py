"""Ablation, patching and the lens, against what the layers give by hand."""

import numpy as np
import pytest
from keras import ops

from tlkeras.interpret import (
    ablate_heads,
    attention_layers,
    head_means,
    intermediates,
    logit_lens,
    patching_effects,
)
from tlkeras.models import GPT


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_attention_layers(gpt, classifier):
    assert attention_layers(gpt) == [
        "transformer_layer_0/self_attention",
        "transformer_layer_1/self_attention",
    ]
    assert len(attention_layers(classifier)) == 2


def test_a_head_that_gives_zero_is_one_whose_kernel_is_zero(gpt, tokens):
    layer = gpt.decoder_layers[1]._self_attention_layer
    kernel = layer.output_dense.kernel
    before = numpy(kernel)  # (N, V, D)
    with ablate_heads(gpt, [(1, 0)]):
        ablated = numpy(gpt(tokens))
    try:
        kernel.assign(before * np.array([0, 1])[:, None, None])
        wanted = numpy(gpt(tokens))
    finally:
        kernel.assign(before)
    np.testing.assert_allclose(ablated, wanted, atol=1e-5)


def test_means_are_over_real_tokens(gpt, tokens):
    keep = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    inputs = {"token_ids": tokens, "padding_mask": keep}
    path = f"{attention_layers(gpt)[1]}/attention_output.input"
    with intermediates(gpt, path) as seen:
        gpt(inputs)
    wanted = numpy(seen[path])[keep.astype(bool)].mean(axis=0)
    np.testing.assert_allclose(head_means(gpt, inputs, keep)[1], wanted, atol=1e-6)
    with pytest.raises(ValueError, match="keeps none"):
        head_means(gpt, inputs, 0 * keep.astype("int32"))


def test_the_mean_of_one_place_changes_nothing_there(gpt):
    one = np.array([[3]])
    before = numpy(gpt(one))
    everything = [(i, n) for i in range(2) for n in range(2)]
    with ablate_heads(gpt, everything, head_means(gpt, one)):
        np.testing.assert_allclose(numpy(gpt(one)), before, atol=1e-5)
    with ablate_heads(gpt, everything):
        assert np.abs(numpy(gpt(one)) - before).max() > 1e-3


def test_two_heads_of_one_layer(gpt, tokens):
    means = head_means(gpt, tokens)
    path = f"{attention_layers(gpt)[0]}/attention_output.input"
    with ablate_heads(gpt, [(0, 0), (0, 1)], means), intermediates(gpt, path) as seen:
        gpt(tokens)
    # the block within comes first: it sees what goes in before it is changed
    with intermediates(gpt, path) as after, ablate_heads(gpt, [(0, 0), (0, 1)], means):
        gpt(tokens)
    values = [numpy(x[path]) for x in (seen, after)]
    same = [np.ptp(v.reshape(-1, 2, 4), axis=0).max() < 1e-6 for v in values]
    assert sorted(same) == [False, True]


@pytest.mark.parametrize("wrong", [(2, 0), (0, 2), (-1, 0), (0, -1)])
def test_a_head_that_is_not_there(gpt, wrong):
    with pytest.raises(ValueError, match="heads must be pairs"):
        ablate_heads(gpt, [wrong])


def test_means_of_another_model(gpt):
    with pytest.raises(ValueError, match="one array an attention layer, 2"):
        ablate_heads(gpt, [(0, 0)], [np.zeros((2, 4))])


def test_the_lens_reads_with_the_final_norm(gpt, tokens):
    lens = logit_lens(gpt, tokens)
    np.testing.assert_allclose(numpy(lens[-1]), numpy(gpt(tokens)), atol=1e-5)
    state = numpy(gpt(tokens, return_hidden_states=True)["hidden_states"][0])
    centred = state - state.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    normed = centred / scale * numpy(gpt.layer_norm.gamma) + numpy(gpt.layer_norm.beta)
    table = numpy(gpt.token_embedding.embeddings)
    np.testing.assert_allclose(numpy(lens[0]), normed @ table.T, atol=1e-4)


def test_the_lens_needs_a_model_that_writes(classifier):
    with pytest.raises(ValueError, match="given a BertClassifier"):
        logit_lens(classifier, {})


def test_patching_by_hand(gpt):
    clean, corrupted = np.array([[3, 1, 4, 1]]), np.array([[3, 2, 4, 1]])

    def score(logits):
        return logits[:, -1, 5] - logits[:, -1, 6]

    path = "transformer_layer_0"
    found = patching_effects(gpt, clean, corrupted, ["embeddings_dropout", path], score)
    with intermediates(gpt, path) as good:
        best = numpy(score(gpt(clean)))
    with intermediates(gpt, path) as bad:
        worst = numpy(score(gpt(corrupted)))
    for place in range(4):
        mixed = numpy(bad[path]).copy()
        mixed[:, place] = numpy(good[path])[:, place]
        with intermediates(gpt, replace={path: mixed}):
            wanted = (numpy(score(gpt(corrupted))) - worst) / (best - worst)
        np.testing.assert_allclose(found[1, place], wanted[0], atol=1e-4)
    # What enters the stack differs in one place, which alone brings all of it back.
    np.testing.assert_allclose(found[0], [0, 1, 0, 0], atol=1e-4)
    assert abs(found[1, 0]) < 1e-4  # before the change nothing differs


def test_patching_refuses_a_layer_that_is_called_twice(gpt):
    clean, corrupted = np.array([[3, 1, 4]]), np.array([[3, 2, 4]])
    with pytest.raises(ValueError, match="'token_embedding' was called 2 times"):
        patching_effects(
            gpt, clean, corrupted, ["token_embedding"], lambda y: y[:, -1, 0]
        )


def test_patching_says_what_is_wrong(gpt):
    one, two = np.array([[3, 1, 4]]), np.array([[3, 1, 4], [3, 1, 4]])
    with pytest.raises(ValueError, match="clean must have one row"):
        patching_effects(gpt, two, one, [], lambda y: y[:, -1, 0])
    with pytest.raises(ValueError, match="different scores"):
        patching_effects(gpt, one, one, [], lambda y: y[:, -1, 0])
    with pytest.raises(ValueError, match="equally long; given 3 and 2"):
        patching_effects(
            gpt, one, one[:, :2] + 1, ["transformer_layer_0"], lambda y: y[:, -1, 0]
        )


def test_with_grouped_heads_and_one_head(tokens):
    for heads, arguments in ((1, {}), (4, {"num_key_value_heads": 2})):
        model = GPT(20, 1, heads, 8, 12, max_sequence_length=9, **arguments)
        assert head_means(model, tokens)[0].shape == (heads, 8 // heads)
