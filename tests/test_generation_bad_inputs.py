"""What `generate`, `beam_search`, the samplers and `jit` refuse, beyond ranges."""

import numpy as np
import pytest
from keras import ops

from tlkeras.generation import Greedy, Sample, beam_search, generate, jit

PROMPT = [[1, 2], [3, 4]]


def logits_of(token_ids):
    return ops.one_hot(ops.convert_to_tensor(token_ids) + 1, 9)  # (B, T, V)


def count(token_ids, cache, index):
    return logits_of(token_ids)[:, -1], cache


STEPS = {
    "logits alone": (lambda t, c, i: count(t, c, i)[0], "step must return .* pair"),
    "every position": (
        lambda t, c, i: (logits_of(t), c),
        r"step must return logits of shape \(2, vocabulary\).* given \(2, 2, 9\)",
    ),
    "rows of another batch": (
        lambda t, c, i: (ops.ones((3, 9)), c),
        r"logits of shape \(2, vocabulary\).* given \(3, 9\)",
    ),
    "a cache that grows": (
        lambda t, c, i: (count(t, c, i)[0], ops.concatenate([c, c], axis=1)),
        r"cache of the shapes that it got, \[\(2, 4\)\]; given \[\(2, 8\)\]",
    ),
    "a cache that is lost": (
        lambda t, c, i: (count(t, c, i)[0], ()),
        r"cache of the shapes that it got, \[\(2, 4\)\]; given \[\]",
    ),
}


@pytest.mark.parametrize("rows", [1, 2])
def test_a_step_with_fewer_rows_than_beams(rows):
    def step(token_ids, cache, index):
        return ops.ones((rows, 9)), cache

    with pytest.raises(ValueError, match=rf"shape \(3, vocabulary\).* \({rows}, 9\)"):
        beam_search(step, [[1]], 6, num_beams=3)


@pytest.mark.parametrize("decode", [generate, beam_search])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_returns_something_else(name, decode):
    step, message = STEPS[name]
    with pytest.raises(ValueError, match=message):
        decode(step, PROMPT, 6, cache=np.zeros((2, 4), "float32"))


@pytest.mark.parametrize("decode", [generate, beam_search])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "hello"}, r"prompt must be token ids .* given \(\)"),
        ({"prompt": [[1], [1, 2]]}, "prompt must have rows of one length; given rows"),
        ({"prompt": [[True, False]]}, "prompt must be integers; given bool"),
        ({"prompt": [[1, -1], [1, 2]]}, "prompt must hold ids of at least 0; given -1"),
        ({"prompt": [[1]], "max_length": True}, "max_length must be .* given True"),
        ({"max_length": "6"}, "max_length must be an integer .* given '6'"),
        ({"end_id": True}, "end_id must be .* given True"),
        ({"end_id": (1, 2.5)}, r"end_id must be .* given \(1, 2.5\)"),
        ({"padding_id": "0"}, "padding_id must be an integer; given '0'"),
        ({"padding_id": 0.5}, "padding_id must be an integer; given 0.5"),
        ({"padding_mask": np.ones((2, 2))}, "padding_mask must be .* dtype float64"),
        ({"padding_mask": "yes"}, r"padding_mask .* \(2, 2\); given \(\)"),
        ({"cache": np.zeros((3, 4))}, r"cache .* 2 rows.* given one of shape \(3, 4\)"),
        ({"cache": None}, "cache must hold tensors of 2 rows.* given None"),
    ],
)
def test_wrong_arguments(decode, change, message):
    with pytest.raises(ValueError, match=message):
        decode(**{"step": count, "prompt": PROMPT, "max_length": 6, **change})


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: generate(count, PROMPT, 6, sampler=Sample), "sampler .* given <class"),
        (lambda: beam_search(count, PROMPT, 6, num_beams=True), "num_beams .* True"),
        (lambda: beam_search(count, PROMPT, 6, num_beams="4"), "num_beams .* '4'"),
        (
            lambda: beam_search(count, PROMPT, 6, length_penalty="0.6"),
            "length_penalty .* given '0.6'",
        ),
        (
            lambda: beam_search(count, PROMPT, 6, length_penalty=np.inf),
            "length_penalty .* given inf",
        ),
        (lambda: Sample(temperature="1"), "temperature .* given '1'"),
        (lambda: Sample(temperature=np.inf), "temperature .* given inf"),
        (lambda: Sample(temperature=None), "temperature .* given None"),
        (lambda: Sample(top_k=True), "top_k .* given True"),
        (lambda: Sample(top_p="1"), "top_p .* given '1'"),
        (lambda: Sample(seed=True), "seed .* given True"),
        (lambda: Sample()(np.ones(3), np.ones(1)), r"logits .* given \(3,\)"),
        (lambda: Greedy()(np.ones((1, 2, 3))), r"logits .* given \(1, 2, 3\)"),
        (lambda: jit(3), "function must be a function; given 3"),
        (lambda: jit(count, 3), "stateful must be .* given 3"),
    ],
)
def test_wrong_samplers_and_options(do, message):
    with pytest.raises(ValueError, match=message):
        do()
