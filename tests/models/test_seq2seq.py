"""A decoder on any encoder: copying, steps with a cache, sharing, warm start."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.generation import beam_search, generate, jit
from tlkeras.models import GPT, Bert, Seq2Seq, SpeechEncoder, T5Encoder, ViT
from tlkeras.models._copying import copy_log_probabilities

STACK = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
B, S, T, V = 3, 7, 5, 20
KEEP = np.arange(S) < np.array([[7], [4], [5]])


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


def bert(**others):
    return Bert(V, max_sequence_length=S, use_pooler=False, **STACK, **others)


def vit(**others):
    return ViT((8, 12, 1), 4, **STACK, **others)


def speech(**others):
    return SpeechEncoder(num_mels=17, strides=(2, 2), **STACK, **others)


def text(rng):
    tokens = rng.integers(1, V, (B, S))
    tokens[:, 2] = tokens[:, 0]  # repeated
    return {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": KEEP,
    }


def sound(rng):
    features = rng.normal(size=(B, 24, 17)).astype("float32")
    return {"features": features, "padding_mask": np.arange(24) < [[24], [9], [17]]}


def t5(**others):
    return T5Encoder(V, num_buckets=4, max_distance=6, key_dim=3, **STACK, **others)


def plain(rng):
    return {name: x for name, x in text(rng).items() if name != "segment_ids"}


T5 = {
    "positions": "relative",
    "num_buckets": 4,
    "max_distance": 3,
    "normalization": "rms",
    "activation": "geglu",
    "use_bias": False,
    "key_dim": 5,
    "share_embedding": True,
}
MAKERS = {
    "like a T5": (t5, plain, {**T5, "tie_weights": False}),
    "copied by a T5": (t5, plain, {**T5, "copy": True}),
    "text": (bert, text, {}),
    "copied text": (bert, text, {"copy": True, "share_embedding": True}),
    "images": (
        vit,
        lambda rng: rng.random((B, 8, 12, 1), dtype="float32"),
        {"vocabulary_size": V, "hidden_dim": 6},
    ),
    "speech": (speech, sound, {"vocabulary_size": V, "normalize_first": False}),
}
every_source = pytest.mark.parametrize("kind", MAKERS)


@pytest.fixture
def targets(rng):
    return rng.integers(3, V, (B, T)).astype("int32")


def made(kind, rng):
    """A model with random weights, and a source for it."""
    encoder, source, arguments = MAKERS[kind]
    model = Seq2Seq(encoder(), 2, 2, 12, max_sequence_length=9, **arguments)
    return randomize(model, rng), source(rng)


# ── copying ───────────────────────────────────────────────────────────────────────────


def mixture(logits, switch, attention, source_ids, keep):
    """The same in float64, word by word."""
    logits, switch, attention = (
        np.asarray(x, "float64") for x in (logits, switch, attention)
    )
    chances = np.exp(logits - logits.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    written = 1 / (1 + np.exp(-switch))
    for b in range(len(logits)):
        if keep[b].any():
            chances[b] *= written[b][:, None]
            for s in np.flatnonzero(keep[b]):
                chances[b, :, source_ids[b, s]] += (1 - written[b]) * attention[b, :, s]
    return chances


@pytest.fixture
def parts(rng):
    attention = np.exp(rng.normal(size=(B, T, S))) * KEEP[:, None]
    attention /= attention.sum(axis=-1, keepdims=True)
    return (
        rng.normal(size=(B, T, V)),
        rng.normal(size=(B, T)),
        attention,
        text(rng)["token_ids"],
    )


def test_the_mixture_is_that_of_two_distributions(parts):
    found = np.exp(numpy(copy_log_probabilities(*parts, KEEP)))
    np.testing.assert_allclose(found, mixture(*parts, KEEP), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_a_word_that_stands_twice_gets_both():
    attention = np.array([[[0.5, 0.2, 0.3]]])
    found = copy_log_probabilities(
        np.zeros((1, 1, 4)), np.full((1, 1), -50.0), attention, np.array([[2, 1, 2]])
    )
    np.testing.assert_allclose(np.exp(numpy(found))[0, 0], [0, 0.2, 0.8, 0], atol=1e-6)


def test_padding_is_not_copied(parts):
    logits, switch, attention, source_ids = parts
    even = np.full_like(attention, 1 / S)  # what is hidden is looked at all the same
    other = np.where(KEEP, source_ids, 0)
    close(
        copy_log_probabilities(logits, switch, even, source_ids, KEEP),
        copy_log_probabilities(logits, switch, even, other, KEEP),
    )


def test_a_source_of_padding_alone_is_written(parts):
    keep = KEEP & np.array([[True], [False], [True]])
    found = np.exp(numpy(copy_log_probabilities(*parts, keep)))
    np.testing.assert_allclose(found, mixture(*parts, keep), atol=1e-6)
    np.testing.assert_allclose(found[1].sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("switch", [-200.0, 200.0])
def test_extreme_chances_stay_finite(parts, switch):
    logits, _, attention, source_ids = parts
    arrays = [ops.convert_to_tensor(300 * logits, "float32"), np.full((B, T), switch)]
    found = numpy(copy_log_probabilities(*arrays, attention, source_ids, KEEP))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1, atol=1e-5)


def test_what_the_model_copies(rng, targets):
    """From its own parts: logits, the switch, and the mean of the last attention."""
    model, source = made("copied text", rng)
    inputs = {"source": source, "target_ids": targets}
    found, scores = model(inputs, return_attention_scores=True)
    memory, keep = model.encoder.read(source)
    logits = model.decode(targets, memory, encoder_padding_mask=keep)
    written = numpy(scores["written"][0]).astype("float64")
    switch = np.log(written / (1 - written))
    attention = numpy(scores["memory"][-1]).mean(axis=1)
    wanted = mixture(logits, switch, attention, source["token_ids"], KEEP)
    np.testing.assert_allclose(np.exp(numpy(found)), wanted, atol=1e-5)
    assert np.ptp(written) > 0.01


def test_a_switch_that_is_off_copies_only(rng, targets):
    model, source = made("copied text", rng)
    model.copy_switch.kernel.assign(ops.zeros_like(model.copy_switch.kernel))
    model.copy_switch.bias.assign([-60.0])
    chances = np.exp(numpy(model({"source": source, "target_ids": targets})))
    for row, keep, ids in zip(chances, KEEP, source["token_ids"], strict=True):
        there = np.isin(np.arange(V), ids[keep])
        assert (row[:, ~there] < 1e-20).all()
        assert (row[:, there] > 1e-6).all()


# ── steps ─────────────────────────────────────────────────────────────────────────────


@every_source
@pytest.mark.parametrize("first", [1, 3])
def test_steps_equal_the_whole(rng, targets, kind, first):
    model, source = made(kind, rng)
    whole = model({"source": source, "target_ids": targets})
    cache = model.initial_cache(source, 9)
    logits, cache = model.step(targets[:, :first], cache, 0)
    rows = [logits]
    for index in range(first, T):
        logits, cache = model.step(targets[:, index : index + 1], cache, index)
        rows.append(logits)
    close(ops.stack(rows, axis=1), whole[:, first - 1 :])


@pytest.mark.parametrize("kind", ["copied text", "images"])
def test_generation_equals_reading_all_again(rng, kind):
    model, source = made(kind, rng)

    def write(prompt, source):
        cache = model.initial_cache(source, 6)
        return generate(
            model.step, prompt, 6, cache=cache, return_log_probabilities=True
        )

    text, total = np.ones((B, 1), "int32"), np.zeros((B, 1))
    for _ in range(5):
        logits = numpy(model({"source": source, "target_ids": text}))[:, -1]
        logits = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        text = np.concatenate([text, logits.argmax(-1)[:, None].astype("int32")], 1)
        total += logits.max(axis=-1, keepdims=True)
    arrays = keras.tree.map_structure(ops.convert_to_tensor, source)
    tokens, chances = jit(write, model)(ops.ones((B, 1), "int32"), arrays)
    np.testing.assert_array_equal(numpy(tokens), text)
    np.testing.assert_allclose(numpy(chances).sum(1)[:, None], total, atol=1e-4)


def test_beams_take_their_source_along(rng):
    model, source = made("copied text", rng)
    cache, prompt = model.initial_cache(source, 6), np.ones((B, 1), "int32")
    settings = {"cache": cache, "num_beams": 3, "length_penalty": 0.0}
    tokens, scores = map(numpy, beam_search(model.step, prompt, 6, **settings))
    for beam in range(3):
        inputs = {"source": source, "target_ids": tokens[:, beam]}
        chances = numpy(model(inputs))[:, :-1]  # log-probabilities already
        taken = np.take_along_axis(chances, tokens[:, beam, 1:, None], axis=-1)
        np.testing.assert_allclose(scores[:, beam], taken.sum((1, 2)), atol=1e-4)


# ── masks ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["text", "copied text"])
def test_what_is_hidden_changes_nothing(rng, targets, kind):
    model, source = made(kind, rng)
    other = {**source, "token_ids": np.where(KEEP, source["token_ids"], 0)}
    assert (other["token_ids"] != source["token_ids"]).any()
    close(
        model({"source": source, "target_ids": targets}),
        model({"source": other, "target_ids": targets}),
    )
    shown = {**source, "padding_mask": np.ones_like(KEEP)}
    assert not np.allclose(
        model({"source": source, "target_ids": targets})[1:],
        model({"source": shown, "target_ids": targets})[1:],
        atol=1e-2,
    )


@every_source
def test_a_target_changes_nothing_before_it(rng, targets, kind):
    model, source = made(kind, rng)
    other = targets.copy()
    other[:, 3] = 1
    before = numpy(model({"source": source, "target_ids": targets}))
    after = numpy(model({"source": source, "target_ids": other}))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (np.abs(before - after)[:, 3:].max(axis=(0, 2)) > 1e-4).all()


def test_a_hidden_target_is_not_looked_at(rng, targets):
    model, source = made("text", rng)
    keep = np.ones((B, T), bool)
    keep[:, 1] = False
    other = np.where(keep, targets, 1)
    inputs = {"source": source, "target_padding_mask": keep}
    before, after = (
        numpy(model({**inputs, "target_ids": ids})) for ids in (targets, other)
    )
    np.testing.assert_allclose(before[:, 2:], after[:, 2:], atol=1e-5)
    assert np.abs(before[:, 1] - after[:, 1]).max() > 1e-3


# ── sharing and training ──────────────────────────────────────────────────────────────


def test_the_encoder_is_shared_and_keeps_its_weights(rng):
    encoder = randomize(bert(), rng)
    before = [numpy(weight) for weight in encoder.weights]
    model = Seq2Seq(encoder, 1, 2, 12)
    assert model.encoder is encoder
    for weight, old in zip(encoder.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), old)
    inside = {id(weight) for weight in model.weights}
    assert inside >= {id(weight) for weight in encoder.weights}


def test_one_table_reads_and_writes():
    alone, shared = (
        Seq2Seq(bert(), 1, 2, 12, share_embedding=share) for share in (False, True)
    )
    assert len(alone.weights) == len(shared.weights) + 1
    untied = Seq2Seq(bert(), 1, 2, 12, tie_weights=False)
    assert len(untied.weights) == len(alone.weights) + 1


@pytest.mark.parametrize("frozen", [False, True])
def test_training(rng, targets, frozen):
    model, source = made("copied text", rng)
    model.encoder.trainable = not frozen
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-2), loss, run_eagerly=True)
    inputs = {"source": source, "target_ids": targets}
    names = [weight.path for weight in model.weights]
    before = [numpy(weight) for weight in model.weights]
    history = model.fit(inputs, np.roll(targets, -1, 1), epochs=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    still = {
        name
        for name, weight, old in zip(names, model.weights, before, strict=True)
        if np.array_equal(numpy(weight), old) and not name.endswith("key/bias")
    }
    inside = {
        weight.path
        for weight in model.encoder.weights
        if not weight.path.endswith("key/bias")
    }
    assert still == (inside if frozen else set())


@every_source
def test_saving(rng, targets, kind, tmp_path):
    model, source = made(kind, rng)
    inputs = {"source": source, "target_ids": targets}
    model.save(tmp_path / "model.keras")
    save_to_preset(model, tmp_path / "preset")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for copy in (again, from_preset(tmp_path / "preset")):
        assert copy.get_config() == model.get_config()
        np.testing.assert_array_equal(numpy(copy(inputs)), numpy(model(inputs)))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_half_precision(rng, targets, policy, copy, whole):
    """Of the decoder alone, and of encoder and decoder."""
    encoder = bert(dtype=policy) if whole else bert()
    arguments = {} if whole else {"dtype": policy}
    model = Seq2Seq(encoder, 1, 2, 12, copy=copy, **arguments)
    source = text(rng)
    logits = model({"source": source, "target_ids": targets})
    half = policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(logits.dtype) == (
        "float32" if copy else half
    )
    step, _ = model.step(targets[:, :1], model.initial_cache(source, T), 0)
    assert step.dtype == logits.dtype
    close(ops.cast(step, "float32"), ops.cast(logits[:, 0], "float32"), 0.05)
    if copy:
        np.testing.assert_allclose(np.exp(numpy(logits)).sum(-1), 1, atol=1e-3)


@pytest.mark.parametrize("kind", ["copied text", "images"])
def test_the_scores_on_request(rng, targets, kind):
    model, source = made(kind, rng)
    inputs = {"source": source, "target_ids": targets}
    logits, scores = model(inputs, return_attention_scores=True)
    close(logits, model(inputs))
    length = S if kind == "copied text" else 7  # 6 patches and a class token
    shapes = {name: {tuple(x.shape) for x in each} for name, each in scores.items()}
    wanted = {
        "encoder": {(B, 2, length, length)},
        "decoder": {(B, 2, T, T)},
        "memory": {(B, 2, T, length)},
    }
    written = {"written": {(B, T)}} if kind == "copied text" else {}
    assert shapes == {**wanted, **written}
    assert [len(scores[name]) for name in wanted] == [1, 2, 2]


# ── bad arguments and inputs ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": 3}, "encoder must be one of tlkeras.models.*given int"),
        ({"encoder": GPT(9, **STACK)}, "such as Bert, ViT or Sp.*given GPT"),
        ({"encoder": vit()}, "vocabulary_size must be given, as a ViT reads no words"),
        (
            {"encoder": vit(), "vocabulary_size": V, "copy": True},
            "copy=True needs an encoder of texts .*=20; this encoder has no tokens",
        ),
        (
            {"vocabulary_size": V + 1, "copy": True},
            "copy=True needs .*vocabulary_size=21; this encoder has 20 tokens",
        ),
        (
            {"vocabulary_size": V - 1, "share_embedding": True},
            "share_embedding=True needs .*=19; this encoder has 20 tokens",
        ),
        (
            {"hidden_dim": 4, "share_embedding": True},
            "share_embedding=True needs hidden_dim=8, the width of the en.*given 4",
        ),
        ({"positions": "rotary"}, "positions must be one of 'learned', 'relative'"),
        (
            {"positions": "relative", "num_buckets": 7},
            "num_buckets must be even, at least 2 and below .*given num_buckets=7",
        ),
        ({"normalization": "batch"}, "normalization must be one of 'layer', 'rms'"),
        ({"key_dim": 0}, "key_dim must be a positive integer; given 0"),
        ({"hidden_dim": 9}, "hidden_dim must be a multiple of num_heads"),
        ({"num_layers": 0}, "num_layers must be a positive integer; given 0"),
        ({"dropout": 1}, r"dropout must be a number in \[0, 1\); given 1"),
        ({"copy": "yes"}, "copy must be True or False; given 'yes'"),
    ],
)
def test_bad_arguments(arguments, message):
    given = {"encoder": None, "num_layers": 1, "num_heads": 2, "intermediate_dim": 12}
    given = {**given, "encoder": bert(), **arguments}
    with pytest.raises(ValueError, match=message):
        Seq2Seq(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x["target_ids"], "inputs must be a dictionary of source and target"),
        (
            lambda x: {"source": x["source"]},
            "source and target_ids and, .*given source",
        ),
        (
            lambda x: {**x, "labels": x["target_ids"]},
            "given labels, source, target_ids",
        ),
        (lambda x: {**x, "source": KEEP}, "inputs must be a dictionary of token_ids"),
        (
            lambda x: {**x, "target_ids": x["target_ids"][0]},
            r"target_ids must have 2 axes, \(B, T\)",
        ),
        (
            lambda x: {**x, "target_ids": np.ones((B, 10), "int32")},
            "the length of target_ids must be at most max_sequence_length=9; given 10",
        ),
        (
            lambda x: {**x, "target_ids": x["target_ids"] + V},
            "target_ids must be whole numbers from 0 to 19, below vocabulary_size = 20",
        ),
        (
            lambda x: {**x, "target_ids": x["target_ids"][:2]},
            "source and target_ids must hold as many rows as each other; given 3 and 2",
        ),
        (
            lambda x: {**x, "target_padding_mask": KEEP},
            r"target_padding_mask must have shape \(3, 5\); given \(3, 7\)",
        ),
    ],
)
def test_bad_inputs(rng, targets, change, message):
    model, source = made("text", rng)
    with pytest.raises(ValueError, match=message):
        model(change({"source": source, "target_ids": targets}))


def test_a_cache_that_is_too_long(rng):
    model, source = made("text", rng)
    with pytest.raises(ValueError, match="max_length must be at most max_sequence_l"):
        model.initial_cache(source, 10)
