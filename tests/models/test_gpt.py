"""GPT by what it does: steps, masks, extras, and the same numbers as KerasHub's."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import generate, jit
from tlkeras.models import GPT

B, T, L, V = 3, 6, 9, 30
SIZES = {
    "vocabulary_size": V,
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "max_sequence_length": 12,
}
LLAMA = {
    "num_key_value_heads": 2,
    "positions": "rotary",
    "max_wavelength": 100,
    "normalization": "rms",
    "activation": "swiglu",
    "use_bias": False,
    "tie_weights": False,
}
KINDS = {"gpt2": {}, "llama": LLAMA}
KEEP = np.arange(T) < np.array([6, 3, 1])[:, None]
every_kind = pytest.mark.parametrize("kind", KINDS)


def numpy(x):
    return ops.convert_to_numpy(x)


def close(left, right, tolerance=1e-5):
    np.testing.assert_allclose(
        numpy(left), numpy(right), rtol=tolerance, atol=tolerance
    )


def randomize(model, rng):
    """No weight is zero, so that none can hide."""
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture
def model(rng, kind):
    return randomize(GPT(**SIZES, **KINDS[kind]), rng)


@pytest.fixture
def tokens(rng):
    return rng.integers(1, V, (B, T)).astype("int32")


def by_steps(model, tokens, first):
    """Logits after each position from `first` on, one token a step after the start."""
    logits, cache = model.step(tokens[:, :first], model.initial_cache(tokens, L), 0)
    rows = [logits]
    for index in range(first, tokens.shape[1]):
        logits, cache = model.step(tokens[:, index : index + 1], cache, index)
        rows.append(logits)
    return ops.stack(rows, axis=1)  # (B, T − first + 1, V)


@every_kind
@pytest.mark.parametrize("first", [1, 4])
def test_steps_equal_the_whole(model, tokens, first):
    close(by_steps(model, tokens, first), model(tokens)[:, first - 1 :])


def greedily(model, prompt):
    """One row continued from the whole of what stands there, without a cache."""
    text = prompt
    while text.shape[1] < L:
        token = numpy(model(text))[:, -1].argmax(axis=-1).astype("int32")
        text = np.concatenate([text, token[:, None]], axis=1)
    return text


@every_kind
@pytest.mark.parametrize("compiled", [False, True])
def test_ragged_prompts_get_what_each_gets_alone(model, tokens, compiled):
    def write(prompt):
        cache = model.initial_cache(prompt, L)
        return generate(model.step, prompt, L, cache=cache, padding_mask=KEEP)

    write = jit(write, model) if compiled else write
    found = numpy(write(ops.convert_to_tensor(tokens)))
    for row, length in enumerate(KEEP.sum(axis=1)):
        alone = greedily(model, tokens[row : row + 1, :length])
        np.testing.assert_array_equal(found[row], alone[0])


@every_kind
def test_a_token_changes_only_what_follows_it(model, tokens):
    other = tokens.copy()
    other[0, 3] = other[0, 3] % (V - 1) + 1
    moved = np.abs(numpy(model(tokens)) - numpy(model(other))).max(axis=-1) > 1e-6
    assert {(int(b), int(t)) for b, t in np.argwhere(moved)} == {(0, 3), (0, 4), (0, 5)}


@every_kind
def test_padding_changes_nothing_before_it(model, tokens):
    whole = numpy(model({"token_ids": tokens, "padding_mask": KEEP}))
    other = np.where(KEEP, tokens, 7)
    again = numpy(model({"token_ids": other, "padding_mask": KEEP.astype("int32")}))
    close(whole[KEEP], again[KEEP], 1e-6)
    close(whole[KEEP], numpy(model(tokens))[KEEP], 1e-6)


def test_a_padding_mask_is_heard(rng, tokens):
    """Where it hides something in the middle, later logits say so."""
    model = randomize(GPT(**SIZES), rng)
    keep = np.ones((B, T), bool)
    keep[1, 2] = False
    moved = np.abs(
        numpy(model({"token_ids": tokens, "padding_mask": keep})) - numpy(model(tokens))
    ).max(axis=-1)
    assert (moved[1, 2:] > 1e-4).all()
    assert moved[[0, 2]].max() < 1e-6


@every_kind
def test_states_and_scores_on_request(model, tokens):
    inputs = {"token_ids": tokens, "padding_mask": KEEP}
    found = model(inputs, return_hidden_states=True, return_attention_scores=True)
    assert set(found) == {"logits", "hidden_states", "attention_scores"}
    close(found["logits"], model(inputs))
    states, scores = found["hidden_states"], found["attention_scores"]
    assert [tuple(x.shape) for x in states] == [(B, T, 8)] * 3
    assert [tuple(x.shape) for x in scores] == [(B, 4, T, T)] * 2
    close(model.read_out(states[-1]), found["logits"])
    close(states[0], model.embed(tokens))
    for one in map(numpy, scores):
        close(one.sum(axis=-1), np.ones((B, 4, T)))
        assert (np.triu(one, 1) == 0).all()  # no query sees a later key
    only = model(inputs, return_attention_scores=True)
    assert set(only) == {"logits", "attention_scores"}


def test_dropout_is_on_in_training_alone(rng, tokens):
    model = randomize(GPT(**SIZES, dropout=0.5), rng)
    close(model(tokens), model(tokens, training=False), 0)
    assert np.abs(numpy(model(tokens, training=True)) - numpy(model(tokens))).max() > 1


def test_equals_the_gpt2_of_keras_hub(rng, tokens):
    import keras_hub

    model = randomize(GPT(**SIZES), rng)
    hub = keras_hub.models.GPT2Backbone(**SIZES)
    theirs = {w.path: w for w in hub.weights}
    assert set(theirs) == {w.path for w in model.weights}
    for weight in model.weights:
        theirs[weight.path].assign(weight)
    inputs = {"token_ids": tokens, "padding_mask": KEEP.astype("int32")}
    wanted = hub.token_embedding(hub(inputs), reverse=True)
    close(model(inputs), wanted)


def test_equals_the_llama_of_keras_hub(rng, tokens):
    import keras_hub

    model = randomize(GPT(**SIZES, **LLAMA, layer_norm_epsilon=1e-6), rng)
    hub = keras_hub.models.LlamaBackbone(V, 2, 4, 8, 12, 2, rope_max_wavelength=100)
    theirs = {
        w.path.replace("layernorm", "layer_norm").replace("sequence_output_", ""): w
        for w in hub.weights
    }
    assert set(theirs) == {w.path for w in model.weights}
    for weight in model.weights:
        theirs[weight.path].assign(weight)
    inputs = {"token_ids": tokens, "padding_mask": KEEP.astype("int32")}
    wanted = hub.token_embedding(hub(inputs), reverse=True)
    close(model(inputs), wanted)


@every_kind
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_float16", 2e-2), ("bfloat16", 1e-1)]
)
def test_steps_in_half_precision(rng, tokens, kind, policy, tolerance):
    model = GPT(**SIZES, **KINDS[kind], dtype=policy)
    for weight in model.weights:
        weight.assign(rng.integers(-32, 33, weight.shape) / 64)
    whole = numpy(ops.cast(model(tokens), "float32"))
    found = numpy(ops.cast(by_steps(model, tokens, 2), "float32"))
    np.testing.assert_allclose(
        found, whole[:, 1:], atol=tolerance * np.abs(whole).max()
    )
    keys = keras.tree.flatten(model.initial_cache(tokens, L))
    wanted = keras.dtype_policies.get(policy).compute_dtype
    assert {keras.backend.standardize_dtype(x.dtype) for x in keys} == {wanted}
    assert [tuple(x.shape) for x in keys] == [
        (B, 2, L, KINDS[kind].get("num_key_value_heads", 4), 2)
    ] * 2


BAD = [
    (lambda m, t: GPT(**SIZES, positions="sine"), "positions must be one of 'learned'"),
    (lambda m, t: GPT(**SIZES, normalization="batch"), "normalization must be one of"),
    (lambda m, t: GPT(**SIZES, activation="reglu"), "activation must be"),
    (lambda m, t: GPT(**SIZES, num_key_value_heads=3), "multiple of num_key_value_hea"),
    (lambda m, t: GPT(**SIZES, max_wavelength=0), "max_wavelength must be"),
    (lambda m, t: GPT(**SIZES, num_kv_heads=2), "no argument 'num_kv_heads'"),
    (lambda m, t: m({"ids": t}), r"token_ids and, if wanted.*\['ids'\]"),
    (lambda m, t: m({**{"token_ids": t}, "segment_ids": t}), "if wanted, padding_mask"),
    (lambda m, t: m(np.tile(t, 3)), "at most max_sequence_length=12; given 18"),
    (lambda m, t: m(t[0]), r"token_ids must have 2 axes, \(B, T\)"),
    (lambda m, t: m({"token_ids": t, "padding_mask": t[:, :2] > 0}), "padding_mask"),
    (lambda m, t: m.initial_cache(t, 13), "max_length must be at most"),
]


@pytest.mark.parametrize(("do", "message"), BAD)
def test_what_does_not_fit_is_refused(tokens, do, message):
    with pytest.raises(ValueError, match=message):
        do(GPT(**SIZES), tokens)


def test_a_token_that_is_none(tokens):
    if keras.backend.backend() == "torch":
        pytest.skip("always eager there, and a GPU would wait")
    with pytest.raises(ValueError, match="whole numbers from 0 to 29"):
        GPT(**SIZES)(tokens + V)
