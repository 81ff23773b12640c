"""Text from a `Transformer` in every precision: greedy, sampled, beams."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.generation import Greedy, Sample, beam_search, generate, jit
from tlkeras.models import Transformer

# What a few roundings make of logits of size 1.
TOLERANCES = {"float64": 1e-5, "float32": 1e-5, "float16": 2e-2, "bfloat16": 1e-1}
POLICIES = [*TOLERANCES, "mixed_float16", "mixed_bfloat16"]
if keras.backend.backend() != "tensorflow":
    POLICIES.remove("float64")  # which Keras computes in float32 there

BEGIN, END, LENGTH, BEAMS = 1, 2, 6, 3
every_policy = pytest.mark.parametrize("policy", POLICIES)


@pytest.fixture
def model(policy):
    """With weights that no half type rounds, and logits that differ."""
    model = Transformer(20, 30, 8, 2, 1, 1, intermediate_dim=16, dtype=policy)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.integers(-64, 65, weight.shape) / 64)
    return model


@pytest.fixture
def source(rng):
    ids = rng.integers(3, 19, (2, 5))
    ids[1, 3:] = 0
    return ids


def numpy(x):
    return ops.convert_to_numpy(x).astype("float64")


def log_probabilities(model, source, target):
    """Of each token after those before it, read all at once and without a cache."""
    inputs = {"source_ids": source, "target_ids": target}
    logits = numpy(model(inputs))  # (B, T, V)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def compute_dtype(model):
    return keras.dtype_policies.get(model.dtype_policy).compute_dtype


def decode(model, source, sampler, compiled=False):
    def answer(source, prompt):
        cache = model.initial_cache(source, LENGTH)
        return generate(model.step, prompt, LENGTH, END, cache, sampler)

    answer = jit(answer, model) if compiled else answer
    tokens = answer(ops.convert_to_tensor(source), np.full((2, 1), BEGIN, "int32"))
    return ops.convert_to_numpy(tokens)


@every_policy
def test_a_step_gives_what_the_whole_target_gives(model, source, rng, policy):
    target = rng.integers(3, 29, (2, LENGTH))
    logits = numpy(model({"source_ids": source, "target_ids": target}))
    cache = model.initial_cache(source, LENGTH)
    dtype = compute_dtype(model)
    for index in range(LENGTH):
        step, cache = model.step(target[:, index : index + 1], cache, index)
        assert keras.backend.standardize_dtype(step.dtype) == dtype
        tolerance = TOLERANCES[dtype] * np.abs(logits).max()
        np.testing.assert_allclose(numpy(step), logits[:, index], atol=tolerance)
    keys = [x for block in cache["blocks"] for x in block]
    assert {keras.backend.standardize_dtype(x.dtype) for x in keys} == {dtype}


@every_policy
def test_greedy(model, source, policy):
    """Each token is the likeliest, to what the type can tell apart."""
    tokens = decode(model, source, Greedy(), compiled=True)
    chances = log_probabilities(model, source, tokens)
    tolerance = 2 * TOLERANCES[compute_dtype(model)] * np.abs(chances).max()
    for row in range(2):
        for t in range(LENGTH - 1):
            if END in tokens[row, : t + 1]:
                break
            chosen = chances[row, t, tokens[row, t + 1]]
            assert chosen >= chances[row, t].max() - tolerance


@every_policy
def test_sampling(model, source, policy):
    tokens = decode(model, source, Sample(temperature=0.7, top_k=5, top_p=0.9, seed=1))
    assert ((tokens >= 0) & (tokens < 30)).all()
    assert (tokens[:, 0] == BEGIN).all()


@every_policy
def test_beams(model, source, policy):
    """Their scores are those of a model that reads them without a cache."""
    prompt = np.full((2, 1), BEGIN, "int32")
    cache = model.initial_cache(ops.convert_to_tensor(source), LENGTH)
    settings = {"num_beams": BEAMS, "length_penalty": 0.0}
    tokens, scores = beam_search(model.step, prompt, LENGTH, END, cache, **settings)
    tokens, scores = ops.convert_to_numpy(tokens), numpy(scores)
    assert (np.diff(scores) <= 0).all()
    for beam in range(BEAMS):
        chances = log_probabilities(model, source, tokens[:, beam])
        tolerance = TOLERANCES[compute_dtype(model)] * np.abs(chances).max()
        for row in range(2):
            ids = tokens[row, beam].tolist()
            last = ids.index(END) if END in ids else LENGTH - 1
            total = sum(chances[row, t, ids[t + 1]] for t in range(last))
            assert abs(scores[row, beam] - total) <= last * tolerance
