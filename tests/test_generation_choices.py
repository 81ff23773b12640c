"""Which tokens a sampler keeps, on paper; streams and log-probabilities."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import Greedy, Sample, generate, jit, stream

VOCABULARY, LENGTH = 7, 9


def numpy(x):
    return ops.convert_to_numpy(x)


def kept(sampler, chances):
    """Token to probability, of those that stay, from probabilities."""
    logits = np.log(np.array([chances], "float32"))
    p, token_ids = (numpy(x)[0] for x in sampler.candidates(logits))
    assert np.all(np.diff(p) <= 0)
    return {int(n): round(float(x), 4) for n, x in zip(token_ids, p, strict=True) if x}


HALVES = [0.125, 0.5, 0.25, 0.125]  # exact in binary


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"top_p": 0.5}, {1: 1.0}),  # reached exactly: nothing more
        ({"top_p": 0.51}, {1: 0.6667, 2: 0.3333}),  # the crossing token stays
        ({"top_p": 0.8}, {1: 0.5714, 2: 0.2857, 0: 0.1429}),
        ({"top_p": 1.0}, {1: 0.5, 2: 0.25, 0: 0.125, 3: 0.125}),
        ({"top_p": 1e-9}, {1: 1.0}),  # never none
        ({"top_k": 3}, {1: 0.5714, 2: 0.2857, 0: 0.1429}),  # of equals the first
        ({"top_k": 99}, {1: 0.5, 2: 0.25, 0: 0.125, 3: 0.125}),
        ({"min_p": 1.0}, {1: 1.0}),
        ({"min_p": 0.5}, {1: 0.6667, 2: 0.3333}),  # exactly half stays
        ({"min_p": 0.51}, {1: 1.0}),
        ({"min_p": 0}, {1: 0.5, 2: 0.25, 0: 0.125, 3: 0.125}),
        # Of the two likeliest, renormalised to 2/3 and 1/3, one reaches 0.6.
        ({"top_k": 2, "top_p": 0.6}, {1: 1.0}),
        ({"top_k": 3, "min_p": 0.3}, {1: 0.6667, 2: 0.3333}),
        ({"temperature": 0.5, "min_p": 0.25}, {1: 0.8, 2: 0.2}),
        ({"temperature": 1e-40, "top_k": 4}, {1: 1.0}),
        ({"temperature": 1e-45, "min_p": 0.1}, {1: 1.0}),
    ],
    ids=str,
)
def test_what_stays(settings, expected):
    assert kept(Sample(**settings), HALVES) == expected


def test_equally_likely_tokens():
    assert kept(Sample(min_p=1), [0.25] * 4) == dict.fromkeys(range(4), 0.25)
    assert len(kept(Sample(top_k=2), [0.25] * 4)) == 2
    assert kept(Sample(temperature=1e-30, top_p=1), [0.5, 0.5]) == {0: 0.5, 1: 0.5}


def test_almost_no_temperature_is_greedy():
    logits = np.random.default_rng(0).normal(size=(50, 20)).astype("float32") * 100
    uniform = np.linspace(0, 0.999, 50).astype("float32")
    for temperature in (1e-3, 1e-20, 1e-45):
        for settings in ({}, {"top_k": 5}, {"min_p": 0.5}):
            found = Sample(temperature, **settings)(logits, uniform)
            assert numpy(found).tolist() == logits.argmax(axis=1).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("make", [Greedy, Sample])
def test_the_penalty(make, dtype):
    """Positive logits are divided, negative ones multiplied; 0 stays; once each."""
    logits = ops.cast(np.array([[2.0, -2.0, 0.0, 3.0], [2.0, -2.0, 0.0, 3.0]]), dtype)
    tokens = np.array([[0, 1, 0, 3], [3, 2, -1, 9]])
    written = np.array([True, True, True, False])
    found = make(repetition_penalty=4.0).adjust(logits, tokens, written)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert numpy(found).tolist() == [[0.5, -8.0, 0.0, 3.0], [2.0, -2.0, 0.0, 0.75]]
    # -1 and 9 are no tokens; the last column is not written yet.
    written_too = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    found = make(repetition_penalty=4.0).adjust(logits, tokens, written_too)
    assert numpy(found).tolist() == [[0.5, -8.0, 0.0, 3.0], [2.0, -2.0, 0.0, 0.75]]
    assert make().adjust(logits, tokens, written_too) is logits


def falling(token_ids, cache, index):
    """The likeliest is token 0, then 1, and so on, whatever was said."""
    logits = ops.cast(ops.arange(VOCABULARY, 0, -1), "float32")
    return ops.tile(logits[None], (token_ids.shape[0], 1)), cache


def test_the_prompt_counts_as_said_and_padding_does_not():
    """Logits 7, 6 … 1, a penalty of 100: each token once, lowest id first."""
    sampler = Greedy(repetition_penalty=100.0)
    prompt = np.array([[1, 0, 0], [0, 3, 5]])
    mask = np.array([[True, False, False], [True, True, True]])
    decode = lambda prompt, mask: generate(  # noqa: E731
        falling, prompt, 6, sampler=sampler, padding_mask=mask
    )
    for run in (decode, jit(decode, sampler)):
        found = numpy(run(prompt, mask)).tolist()
        assert found == [[1, 0, 2, 3, 4, 5], [0, 3, 5, 1, 2, 4]]


class OldSampler:
    """As samplers were before: no `adjust`."""

    variables = ()

    def __call__(self, logits, uniform):
        return ops.argmin(logits, axis=-1)

    def draw(self, shape):
        return ops.zeros(shape)


def test_a_sampler_without_adjust():
    found = generate(falling, [[1]], 3, sampler=OldSampler())
    assert numpy(found).tolist() == [[1, 6, 6]]


# ── log-probabilities and streams, of a model whose logits depend on its tokens ───────


@pytest.fixture
def table():
    """Logits of the token after each token."""
    random = np.random.default_rng(3).normal(size=(VOCABULARY, VOCABULARY))
    return (2 * random).astype("float32")


@pytest.fixture
def step(table):
    def step(token_ids, cache, index):
        last = ops.convert_to_tensor(token_ids)[:, -1]
        return ops.take(ops.convert_to_tensor(table), last, axis=0), cache

    step.is_compiled = True  # taken as it is: compiling costs a second each time
    return step


PROMPTS = {
    "one": ([[1]], None),
    "several": ([[1, 2], [3, 0]], None),
    "ragged": ([[1, 0, 0], [3, 2, 0], [5, 4, 6]], [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
}
SAMPLERS = {
    "greedy": lambda: Greedy(),
    "penalty": lambda: Greedy(repetition_penalty=1.5),
    "sample": lambda: Sample(seed=4),
    "filters": lambda: Sample(0.9, top_k=5, top_p=0.9, seed=5, min_p=0.05),
    "all": lambda: Sample(1.2, 6, 0.95, seed=6, repetition_penalty=1.3),
    "generator": lambda: Sample(seed=keras.random.SeedGenerator(7)),
}


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("end_id", [None, 2, (2, 6)])
@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_a_stream_is_what_generate_returns(step, table, prompt, end_id, make):
    ids, mask = PROMPTS[prompt]
    mask = None if mask is None else np.array(mask, bool)
    settings = {"end_id": end_id, "padding_mask": mask, "padding_id": 0}
    settings["return_log_probabilities"] = True
    whole, chances = map(numpy, generate(step, ids, LENGTH, sampler=make(), **settings))
    found = list(stream(step, ids, LENGTH, sampler=make(), **settings))
    lengths = np.full(len(ids), len(ids[0])) if mask is None else mask.sum(axis=1)
    start = lengths.min()
    columns = np.stack([tokens for tokens, _ in found], axis=1)
    width = columns.shape[1]
    assert columns.tolist() == whole[:, start : start + width].tolist()
    assert (whole[:, start + width :] == 0).all()
    streamed = np.stack([chance for _, chance in found], axis=1)
    np.testing.assert_allclose(streamed, chances[:, start : start + width], atol=1e-6)
    ends = () if end_id is None else np.atleast_1d(end_id)
    log_p = table - np.log(np.exp(table).sum(axis=1, keepdims=True))
    for row in range(len(ids)):
        written = whole[row].tolist()
        stop = next(
            (t for t in range(lengths[row], LENGTH) if written[t] in ends), LENGTH - 1
        )
        expected = np.zeros(LENGTH)
        for t in range(lengths[row], stop + 1):
            expected[t] = log_p[written[t - 1], written[t]]
        np.testing.assert_allclose(chances[row], expected, atol=1e-5)
        assert set(written[stop + 1 :]) <= {0}


def test_log_probabilities_compiled_and_in_half_precision(table):
    def step(token_ids, cache, index):
        last = ops.convert_to_tensor(token_ids)[:, -1]
        half = ops.cast(ops.convert_to_tensor(table), "float16")
        return ops.take(half, last, axis=0), cache

    decode = jit(lambda x: generate(step, x, 6, return_log_probabilities=True))
    tokens, chances = map(numpy, decode(np.array([[1], [2]])))
    assert chances.dtype == np.float32
    log_p = table - np.log(np.exp(table).sum(axis=1, keepdims=True))
    expected = [[log_p[a, b] for a, b in itertools.pairwise(x)] for x in tokens]
    np.testing.assert_allclose(chances[:, 1:], expected, atol=5e-3)


class Letters:
    """A tokenizer of the smallest kind: a letter for each token, held back by one."""

    def stream(self):
        return Held()


class Held:
    def __init__(self):
        self.held = ""

    def add(self, token_id):
        text, self.held = self.held, "abcdefg"[token_id]
        return text

    def finish(self):
        return self.held


@pytest.mark.parametrize("end_id", [None, 2])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_texts_of_a_stream(step, prompt, end_id):
    ids, mask = PROMPTS[prompt]
    mask = None if mask is None else np.array(mask, bool)
    settings = {"end_id": end_id, "padding_mask": mask}
    whole = numpy(generate(step, ids, LENGTH, **settings)).tolist()
    texts = list(stream(step, ids, LENGTH, tokenizer=Letters(), **settings))
    lengths = [len(ids[0])] * len(ids) if mask is None else mask.sum(axis=1)
    for row, length in enumerate(lengths):
        new = whole[row][length:]
        new = new[: new.index(end_id) + 1] if end_id in new else new
        said = "".join(text[row] for text in texts)
        assert said == "".join("abcdefg"[n] for n in new)


def test_a_stream_gives_each_token_at_once_and_compiles_twice(table):
    """Not even the first step is taken before it is asked for."""
    traced = []

    def step(token_ids, cache, index):
        traced.append(tuple(token_ids.shape))
        last = ops.convert_to_tensor(token_ids)[:, -1]
        return ops.take(ops.convert_to_tensor(table), last, axis=0), cache

    compiled = jit(step)
    found = stream(compiled, [[1, 2]], 100)
    assert traced == []
    first = next(found)
    assert first.shape == (1,)
    if keras.backend.backend() != "torch":
        assert traced == [(1, 2), (1, 1)]
        assert len(list(found)) == 97
        list(stream(compiled, [[3, 4]], 50))
        assert traced == [(1, 2), (1, 1)]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: Sample(min_p=1.5), "min_p must be from 0 to 1; given 1.5"),
        (lambda: Sample(min_p="0.1"), "min_p .* given '0.1'"),
        (lambda: Sample(min_p=True), "min_p .* given True"),
        (lambda: Sample(min_p=np.nan), "min_p .* given nan"),
        (lambda: Sample(repetition_penalty=0), "repetition_penalty .* given 0"),
        (lambda: Greedy(repetition_penalty=-1.0), "repetition_penalty .* given -1.0"),
        (lambda: Greedy(repetition_penalty=np.inf), "repetition_penalty .* given inf"),
        (lambda: Greedy(repetition_penalty="2"), "repetition_penalty .* given '2'"),
        (lambda: stream("gpt", [[1]], 3), "step must be a function"),
        (lambda: stream(falling, [[1]], 0), "max_length must be"),
        (lambda: stream(falling, [[1]], 3, sampler=Sample), "sampler .* given <class"),
        (
            lambda: stream(falling, [[1]], 3, tokenizer=3),
            r"have stream\(\).* given int",
        ),
    ],
)
def test_wrong_arguments_are_refused_at_once(do, message):
    with pytest.raises(ValueError, match=message):
        do()


@pytest.mark.parity
@pytest.mark.parametrize(
    ("settings", "warpers"),
    [
        ({"top_k": 7}, ["TopKLogitsWarper(7)"]),
        ({"top_p": 0.7}, ["TopPLogitsWarper(0.7)"]),
        ({"min_p": 0.1}, ["MinPLogitsWarper(0.1)"]),
        (
            {"temperature": 0.6, "top_k": 20, "top_p": 0.8, "min_p": 0.05},
            [
                "TemperatureLogitsWarper(0.6)",
                "TopKLogitsWarper(20)",
                "TopPLogitsWarper(0.8)",
                "MinPLogitsWarper(0.05)",
            ],
        ),
        (
            {"repetition_penalty": 1.7, "top_p": 0.9},
            ["RepetitionPenaltyLogitsProcessor(1.7)", "TopPLogitsWarper(0.9)"],
        ),
    ],
    ids=str,
)
def test_the_same_stay_in_transformers(settings, warpers):
    import torch
    from transformers.generation import logits_process

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(64, 50)).astype("float32") * 2
    tokens = rng.integers(0, 50, (64, 12))
    theirs = torch.tensor(logits)
    for warper in warpers:
        process = eval(f"logits_process.{warper}", {"logits_process": logits_process})
        theirs = process(torch.tensor(tokens), theirs)
    theirs = torch.softmax(theirs, dim=-1).numpy()
    sampler = Sample(**{"top_p": 1.0, **settings})
    adjusted = sampler.adjust(logits, tokens, np.ones(12, bool))
    p, ids = map(numpy, sampler.candidates(adjusted))
    ours = np.zeros_like(theirs)
    np.put_along_axis(ours, ids, p, axis=1)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
