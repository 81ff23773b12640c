"""What layers give is seen and changed, and nothing is left behind."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.interpret import intermediates, layer_paths
from tlkeras.models import GPT
from tlkeras.transfer._tree import walk

FIRST, HEADS = (
    "transformer_layer_0",
    "transformer_layer_1/self_attention/attention_output.input",
)


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


def untouched(model):
    return not any("call" in vars(layer) for _, layer in walk(model))


def test_recorded_outputs_are_the_hidden_states(gpt, tokens):
    states = gpt(tokens, return_hidden_states=True)["hidden_states"]
    names = ["embeddings_dropout", FIRST, "transformer_layer_1"]
    with intermediates(gpt, names) as seen:
        gpt(tokens)
    for name, state in zip(names, states, strict=True):
        np.testing.assert_allclose(numpy(seen[name]), numpy(state), atol=1e-6)
    assert list(seen) == names
    assert untouched(gpt)


def test_a_replacement_takes_effect_and_goes_away(gpt, tokens):
    before = numpy(gpt(tokens))
    other = np.random.default_rng(2).normal(size=(2, 5, 8)).astype("float32")
    with intermediates(gpt, FIRST, {FIRST: other}) as seen:
        changed = numpy(gpt(tokens))
    np.testing.assert_array_equal(numpy(seen[FIRST]), other)  # with what was replaced
    layer = gpt.decoder_layers[1]
    np.testing.assert_allclose(changed, numpy(gpt.read_out(layer(other))), atol=1e-5)
    np.testing.assert_array_equal(numpy(gpt(tokens)), before)


def test_inputs_by_name_even_where_they_are_given_by_keyword(gpt, tokens):
    query = "transformer_layer_1/self_attention.input"
    with intermediates(gpt, [HEADS, query]) as seen:
        gpt(tokens)
    assert seen[HEADS].shape == (2, 5, 2, 4)
    assert seen[query].shape == (2, 5, 8)
    with intermediates(gpt, replace={query: lambda x: 0 * x}):
        changed = numpy(gpt(tokens))
    assert np.abs(changed - numpy(gpt(tokens))).max() > 1e-3


def test_blocks_within_blocks(gpt, tokens):
    before = numpy(gpt(tokens))
    with intermediates(gpt, FIRST) as outer:
        with intermediates(gpt, FIRST, {FIRST: lambda x: 2 * x}) as inner:
            gpt(tokens)
        gpt(tokens)
    twice = 2 * numpy(outer.calls(FIRST)[1])
    np.testing.assert_allclose(numpy(inner[FIRST]), twice, rtol=1e-6)
    assert len(outer.calls(FIRST)) == 2
    np.testing.assert_array_equal(numpy(gpt(tokens)), before)


def test_an_exception_leaves_nothing_behind(gpt, tokens):
    def fail(x):
        raise RuntimeError("inside")

    block = intermediates(gpt, replace={FIRST: fail})
    with pytest.raises(RuntimeError, match="inside"), block:
        gpt(tokens)
    assert untouched(gpt)
    block = intermediates(gpt, replace={FIRST: np.zeros((2, 5, 7))})
    wanted = r"shape \(2, 5, 8\).*given \(2, 5, 7\)"
    with pytest.raises(ValueError, match=wanted), block:
        gpt(tokens)
    assert untouched(gpt)


def test_an_unknown_path_names_what_is_near(gpt):
    with pytest.raises(ValueError, match=r"Similar: .*'transformer_layer_1'"):
        intermediates(gpt, "transformer_layer_2")
    with pytest.raises(ValueError, match="self_attention/attention_output'"):
        intermediates(gpt, "attention_output.input")
    with pytest.raises(ValueError, match="must be built"):
        intermediates(keras.Sequential([keras.layers.Dense(3)]), "dense")


def test_what_was_not_called_is_said(gpt, tokens):
    with intermediates(gpt, FIRST) as seen:
        pass
    with pytest.raises(ValueError, match="not called in the block"):
        seen[FIRST]
    with pytest.raises(KeyError, match="recorded: 'transformer_layer_0'"):
        seen["layer_norm"]
    block = intermediates(gpt, replace={FIRST: lambda x: x})
    with pytest.raises(ValueError, match="not called in the block"), block:
        pass


def test_a_layer_that_is_called_twice(gpt, tokens):
    with intermediates(gpt, "token_embedding") as seen:
        logits = gpt(tokens)
    first, last = seen.calls("token_embedding")
    assert first.shape == (2, 5, 8)
    np.testing.assert_array_equal(numpy(last), numpy(logits))


def test_inside_of_a_compiled_function(gpt, tokens):
    def run(ids):
        with intermediates(gpt, FIRST, {"layer_norm": lambda x: 2 * x}) as seen:
            return gpt(ids), seen[FIRST]

    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(run)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(run, jit_compile=True)
    else:
        pytest.skip("no compiled functions here")
    for one, other in zip(compiled(tokens), run(tokens), strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=1e-5)
    assert untouched(gpt)


def test_predict_is_compiled_for_the_block_and_again_after_it(classifier):
    inputs = {
        "token_ids": np.array([[3, 1, 4]]),
        "segment_ids": np.zeros((1, 3), "int32"),
        "padding_mask": np.ones((1, 3), "int32"),
    }
    before = classifier.predict(inputs, verbose=0)
    kept = classifier.predict_function
    path = next(x for x in layer_paths(classifier) if x.endswith("transformer_layer_1"))
    with intermediates(classifier, replace={path: lambda x: 0 * x}):
        changed = classifier.predict(inputs, verbose=0)
    assert np.abs(changed - before).max() > 1e-3
    assert classifier.predict_function is kept
    np.testing.assert_allclose(classifier.predict(inputs, verbose=0), before)
    # A model around the one that was named compiles anew as well.
    classifier.predict_function = None
    with intermediates(classifier.backbone, replace={path.split("/")[-1]: _nothing}):
        again = classifier.predict(inputs, verbose=0)
    np.testing.assert_allclose(again, changed, atol=1e-6)
    np.testing.assert_allclose(classifier.predict(inputs, verbose=0), before)


def _nothing(x):
    return 0 * x


def test_masks_of_keras_stay_with_what_is_replaced():
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(ids)
    model = keras.Model(ids, keras.layers.GlobalAveragePooling1D(name="mean")(x))
    given = np.array([[5, 2, 0]])
    with intermediates(model, replace={"mean.input": lambda x: 2 * x}):
        doubled = numpy(model(given))
    np.testing.assert_allclose(doubled, 2 * numpy(model(given)), rtol=1e-6)


def test_a_tuple_is_replaced_part_by_part(gpt, tokens):
    seen_shapes = []

    def change(parts):
        x, scores = parts
        seen_shapes.append(scores.shape)
        return 0 * x, scores

    with intermediates(gpt, replace={FIRST: change}):
        given = gpt(tokens, return_attention_scores=True)
    assert len(given["attention_scores"]) == 2
    assert tuple(seen_shapes[0]) == (2, 2, 5, 5)


def test_quantised_layers(tokens):
    model = GPT(20, 1, 2, 8, 12, max_sequence_length=9)
    model.quantize("int8")
    path = "transformer_layer_0/self_attention/attention_output"
    with intermediates(model, [path, f"{path}.input"]) as seen:
        model(tokens)
    assert seen[path].shape == (2, 5, 8)
    assert seen[f"{path}.input"].shape == (2, 5, 2, 4)


def test_paths_in_order(gpt):
    paths = layer_paths(gpt)
    assert paths.index(FIRST) < paths.index(HEADS.removesuffix(".input"))
    assert layer_paths(gpt, "nothing") == []
