"""Text from a model, one token at a time: greedy, sampling and beam search.

Everything here works on a **step**, a function of three arguments:

    logits, cache = step(token_ids, cache, index)

It reads the tokens `(B, T)` that stand at positions `index … index + T − 1`, looks at
what `cache` remembers of earlier ones, and returns the logits `(B, V)` of the token that
follows the last, with the cache brought up to date. The cache is a tensor or any nested
list, tuple or dictionary of tensors, whose first axis is B and whose shapes do not
change; whatever else belongs to a row, such as an encoder's output, travels in it too.

Decoding is one `while_loop` with static shapes, which `jit` compiles with XLA.

Axes: B batch, P prompt length, L `max_length`, V vocabulary, K beams.
"""

import functools

import keras
import numpy as np
from keras import ops

from tlkeras import masks


class Greedy:
    """Take the likeliest token.

    Example:

    >>> import numpy as np
    >>> [int(token) for token in Greedy()(np.array([[0.1, 2.0, 0.3]]))]
    [1]
    """

    def __call__(self, logits, uniform=None):
        return ops.argmax(logits, axis=-1)  # (B,)

    def draw(self, shape):
        """Nothing is left to chance: zeros of the given shape."""
        return ops.zeros(shape)

    variables = ()


class Sample:
    """Draw a token at random, the likelier the more often.

    `p = softmax(logits / temperature)`. Then only the `top_k` likeliest tokens stay, and
    of those, renormalised, only the fewest whose probabilities reach `top_p` together.

    Args:
        temperature: below 1 the likely become likelier. Defaults to 1.
        top_k: how many tokens stay. Defaults to `None`: all.
        top_p: the probability that stays. Defaults to `None`: all.
        seed: an integer: every call of `generate` draws the same. A
            `keras.random.SeedGenerator`: each call draws anew, in a sequence that can
            be repeated. Defaults to `None`: a new generator, seeded at random.

    Raises:
        ValueError: an argument is out of range.

    Example:

    >>> import numpy as np
    >>> sampler = Sample(temperature=0.7, top_k=2, seed=1)
    >>> logits = np.array([[0.1, 2.0, 0.3, 1.0]])
    >>> [int(token) for token in sampler(logits, np.array([0.99]))]
    [3]

    Reference:
        Fan et al. (2018), arXiv:1805.04833, section 5.4 (top-k); Holtzman et al.
        (2019), arXiv:1904.09751, section 3.1 (top-p, nucleus sampling).
    """

    def __init__(self, temperature=1.0, top_k=None, top_p=None, seed=None):
        if not temperature > 0:
            raise ValueError(
                f"temperature must be above 0; given {temperature}. For the likeliest "
                "token, use Greedy()."
            )
        if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
            raise ValueError(f"top_k must be a positive integer; given {top_k!r}.")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(f"top_p must be above 0, at most 1; given {top_p!r}.")
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.seed = keras.random.SeedGenerator() if seed is None else seed

    def __call__(self, logits, uniform):
        logits = ops.cast(logits, "float32") / self.temperature  # (B, V)
        size = logits.shape[-1]
        if self.top_k is None and self.top_p is None:
            return _pick(ops.softmax(logits), uniform)
        logits, token_ids = ops.top_k(logits, min(self.top_k or size, size))  # (B, k)
        probabilities = ops.softmax(logits)  # likeliest first
        if self.top_p is not None:
            likelier = ops.cumsum(probabilities, axis=-1) - probabilities
            probabilities = ops.where(likelier < self.top_p, probabilities, 0.0)
        place = _pick(probabilities, uniform)[:, None]  # (B, 1)
        return ops.take_along_axis(token_ids, place, axis=1)[:, 0]  # (B,)

    def draw(self, shape):
        """Numbers in [0, 1), one for each token that will be drawn."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed)

    @property
    def variables(self):
        """The state of the seed generator, for `jit`."""
        return [self.seed.state] if hasattr(self.seed, "state") else []


def _pick(probabilities, uniform):
    """The first place whose cumulated probability exceeds `uniform` of the total."""
    cumulated = ops.cumsum(probabilities, axis=-1)  # (B, V)
    threshold = ops.cast(uniform, cumulated.dtype)[:, None] * cumulated[:, -1:]
    place = ops.sum(ops.cast(cumulated <= threshold, "int32"), axis=-1)  # (B,)
    return ops.minimum(place, probabilities.shape[-1] - 1)


def generate(
    step,
    prompt,
    max_length,
    end_id=None,
    cache=(),
    sampler=None,
    padding_mask=None,
    padding_id=0,
):
    """Continue each row of `prompt` until it ends or is `max_length` tokens long.

    The prompt is read in one step, then one token a step. Rows whose prompt is longer
    than the shortest go on reading it while the others already write, so each row gets
    what it would get alone.

    Args:
        step: `(token_ids, cache, index) → (logits, cache)`, as in this module's head.
        prompt: integers `(B, P)`.
        max_length: L, of prompt and continuation together.
        end_id: the token that ends a row, or a tuple of such. Defaults to `None`: rows
            end at `max_length`.
        cache: what the first step gets. Defaults to `()`.
        sampler: `Greedy()` or `Sample(…)`. Defaults to `Greedy()`.
        padding_mask: boolean `(B, P)`, True at the tokens of a prompt; padding is on the
            right. Defaults to `None`: no padding.
        padding_id: what stands after the end of a row. Defaults to 0.

    Returns:
        Integers `(B, L)`: the prompt, its continuation with the end token, padding.

    Raises:
        ValueError: an argument does not fit the others.

    Example: a model that counts upwards, and ends with 5.

    >>> import numpy as np
    >>> from keras import ops
    >>> count = lambda token_ids, cache, index: (ops.one_hot(token_ids[:, -1] + 1, 9), cache)
    >>> tokens = generate(count, np.array([[1], [3]]), max_length=6, end_id=5)
    >>> [[int(token) for token in row] for row in tokens]
    [[1, 2, 3, 4, 5, 0], [3, 4, 5, 0, 0, 0]]
    """
    sampler = Greedy() if sampler is None else sampler
    _check(step, prompt, max_length, padding_mask)
    prompt, lengths, start = _read(prompt, padding_mask)
    batch, width = prompt.shape
    tokens = _widen(prompt, lengths, max_length, padding_id)  # (B, L)
    if width > 1:
        _, cache = step(prompt, cache, 0)
    uniform = sampler.draw((batch, max_length))  # (B, L)

    def write(index, tokens, cache, ended):
        logits, cache = step(_column(tokens, index), cache, index)  # (B, V)
        token = sampler(logits, _column(uniform, index)[:, 0])  # (B,)
        token = ops.where(ended, padding_id, ops.cast(token, "int32"))
        reading = index + 1 < lengths  # (B,)
        token = ops.where(reading, _column(tokens, index + 1)[:, 0], token)
        ended = ops.logical_or(ended, ~reading & _is_end(token, end_id))
        tokens = ops.slice_update(tokens, (0, index + 1), token[:, None])
        return index + 1, tokens, cache, ended

    def unfinished(index, tokens, cache, ended):
        return ops.logical_and(index + 1 < max_length, ~ops.all(ended))

    ended = ops.zeros((batch,), "bool")
    return ops.while_loop(unfinished, write, (start, tokens, cache, ended))[1]


def beam_search(
    step,
    prompt,
    max_length,
    end_id=None,
    cache=(),
    num_beams=4,
    length_penalty=0.6,
    padding_mask=None,
    padding_id=0,
):
    """Keep the `num_beams` likeliest continuations of each row, and rank those that end.

    A continuation Y scores `log P(Y) / ((5 + |Y|) / 6)^length_penalty`, where |Y| counts
    its end token. A row is finished when no living beam can still beat its worst ended
    one. What has not ended at `max_length` counts as it stands.

    Args:
        step: `(token_ids, cache, index) → (logits, cache)`, as in this module's head.
            It gets B rows for the prompt and B · K for each token after it.
        prompt: integers `(B, P)`.
        max_length: L, of prompt and continuation together.
        end_id: the token that ends a row, or a tuple of such. Defaults to `None`.
        cache: what the first step gets, B rows. Defaults to `()`.
        num_beams: K. Defaults to 4.
        length_penalty: at least 0; the larger, the longer the winners. 0 compares the
            bare probabilities. Defaults to 0.6.
        padding_mask: boolean `(B, P)`, True at the tokens of a prompt; padding is on the
            right. Defaults to `None`: no padding.
        padding_id: what stands after the end of a row. Defaults to 0.

    Returns:
        Integers `(B, K, L)`, the best beam first, and scores `(B, K)`; −∞ where there
        are fewer than K continuations.

    Raises:
        ValueError: an argument does not fit the others.

    Example: two tokens, of which 1 ends a row and is half as likely as 0.

    >>> import numpy as np
    >>> def step(token_ids, cache, index):
    ...     return np.log(np.array([[2 / 3, 1 / 3]] * len(token_ids), "float32")), cache
    >>> tokens, scores = beam_search(
    ...     step, np.array([[0]]), max_length=3, end_id=1, num_beams=2, length_penalty=0.0
    ... )
    >>> np.array(tokens).tolist(), np.round(np.exp(scores), 2).tolist()
    ([[[0, 0, 0], [0, 1, 0]]], [[0.44, 0.33]])

    Reference:
        Wu et al. (2016), arXiv:1609.08144, section 7, equation 14 (without coverage);
        Vaswani et al. (2017), arXiv:1706.03762, section 6.1 (K = 4, penalty 0.6).
    """
    _check(step, prompt, max_length, padding_mask)
    _check_beams(num_beams, length_penalty)
    prompt, lengths, start = _read(prompt, padding_mask)
    batch, width = prompt.shape
    if width > 1:
        _, cache = step(prompt, cache, 0)
    cache = keras.tree.map_structure(lambda x: ops.repeat(x, num_beams, axis=0), cache)
    alive = _widen(prompt, lengths, max_length, padding_id)[:, None]  # (B, 1, L)
    alive = ops.repeat(alive, num_beams, axis=1)  # (B, K, L)
    nothing = np.full((1, num_beams), -np.inf, "float32")
    only_first = np.where(np.arange(num_beams) == 0, 0.0, nothing).astype("float32")

    def score(log_probability, length):
        """Equation 14, for rows whose continuations are `length` `(B,)` tokens long."""
        length = ops.cast(length - lengths, "float32")[:, None]  # (B, 1)
        return log_probability / ((5.0 + length) / 6.0) ** length_penalty

    def extend(index, alive, log_probability, cache, ended, ended_score):
        last = ops.reshape(alive, (batch * num_beams, max_length))  # (B · K, L)
        logits, cache = step(_column(last, index), cache, index)  # (B · K, V)
        reading = (index + 1 < lengths)[:, None]  # (B, 1)
        given = _column(alive[:, 0], index + 1)  # (B, 1)
        parent, token, log_probability = _candidates(
            logits, log_probability, reading, given, 1 + len(_ids(end_id))
        )  # (B, C)
        grown = _choose(alive, parent)  # (B, C, L)
        grown = ops.slice_update(grown, (0, 0, index + 1), token[:, :, None])
        ends = ops.logical_and(_is_end(token, end_id), ~reading)  # (B, C)
        new_score = ops.where(ends, score(log_probability, index + 2), -np.inf)
        ended, ended_score, _ = _best(
            num_beams,
            ops.concatenate([ended, grown], axis=1),
            ops.concatenate([ended_score, new_score], axis=1),
        )
        log_probability = ops.where(ends, -np.inf, log_probability)
        alive, log_probability, chosen = _best(num_beams, grown, log_probability)
        cache = _reorder(cache, ops.take_along_axis(parent, chosen, axis=1))
        return index + 1, alive, log_probability, cache, ended, ended_score

    def unfinished(index, alive, log_probability, cache, ended, ended_score):
        hope = ops.max(score(log_probability, max_length), axis=1)  # (B,)
        hopeless = ops.all(hope <= ops.min(ended_score, axis=1))
        return ops.logical_and(index + 1 < max_length, ~hopeless)

    beams = ops.zeros((batch, 1), "float32")
    _, alive, log_probability, _, ended, ended_score = ops.while_loop(
        unfinished,
        extend,
        (start, alive, beams + only_first, cache, alive, beams + nothing),
    )
    tokens, scores, _ = _best(
        num_beams,
        ops.concatenate([ended, alive], axis=1),
        ops.concatenate([ended_score, score(log_probability, max_length)], axis=1),
    )
    return tokens, scores


def _candidates(logits, log_probability, reading, given, count):
    """The likeliest `count` · K continuations: parents, tokens, log P, each `(B, C)`.

    A row that still reads its prompt keeps its beams, and is given the next token.
    """
    batch, num_beams = log_probability.shape
    size = logits.shape[-1]
    count = min(count, size) * num_beams  # C
    total = ops.log_softmax(ops.cast(logits, "float32"))  # (B · K, V)
    total = ops.reshape(total, (batch, num_beams, size)) + log_probability[:, :, None]
    best, place = ops.top_k(ops.reshape(total, (batch, num_beams * size)), count)
    none = np.full((batch, count - num_beams), -np.inf, "float32")
    unchanged = ops.concatenate([log_probability, none], axis=1)  # (B, C)
    parent = ops.where(reading, np.arange(count) % num_beams, place // size)
    token = ops.where(reading, given, ops.cast(place % size, "int32"))
    return parent, token, ops.where(reading, unchanged, best)


def _best(count, tokens, scores):
    """The `count` rows of `tokens` `(B, C, L)` with the best of `scores` `(B, C)`."""
    scores, chosen = ops.top_k(scores, count)  # (B, K)
    return _choose(tokens, chosen), scores, chosen


def _choose(tokens, chosen):
    return ops.take_along_axis(tokens, chosen[:, :, None], axis=1)  # (B, K, L)


def _reorder(cache, parent):
    """Give each beam what its parent `(B, K)` remembers."""
    batch, num_beams = parent.shape
    first = np.arange(batch, dtype="int32")[:, None] * num_beams  # (B, 1)
    rows = ops.reshape(ops.cast(parent, "int32") + first, (-1,))  # (B · K,)
    return keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), cache)


def jit(function, *stateful):
    """Compile a function of arrays with XLA, once for each set of shapes.

    JAX compiles a variable it is not told about as a constant, so name what has any:
    the model that the step calls, and a `Sample`. PyTorch runs the function as it is,
    without gradients.

    Args:
        function: arrays in, arrays out.
        *stateful: everything with `variables` that the function reads or changes.

    Returns:
        A function of the same arguments.

    Example:

    >>> import numpy as np
    >>> from keras import ops
    >>> double = jit(lambda x: 2 * x)
    >>> float(double(np.array(1.5)))
    3.0
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    return _jax_jit(function, [v for item in stateful for v in item.variables])


