"""Decoding with a cache against recomputing everything, in plain float64 NumPy."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import Sample, beam_search, generate, jit

VOCABULARY, SIZE, LENGTH, END = 5, 4, 7, 3


class TinyModel:
    """One head of attention without projections: enough to depend on every token."""

    def __init__(self, seed, vocabulary=VOCABULARY):
        random = np.random.default_rng(seed)
        self.embedding = random.normal(size=(vocabulary, SIZE))
        self.position = random.normal(size=(LENGTH, SIZE))
        self.output = random.normal(size=(SIZE, vocabulary)) * 2

    def log_probabilities(self, tokens):
        """Of the token that follows `tokens`, recomputed from nothing."""
        x = self.embedding[list(tokens)] + self.position[: len(tokens)]  # (S, D)
        weights = np.exp(x @ x[-1])
        logits = weights @ x / weights.sum() @ self.output
        return logits - np.log(np.exp(logits).sum())

    def step(self, token_ids, cache, index):
        token_ids = ops.convert_to_tensor(token_ids)
        length = token_ids.shape[1]
        positions = index + ops.arange(length)
        x = ops.take(_floats(self.embedding), token_ids, axis=0)
        x = x + ops.take(_floats(self.position), positions, axis=0)
        memory = ops.slice_update(cache["memory"], (0, index, 0), x)  # (B, L, D)
        weights = ops.exp(ops.einsum("bld,bd->bl", memory, x[:, -1]))
        weights = ops.where(ops.arange(LENGTH) <= positions[-1], weights, 0.0)
        read = ops.einsum("bl,bld->bd", weights, memory)
        logits = ops.matmul(
            read / ops.sum(weights, axis=1)[:, None], _floats(self.output)
        )
        return logits, {"memory": memory, "calls": cache["calls"] + 1}

    def cache(self, batch):
        zeros = np.zeros((batch, LENGTH, SIZE), "float32")
        return {"memory": zeros, "calls": np.zeros((batch,), "int32")}

    def arguments(self, prompt, **settings):
        prompt = np.array(prompt)
        return {
            "step": self.step,
            "prompt": prompt,
            "max_length": LENGTH,
            "cache": self.cache(len(prompt)),
            **settings,
        }


def _floats(x):
    return ops.convert_to_tensor(x, "float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def padded(tokens, value=0):
    return [*tokens, *[value] * (LENGTH - len(tokens))]


def naive_greedy(model, prompt):
    tokens = list(prompt)
    while len(tokens) < LENGTH:
        tokens.append(int(np.argmax(model.log_probabilities(tokens))))
        if tokens[-1] == END:
            break
    return padded(tokens)


# Greedy


@pytest.mark.parametrize("seed", range(3))
def test_greedy_equals_recomputation(seed):
    model = TinyModel(seed)
    prompts = [[1, 2], [4, 0], [2, 2]]
    tokens = generate(**model.arguments(prompts, end_id=END))
    assert numpy(tokens).tolist() == [naive_greedy(model, p) for p in prompts]


@pytest.mark.parametrize("seed", range(3))
def test_a_ragged_prompt_gives_each_row_what_it_gets_alone(seed):
    model = TinyModel(seed)
    prompts = [[1], [4, 0, 1, 2], [2, END, 2]]
    mask = np.array([[n < len(p) for n in range(4)] for p in prompts])
    padding = [p + [4] * (4 - len(p)) for p in prompts]
    tokens = generate(**model.arguments(padding, end_id=END, padding_mask=mask))
    assert numpy(tokens).tolist() == [naive_greedy(model, p) for p in prompts]


def test_compiled_equals_eager():
    model = TinyModel(0)
    prompt = np.array([[1, 2, 0], [4, 0, 2]])
    mask = np.array([[True, True, False], [True, True, True]])

    def answer(prompt, mask):
        settings = {"end_id": END, "padding_mask": mask, "padding_id": 1}
        return generate(model.step, prompt, LENGTH, cache=model.cache(2), **settings)

    assert (
        numpy(jit(answer)(prompt, mask)).tolist()
        == numpy(answer(prompt, mask)).tolist()
    )


def test_several_end_tokens():
    model = TinyModel(1)
    free = numpy(generate(**model.arguments([[1]])))[0].tolist()
    ends = {token: free.index(token, 1) for token in set(free[1:])}
    first, second = sorted(ends, key=ends.get)[:2]
    tokens = generate(**model.arguments([[1]], end_id=(second, first)))
    assert numpy(tokens)[0].tolist() == padded(free[: ends[first] + 1])


def count_upwards(token_ids, cache, index):
    return ops.one_hot(ops.convert_to_tensor(token_ids)[:, -1] + 1, 20), cache


@pytest.fixture
def steps_of(monkeypatch):
    """Runs a decoder compiled, and says at which position its loop stopped."""

    def run(decode, prompt):
        final = []
        loop = ops.while_loop

        def recording(*args, **kwargs):
            state = loop(*args, **kwargs)
            final.append(state[0])
            return state

        def answer(prompt):
            decode(prompt)
            return final.pop()

        monkeypatch.setattr(ops, "while_loop", recording)
        return int(jit(answer)(np.array(prompt)))

    return run


@pytest.mark.parametrize(
    ("prompt", "end_id", "steps"),
    [
        ([[1], [3]], 5, 4),
        ([[4], [4]], 5, 1),
        ([[1], [3]], None, 14),
        ([[1], [3]], 2, 14),
    ],
)
def test_stops_when_every_row_has_ended(steps_of, prompt, end_id, steps):
    decode = lambda prompt: generate(count_upwards, prompt, 15, end_id=end_id)  # noqa: E731
    assert steps_of(decode, prompt) == steps


# Sampling

LOGITS = np.array([1.0, 0.2, 2.0, -1.0, 0.9, -3.0])
DRAWS = 20_000


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def expected(temperature=1.0, top_k=None, top_p=None):
    """The distribution after temperature, top-k and top-p, one token at a time."""
    probabilities = softmax(LOGITS / temperature)
    order = sorted(range(len(LOGITS)), key=lambda i: -probabilities[i])[:top_k]
    total, kept, wanted = sum(probabilities[i] for i in order), 0.0, np.zeros(6)
    for i in order:
        if top_p is not None and kept >= top_p:
            break
        wanted[i] = probabilities[i]
        kept += probabilities[i] / total
    return wanted / wanted.sum()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0},
        {"top_k": 3},
        {"top_k": 1},
        {"top_k": 100},
        {"top_p": 0.7},
        {"top_p": 1e-6},
        {"top_p": 1.0},
        {"temperature": 2.0, "top_k": 5, "top_p": 0.8},
    ],
    ids=str,
)
def test_frequencies_of_samples(settings):
    sampler = Sample(**settings, seed=3)
    logits = np.tile(LOGITS, (DRAWS, 1)).astype("float32")
    tokens = numpy(sampler(ops.convert_to_tensor(logits), sampler.draw((DRAWS,))))
    frequencies = np.bincount(tokens, minlength=6) / DRAWS
    wanted = expected(**settings)
    deviation = np.sqrt(wanted * (1 - wanted) / DRAWS)
    assert np.all(np.abs(frequencies - wanted) <= 4.5 * deviation)


def test_an_integer_seed_repeats_and_a_generator_goes_on():
    model = TinyModel(2)
    prompts = np.array([[1, 2], [4, 0], [2, 2]])

    def answers(sampler):
        draw = lambda x: generate(model.step, x, LENGTH, None, model.cache(3), sampler)  # noqa: E731
        draw = jit(draw, sampler)
        return [numpy(draw(prompts)).tolist() for _ in range(2)]

    first, again = answers(Sample(temperature=5.0, seed=7))
    assert first == again
    one, two = answers(Sample(temperature=5.0, seed=keras.random.SeedGenerator(7)))
    assert one != two
    assert [one, two] == answers(
        Sample(temperature=5.0, seed=keras.random.SeedGenerator(7))
    )


def test_float16_logits_are_sampled_in_float32():
    logits = ops.cast(np.tile(LOGITS * 1e-3, (2, 1)), "float16")
    sampler = Sample(temperature=1e-4, seed=0)
    assert numpy(sampler(logits, sampler.draw((2,)))).tolist() == [2, 2]


# Beam search


def penalty(length, power):
    return ((5 + length) / 6) ** power


def every_continuation(model, prompt, length_penalty):
    """All that end, or reach the full length, with their scores; best first."""
    scored = {}
    for tail in itertools.product(range(VOCABULARY), repeat=LENGTH - len(prompt)):
        if END in tail:
            tail = tail[: tail.index(END) + 1]
        if tail not in scored:
            total = sum(
                model.log_probabilities([*prompt, *tail[:i]])[tail[i]]
                for i in range(len(tail))
            )
            scored[tail] = total / penalty(len(tail), length_penalty)
    return sorted(((s, [*prompt, *tail]) for tail, s in scored.items()), reverse=True)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
def test_wide_beam_search_is_exhaustive(length_penalty):
    model = TinyModel(4)
    prompts = [[1, 2, 0, 4], [4, 0, 2, 2]]
    tokens, scores = beam_search(
        **model.arguments(
            prompts, end_id=END, num_beams=25, length_penalty=length_penalty
        )
    )
    for row, prompt in enumerate(prompts):
        best = every_continuation(model, prompt, length_penalty)[:25]
        np.testing.assert_allclose(numpy(scores)[row], [s for s, _ in best], atol=1e-5)
        assert numpy(tokens)[row].tolist() == [padded(t) for _, t in best]


def naive_beam_search(model, prompt, num_beams, length_penalty):
    """Beam search on lists, recomputing every probability."""
    alive, ended = [(0.0, tuple(prompt))], []
    while len(alive[0][1]) < LENGTH:
        grown = [
            (total + log_probability, (*tokens, token))
            for total, tokens in alive
            for token, log_probability in enumerate(model.log_probabilities(tokens))
        ]
        grown = sorted(grown, reverse=True)[: 2 * num_beams]
        length = len(grown[0][1]) - len(prompt)
        score = penalty(length, length_penalty)
        ended += [(s / score, t) for s, t in grown if t[-1] == END]
        ended = sorted(ended, reverse=True)[:num_beams]
        alive = [(s, t) for s, t in grown if t[-1] != END][:num_beams]
    score = penalty(LENGTH - len(prompt), length_penalty)
    ended += [(s / score, t) for s, t in alive]
    return sorted(ended, reverse=True)[:num_beams]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("num_beams", "length_penalty"), [(1, 0.6), (2, 0.0), (3, 1.5)]
)
def test_beam_search_equals_recomputation(seed, num_beams, length_penalty):
    model = TinyModel(seed)
    prompts = [[1], [4, 0, 1], [2, END]]
    mask = np.array([[n < len(p) for n in range(3)] for p in prompts])
    padding = [p + [0] * (3 - len(p)) for p in prompts]
    settings = {"num_beams": num_beams, "length_penalty": length_penalty}
    tokens, scores = beam_search(
        **model.arguments(padding, end_id=END, padding_mask=mask, **settings)
    )
    for row, prompt in enumerate(prompts):
        best = naive_beam_search(model, prompt, **settings)
        np.testing.assert_allclose(numpy(scores)[row], [s for s, _ in best], atol=1e-5)
        assert numpy(tokens)[row].tolist() == [padded(t) for _, t in best]


def test_one_beam_without_an_end_is_greedy():
    model = TinyModel(5)
    tokens, _ = beam_search(**model.arguments([[1, 2], [4, 0]], num_beams=1))
    greedy = generate(**model.arguments([[1, 2], [4, 0]]))
    assert numpy(tokens)[:, 0].tolist() == numpy(greedy).tolist()


def test_compiled_beam_search_equals_eager():
    model = TinyModel(3)
    prompt = np.array([[1, 2], [4, 0]])

    def answer(prompt):
        settings = {"end_id": END, "num_beams": 3, "cache": model.cache(2)}
        return beam_search(model.step, prompt, LENGTH, **settings)

    (tokens, scores), (eager, eager_scores) = jit(answer)(prompt), answer(prompt)
    assert numpy(tokens).tolist() == numpy(eager).tolist()
    np.testing.assert_allclose(numpy(scores), numpy(eager_scores), atol=1e-6)


def test_beam_search_stops_when_nothing_can_win(steps_of):
    def step(token_ids, cache, index):
        likely = ops.where(index < 3, 1, END)
        logits = 20.0 * ops.one_hot(ops.full((4,), likely), VOCABULARY)
        return logits, cache

    decode = lambda prompt: beam_search(step, prompt, 40, end_id=END, num_beams=2)  # noqa: E731
    assert steps_of(decode, [[1], [2]]) < 10


# Compilation and imports


def test_compiled_functions_see_new_weights():
    layer = keras.layers.Embedding(VOCABULARY, VOCABULARY)
    layer.build()

    def answer(prompt):
        return generate(lambda t, cache, i: (layer(t)[:, -1], cache), prompt, 4)

    compiled = jit(answer, layer)
    for token in (2, 4):
        layer.set_weights([np.eye(VOCABULARY)[[token] * VOCABULARY]])
        assert numpy(compiled(np.array([[1]]))).tolist() == [[1, token, token, token]]


def test_import_is_light():
    code = (
        "import sys, keras; before = set(sys.modules); import tlkeras.generation; "
        "print(*{m.split('.')[0] for m in set(sys.modules) - before})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["tlkeras"]


# Wrong arguments

PROMPT = [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": "gpt"}, "step must be a function .* given str"),
        ({"prompt": [1, 2]}, r"prompt must be token ids .* given \(2,\)"),
        ({"prompt": np.zeros((2, 0), int)}, r"at least one token; given \(2, 0\)"),
        ({"prompt": [[1.0, 2.0]]}, "prompt must be integers; given float"),
        ({"prompt": [[np.nan, 2.0]]}, "prompt must be integers; given float"),
        ({"max_length": 1}, "max_length must be .* prompt's 2 .* given 1"),
        ({"max_length": 7.5}, "max_length must be an integer .* given 7.5"),
        (
            {"padding_mask": np.ones((2, 3))},
            r"shape of prompt, \(2, 2\); given \(2, 3\)",
        ),
        ({"padding_mask": [[0, 1], [1, 1]]}, r"padding_mask .* row 0: \[False, True\]"),
        (
            {"padding_mask": [[1, 1], [0, 0]]},
            r"padding_mask .* row 1: \[False, False\]",
        ),
        ({"end_id": 2.5}, "end_id must be .* given 2.5"),
        ({"end_id": "stop"}, "end_id must be .* given 'stop'"),
        ({"sampler": "greedy"}, r"sampler must be Greedy\(\) .* given 'greedy'"),
    ],
)
def test_wrong_arguments(change, message):
    arguments = {"step": count_upwards, "prompt": PROMPT, "max_length": 6, **change}
    with pytest.raises(ValueError, match=message):
        generate(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_beams": 0}, "num_beams must be a positive integer; given 0"),
        ({"num_beams": 2.0}, "num_beams must be a positive integer; given 2.0"),
        ({"length_penalty": -1.0}, "length_penalty must be at least 0; given -1.0"),
        ({"length_penalty": np.nan}, "length_penalty must be at least 0; given nan"),
        ({"cache": np.zeros((3, 4))}, r"cache .* 2 rows.* given one of shape \(3, 4\)"),
    ],
)
def test_wrong_arguments_of_beam_search(change, message):
    with pytest.raises(ValueError, match=message):
        beam_search(count_upwards, PROMPT, 6, **change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, r"temperature must be above 0; given 0.*Greedy\(\)"),
        ({"temperature": -1.0}, "temperature must be above 0; given -1.0"),
        ({"temperature": np.nan}, "temperature must be above 0; given nan"),
        ({"top_k": 0}, "top_k must be a positive integer; given 0"),
        ({"top_k": 2.5}, "top_k must be a positive integer; given 2.5"),
        ({"top_p": 0.0}, "top_p must be above 0, at most 1; given 0.0"),
        ({"top_p": 1.5}, "top_p must be above 0, at most 1; given 1.5"),
        ({"seed": "x"}, "seed must be an integer or .* given 'x'"),
    ],
)
def test_wrong_samplers(settings, message):
    with pytest.raises(ValueError, match=message):
        Sample(**settings)
