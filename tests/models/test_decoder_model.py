"""What models that write share, on two small ones: language alone, and captions.

Neither is in the library: they say what a subclass of `DecoderModel` has to write.
"""

import types

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import beam_search, generate, jit
from tlkeras.layers import PositionEmbedding, RotaryEmbedding, TransformerDecoder
from tlkeras.models._decoder_model import DecoderModel

B, T, L, V = 3, 5, 7, 30
D, STATES = 8, 6  # size of the model, and of the states that captions are written from


class Writer(DecoderModel):
    """Causal, without an encoder: a small GPT, whose heads share keys two by two."""

    states_dim: int | None = None
    rotary: RotaryEmbedding | None = RotaryEmbedding()

    def __init__(self, num_layers=2, max_sequence_length=L, dtype=None, **kwargs):
        arguments = {
            "num_layers": num_layers,
            "max_sequence_length": max_sequence_length,
        }
        parts = types.SimpleNamespace()
        parts.token_embedding = keras.layers.ReversibleEmbedding(V, D, dtype=dtype)
        parts.position_embedding = PositionEmbedding(max_sequence_length, dtype=dtype)
        parts.decoder_layers = [
            TransformerDecoder(
                12,
                4,
                normalize_first=True,
                num_key_value_heads=2,
                rotary=self.rotary,
                dtype=dtype,
            )
            for _ in range(num_layers)
        ]
        parts.layer_norm = keras.layers.LayerNormalization(dtype=dtype)
        inputs = {"token_ids": keras.Input((None,), dtype="int32")}
        if self.states_dim:
            inputs["memory"] = keras.Input((None, self.states_dim))
        super().__init__(parts, arguments, inputs, dtype=dtype, **kwargs)

    def embed(self, token_ids, start_index=0, training=None):
        x = self.token_embedding(token_ids)  # (B, T, D)
        return x + self.position_embedding(x, start_index=start_index)

    def read_out(self, x):
        return self.token_embedding(self.layer_norm(x), reverse=True)  # (B, T, V)

    def call(self, token_ids, training=None):
        return self.decode(token_ids, training=training)


class Captioner(Writer):
    """Reads states that something else made, such as Whisper's encoder or a ViT."""

    states_dim, rotary = STATES, None

    def call(self, inputs, training=None):
        return self.decode(
            inputs["token_ids"],
            inputs["states"],
            encoder_padding_mask=inputs.get("padding_mask"),
            training=training,
        )


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
def tokens(rng):
    return rng.integers(3, V, (B, T)).astype("int32")


@pytest.fixture
def states(rng):
    return rng.normal(size=(B, 7, STATES)).astype("float32")


KEEP = np.arange(7) < np.array([[7], [4], [5]])


def by_steps(model, tokens, cache, first):
    """Logits after each position from `first` on, one token a step after the start."""
    logits, cache = model.step(tokens[:, :first], cache, 0)
    rows = [logits]
    for index in range(first, tokens.shape[1]):
        logits, cache = model.step(tokens[:, index : index + 1], cache, index)
        rows.append(logits)
    return ops.stack(rows, axis=1)  # (B, T − first + 1, V)


@pytest.mark.parametrize("first", [1, 3])
def test_steps_of_language_alone_equal_the_whole(rng, tokens, first):
    model = randomize(Writer(), rng)
    found = by_steps(model, tokens, model.initial_cache(tokens, L), first)
    close(found, model(tokens)[:, first - 1 :])


@pytest.mark.parametrize("first", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_steps_of_a_caption_equal_the_whole(rng, tokens, states, masked, first):
    model = randomize(Captioner(), rng)
    keep = KEEP if masked else None
    inputs = {"token_ids": tokens, "states": states}
    whole = model({**inputs, "padding_mask": keep} if masked else inputs)
    found = by_steps(model, tokens, model.initial_cache(states, L, keep), first)
    close(found, whole[:, first - 1 :])


def test_a_token_changes_nothing_before_it(rng, tokens):
    model = randomize(Writer(), rng)
    other = tokens.copy()
    other[:, 3] += 1
    before, after = numpy(model(tokens)), numpy(model(other % V))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before[:, 3:] - after[:, 3:]).min(axis=-1).max() > 0


def test_hidden_states_change_nothing(rng, tokens, states):
    model = randomize(Captioner(), rng)
    inputs = {"token_ids": tokens, "states": states, "padding_mask": KEEP}
    other = {**inputs, "states": np.where(KEEP[..., None], states, 9).astype("float32")}
    close(model(inputs), model(other))
    shown = model({**inputs, "padding_mask": np.ones_like(KEEP)})
    assert np.abs(numpy(shown) - numpy(model(inputs)))[1:].max() > 0.1


def greedily(model, prompt, *states):
    """Each next token from the whole of what stands there, without a cache."""
    text = prompt
    while text.shape[1] < L:
        inputs = {"token_ids": text, "states": states[0]} if states else text
        last = numpy(model(inputs))[:, -1].argmax(axis=-1).astype("int32")
        text = np.concatenate([text, last[:, None]], axis=1)
    return text


def test_generation(rng, tokens, states):
    prompt = tokens[:, :2]
    for kind, source in ((Writer, ()), (Captioner, (states,))):
        model = randomize(kind(num_layers=1), rng)

        def write(prompt, *source, model=model):
            cache = model.initial_cache(*(source or (prompt,)), L)
            return generate(model.step, prompt, L, cache=cache)

        found = jit(write, model)(ops.array(prompt), *map(ops.array, source))
        np.testing.assert_array_equal(numpy(found), greedily(model, prompt, *source))


def test_one_beam_is_greedy(rng, tokens):
    model, prompt = randomize(Writer(num_layers=1), rng), tokens[:, :2]
    cache = model.initial_cache(prompt, L)
    found, _ = beam_search(model.step, prompt, L, cache=cache, num_beams=1)
    np.testing.assert_array_equal(numpy(found)[:, 0], greedily(model, prompt))


def test_scores_go_into_the_lists(rng, tokens, states):
    scores = {"decoder": [], "memory": []}
    Captioner().decode(tokens, states, scores=scores)
    shapes = {name: [tuple(s.shape) for s in each] for name, each in scores.items()}
    assert shapes == {"decoder": [(B, 4, T, T)] * 2, "memory": [(B, 4, T, 7)] * 2}


def test_every_layer_is_built_and_every_weight_learns(rng, tokens):
    model = Writer()
    assert len(model.weights) == 2 + 2 * 16 + 2
    model.compile(
        keras.optimizers.Adam(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    before = [numpy(weight) for weight in model.weights]
    model.fit(tokens, np.roll(tokens, -1, axis=1), verbose=0)
    still = [
        weight.path
        for weight, old in zip(model.weights, before, strict=True)
        if np.array_equal(numpy(weight), old)
    ]
    assert [path for path in still if not path.endswith("key/bias")] == []


def test_saving(rng, tokens, tmp_path):
    model = randomize(Writer(num_layers=1, name="writer"), rng)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", {"Writer": Writer})
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(numpy(loaded(tokens)), numpy(model(tokens)))


def test_what_is_too_long_or_unknown(tokens):
    with pytest.raises(ValueError, match="max_length must be at most max_sequence_l"):
        Writer().initial_cache(tokens, L + 1)
    with pytest.raises(ValueError, match=r"no argument 'num_layer'. Is 'num_layers'"):
        Writer(num_layer=3)