def _jax_jit(function, variables):
    import jax

    changing = [v for v in variables if not v.trainable]

    @jax.jit
    def pure(values, *args, **kwargs):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(*args, **kwargs)
        return outputs, [scope.get_current_value(v) for v in changing]

    @functools.wraps(function)
    def compiled(*args, **kwargs):
        outputs, changed = pure([v.value for v in variables], *args, **kwargs)
        for variable, value in zip(changing, changed, strict=True):
            variable.assign(value)
        return outputs

    return compiled


def _read(prompt, padding_mask):
    """The prompt, the length of each row, and where the shortest one ends."""
    prompt = ops.cast(prompt, "int32")  # (B, P)
    if padding_mask is None:
        lengths = ops.full((prompt.shape[0],), prompt.shape[1], dtype="int32")
    else:
        lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=1)  # (B,)
    return prompt, lengths, ops.min(lengths) - 1


def _widen(prompt, lengths, max_length, padding_id):
    width = prompt.shape[1]
    real = masks.length_mask(lengths, width)  # (B, P)
    prompt = ops.where(real, prompt, padding_id)
    return ops.pad(
        prompt, ((0, 0), (0, max_length - width)), constant_values=padding_id
    )


def _column(x, index):
    return ops.slice(x, (0, index), (x.shape[0], 1))  # (B, 1)


