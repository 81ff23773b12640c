"""The Transformer by what it does: shapes, masks, causality, caches, saving."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import beam_search, generate, jit
from tlkeras.models import Transformer

SIZES = {
    "source_vocabulary_size": 20,
    "target_vocabulary_size": 30,
    "hidden_dim": 8,
    "num_heads": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 3,
    "intermediate_dim": 16,
    "max_sequence_length": 12,
}
B, S, T, V, END = 3, 6, 5, 30, 2


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def close(left, right, tolerance=1e-5):
    np.testing.assert_allclose(
        numpy(left), numpy(right), rtol=tolerance, atol=tolerance
    )


@pytest.fixture
def model(rng):
    return randomize(Transformer(**SIZES), rng)


def randomize(model, rng):
    """No weight is zero, so that none can hide."""
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture
def inputs(rng):
    """Sources of 6, 4 and 5 tokens and targets of 5, 3 and 4, padded with 0."""
    source, target = rng.integers(3, 19, (B, S)), rng.integers(3, 29, (B, T))
    source[1, 4:] = source[2, 5:] = 0
    target[1, 3:] = target[2, 4:] = 0
    return {"source_ids": source, "target_ids": target}


def test_shapes(model, inputs):
    logits, scores = model(inputs, return_attention_scores=True)
    assert tuple(logits.shape) == (B, T, V)
    shapes = {name: [tuple(s.shape) for s in each] for name, each in scores.items()}
    assert shapes == {
        "encoder": [(B, 2, S, S)] * 2,
        "decoder": [(B, 2, T, T)] * 3,
        "memory": [(B, 2, T, S)] * 3,
    }
    close(logits, model(inputs))


def changed(inputs, name, row, column):
    ids = inputs[name].copy()
    ids[row, column] += 1
    return {**inputs, name: ids}


def moved(model, before, after):
    """Which rows and target positions have other logits."""
    difference = np.abs(numpy(model(before)) - numpy(model(after))).max(axis=-1)
    return {(int(b), int(t)) for b, t in np.argwhere(difference > 1e-6)}


@pytest.mark.parametrize("position", range(T))
def test_a_target_token_changes_only_what_follows_it(model, inputs, position):
    after = changed(inputs, "target_ids", 0, position)
    assert moved(model, inputs, after) == {(0, t) for t in range(position, T)}


def test_without_the_causal_mask_it_changes_everything(model, inputs):
    after = changed(inputs, "target_ids", 0, T - 1)
    before, after = (numpy(model(x, use_causal_mask=False)) for x in (inputs, after))
    assert (np.abs(before - after).max(axis=-1)[0] > 1e-6).all()


def test_a_source_token_changes_every_target_of_its_row(model, inputs):
    after = changed(inputs, "source_ids", 1, 2)
    assert moved(model, inputs, after) == {(1, t) for t in range(T)}


def with_masks(inputs):
    """The same padding, said with masks."""
    masks = {f"{n}_padding_mask": inputs[f"{n}_ids"] != 0 for n in ("source", "target")}
    return {**inputs, **masks}


def test_the_content_of_padding_changes_nothing(model, inputs):
    before = with_masks(inputs)
    after = changed(changed(before, "source_ids", 1, 5), "target_ids", 1, 3)
    close(model(before), model(inputs))
    assert moved(model, before, after) == {(1, 3)}  # its own, which means nothing


def test_more_padding_changes_nothing(model, inputs):
    longer = {name: np.pad(ids, ((0, 0), (0, 2))) for name, ids in inputs.items()}
    close(model(longer)[:, :T], model(inputs))


@pytest.mark.parametrize("batched", [False, True])
def test_masks_hide_what_they_say(model, inputs, batched):
    def hiding(rows, columns, column):
        mask = np.ones((rows, columns), bool)
        mask[:, column] = False
        return np.tile(mask, (B, 1, 1)) if batched else mask

    # Nobody in the source looks at token 2, and no target does: it changes nothing.
    masks = {"source_mask": hiding(S, S, 2), "memory_mask": hiding(T, S, 2)}
    hidden = {**inputs, **masks}
    assert not moved(model, hidden, changed(hidden, "source_ids", 0, 2))
    assert moved(model, inputs, changed(inputs, "source_ids", 0, 2))
    # Nobody but token 1 itself (a residual) sees target token 1.
    hidden = {**inputs, "target_mask": hiding(T, T, 1)}
    assert moved(model, hidden, changed(hidden, "target_ids", 0, 1)) == {(0, 1)}


def test_a_memory_mask_of_its_own(model, inputs):
    keep = inputs["source_ids"] != 0
    keep[0, 1] = False
    given = {**inputs, "memory_padding_mask": keep}
    _, scores = model(given, return_attention_scores=True)
    assert (numpy(scores["memory"][-1])[0, :, :, 1] == 0).all()
    assert (numpy(scores["encoder"][-1])[0, :, :, 1] > 0).all()


CONFIGS = [
    {"normalize_first": True, "activation": "gelu_tanh", "tie_weights": False},
    {"final_layer_norm": True, "activation": keras.activations.silu, "dropout": 0.3},
    {"normalize_first": True, "final_layer_norm": False, "padding_id": 7},
    {"layer_norm_epsilon": 1e-3, "name": "mine", "dtype": "mixed_float16"},
]


@pytest.mark.parametrize("arguments", CONFIGS)
def test_config_round_trip(arguments, inputs):
    model = Transformer(**SIZES, **arguments)
    twin = Transformer.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    for name, value in arguments.items():
        assert name in ("activation", "dtype") or getattr(twin, name) == value
    assert [w.path for w in twin.weights] == [w.path for w in model.weights]
    twin.set_weights(model.get_weights())
    close(twin(inputs), model(inputs))


@pytest.mark.parametrize("arguments", CONFIGS[:2])
def test_save_and_load(arguments, inputs, tmp_path):
    model = Transformer(**SIZES, **arguments)
    model.save(tmp_path / "model.keras")
    close(keras.models.load_model(tmp_path / "model.keras")(inputs), model(inputs))


def test_a_step_of_fit_moves_every_weight(inputs):
    model = Transformer(**SIZES, final_layer_norm=True, dropout=0.0)
    model.compile("sgd", "mse", jit_compile=True)
    before = model.get_weights()
    model.fit(inputs, np.ones((B, T, V)), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        # Adding a number to all keys changes no softmax.
        expected = "key/bias" not in weight.path
        assert np.any(np.abs(numpy(weight.value) - old) > 1e-9) == expected, weight.path


def test_dropout_only_in_training(inputs):
    model = Transformer(**SIZES, dropout=0.5)
    close(model(inputs), model(inputs))
    assert np.abs(numpy(model(inputs, training=True) - model(inputs))).max() > 0.01


@pytest.mark.parametrize("arguments", [{}, CONFIGS[0]])
@pytest.mark.parametrize("compiled", [False, True])
def test_greedy_decoding_with_a_cache_equals_recomputation(
    rng, inputs, arguments, compiled
):
    model = randomize(Transformer(**SIZES, **arguments), rng)
    source = inputs["source_ids"]

    def write(source):
        cache = model.initial_cache(source, max_length=10)
        begin = ops.ones((B, 1), dtype="int32")
        return generate(model.step, begin, 10, end_id=END, cache=cache)

    written = numpy((jit(write, model) if compiled else write)(ops.array(source)))
    tokens = np.ones((B, 1), int)
    for _ in range(9):
        logits = numpy(model({"source_ids": source, "target_ids": tokens}))[:, -1]
        token = np.where((tokens == END).any(axis=1), 0, logits.argmax(axis=-1))
        tokens = np.concatenate([tokens, token[:, None]], axis=1)
    assert written.tolist() == tokens.tolist()


def test_a_prompt_of_several_tokens_is_read_at_once(model, inputs):
    source, target = inputs["source_ids"], inputs["target_ids"]
    cache = model.initial_cache(source, max_length=8)
    logits, _ = model.step(target[:, :3], cache, 0)
    expected = model({"source_ids": source, "target_ids": target[:, :3]})[:, -1]
    close(logits, expected)


def test_beam_search_scores_are_those_of_the_model(model, inputs):
    source = inputs["source_ids"]

    def search(source):
        cache = model.initial_cache(source, max_length=6)
        begin = ops.ones((B, 1), dtype="int32")
        return beam_search(
            model.step, begin, 6, cache=cache, num_beams=3, length_penalty=0.0
        )

    tokens, scores = numpy(jit(search, model)(ops.array(source)))
    for beam in range(3):
        read = {"source_ids": source, "target_ids": tokens[:, beam, :-1]}
        logs = numpy(ops.log_softmax(model(read)))  # (B, 5, V)
        chosen = np.take_along_axis(logs, tokens[:, beam, 1:, None], axis=-1)
        close(chosen.sum(axis=(1, 2)), scores[:, beam], 1e-4)
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3}, "hidden_dim must be a multiple of num_heads"),
        ({"hidden_dim": 0}, "hidden_dim must be a positive integer"),
        ({"num_encoder_layers": 1.5}, "num_encoder_layers must be a positive integer"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"source_vocabulary_size": -1}, "source_vocabulary_size must be a positive"),
        ({"max_sequence_length": None}, "max_sequence_length must be a positive"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transformer(**{**SIZES, **arguments})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_ids": None}, "source_ids must be integers"),
        ({"source": np.ones((B, S), int)}, "inputs must be a dictionary of source_ids"),
        ({"target_ids": np.ones((2, T), int)}, "as many rows"),
        ({"target_ids": np.ones((B,), int)}, "target_ids must have 2 axes"),
        ({"target_ids": np.ones((B, 13), int)}, "at most max_sequence_length=12"),
        ({"source_ids": np.ones((B, S))}, "source_ids must be integers"),
        ({"source_padding_mask": np.ones((B, 5), bool)}, "source_padding_mask must"),
        ({"memory_padding_mask": np.ones((B, T), bool)}, "memory_padding_mask must"),
        ({"memory_mask": np.ones((S, T), bool)}, "memory_mask must have shape"),
        ({"target_mask": np.zeros((T, T))}, "target_mask must be boolean"),
    ],
)
def test_wrong_inputs(model, inputs, change, message):
    with pytest.raises(ValueError, match=message):
        model({**inputs, **change})


def test_inputs_that_are_no_dictionary(model, inputs):
    with pytest.raises(ValueError, match="inputs must be a dictionary"):
        model((inputs["source_ids"], inputs["target_ids"]))


def test_a_cache_that_is_too_long(model, inputs):
    with pytest.raises(ValueError, match="max_length must be at most"):
        model.initial_cache(inputs["source_ids"], max_length=13)