def _ids(end_id):
    if end_id is None:
        return ()
    return tuple(end_id) if isinstance(end_id, list | tuple) else (end_id,)


def _is_end(token, end_id):
    ends = ops.zeros_like(token, dtype="bool")
    for one in _ids(end_id):
        ends = ops.logical_or(ends, token == one)
    return ends


def _check(step, prompt, max_length, padding_mask):
    if not callable(step):
        raise ValueError(
            "step must be a function (token_ids, cache, index) → (logits, cache); "
            f"given {type(step).__name__}."
        )
    shape, dtype = np.shape(prompt), getattr(prompt, "dtype", None)
    dtype = keras.backend.standardize_dtype(dtype or np.asarray(prompt).dtype)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"prompt must be token ids (B, P) with at least one token; given {shape}."
        )
    if "int" not in dtype:
        raise ValueError(f"prompt must be integers; given {dtype}.")
    if not isinstance(max_length, int | np.integer) or max_length < shape[1]:
        raise ValueError(
            f"max_length must be an integer of at least the prompt's {shape[1]} "
            f"positions, which it includes; given {max_length!r}."
        )
    if padding_mask is not None:
        _check_padding(padding_mask, shape)


def _check_padding(padding_mask, shape):
    given = np.shape(padding_mask)
    if given != shape:
        raise ValueError(
            f"padding_mask must have the shape of prompt, {shape}; given {given}."
        )
    try:
        mask = ops.convert_to_numpy(padding_mask).astype(bool)
    except (NotImplementedError, TypeError):  # traced: there are no values yet
        return
    if not mask[:, 0].all() or (mask[:, 1:] & ~mask[:, :-1]).any():
        row = int(np.flatnonzero(~mask[:, 0] | (np.diff(mask * 1) > 0).any(axis=1))[0])
        raise ValueError(
            "padding_mask must be True at each row's tokens, at least one, and False "
            f"at the padding to their right; given row {row}: {mask[row].tolist()}."
        )


def _check_beams(num_beams, length_penalty):
    if not isinstance(num_beams, int | np.integer) or num_beams < 1:
        raise ValueError(f"num_beams must be a positive integer; given {num_beams!r}.")
    if not length_penalty >= 0:
        raise ValueError(
            f"length_penalty must be at least 0; given {length_penalty!r}."
        )
