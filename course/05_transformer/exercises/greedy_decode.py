"""(B, L): begin, the likeliest token again and again, end, padding."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from ._shared import BEGIN, END, PADDING


class Model:
    """Logits that depend on the row and on every token so far, and on nothing else.

    Row b is sure to end when it has `ends[b]` tokens; before, it never ends.
    """

    def __init__(self, seed, ends, vocabulary):
        self.seed, self.ends, self.vocabulary = seed, ends, vocabulary

    def __call__(self, tokens):
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or len(tokens) != len(self.ends):
            raise ValueError(
                f"tokens must have the shape ({len(self.ends)}, length); given "
                f"{tokens.shape}."
            )
        return np.stack([self._row(b, row) for b, row in enumerate(tokens.tolist())])

    def _row(self, row, tokens):
        rng = np.random.default_rng([self.seed, row, *(int(t) for t in tokens)])
        logits = rng.normal(size=self.vocabulary)
        logits[[PADDING, BEGIN]] -= 50
        logits[END] += 50 if len(tokens) == self.ends[row] - 1 else -50
        return logits

    def __repr__(self):
        rows = len(self.ends)
        return f"({rows}, t) → ({rows}, {self.vocabulary})"


def until_all_ended(ended):
    """Stop when every row has its end."""
    return ended.all()


def padded_to(tokens, length):
    """Whole rows, with the places that are not written yet."""
    return np.pad(tokens, ((0, 0), (0, max(length - tokens.shape[1], 0))))


def greedy_decode(
    next_logits,
    batch,
    max_length,
    *,
    see=identity,
    choose=lambda logits: logits.argmax(-1),
    fill=PADDING,
    finished=until_all_ended,
    forget=lambda ended, token: ended | (token == END),
    extra=0,
    complete=lambda tokens, missing, fill: np.pad(
        tokens, ((0, 0), (0, missing)), constant_values=fill
    ),
    result=identity,
):
    """(B, L): begin, the likeliest token again and again, end, padding."""
    tokens = np.full((batch, 1), BEGIN)
    ended = np.zeros(batch, bool)
    while tokens.shape[1] < max_length + extra and not finished(ended):
        seen = see(tokens, max_length)
        token = np.where(ended, fill, choose(next_logits(seen)))
        tokens = np.concatenate([tokens, token[:, None]], axis=1)
        ended = forget(ended, token)
    missing = max(max_length + extra - tokens.shape[1], 0)
    return result(complete(tokens, missing, fill))


def end_every_row(tokens):
    """Write an end in the last place of a row that has none."""
    ended = (tokens == END).any(1)
    return np.concatenate(
        [tokens[:, :-1], np.where(ended, tokens[:, -1], END)[:, None]], axis=1
    )


def decoding(ends, max_length, vocabulary=9):
    """Rows that end at different places; 99 stands for never."""

    def draw(rng):
        return Model(int(rng.integers(2**31)), ends, vocabulary), len(ends), max_length

    return draw


wrong = mistakes("greedy", section="greedy")

EXERCISE = Exercise(
    name="greedy_decode",
    section="greedy",
    points=4,
    reference=greedy_decode,
    cases=(
        Case("never-ends", decoding((99, 99), 6)),
        Case("ends", decoding((4, 7, 99), 9)),
        Case("all-end-early", decoding((3, 5, 2, 4), 8)),
        Case("one-row", decoding((4,), 7, vocabulary=12)),
        Case("at-once-and-at-last", decoding((2, 5, 99), 5)),
        Case("begin-only", decoding((99, 99), 1)),
    ),
    misconceptions=(
        wrong("sees-the-last-token-only", see=lambda tokens, _: tokens[:, -1:]),
        wrong("sees-empty-places", see=padded_to),
        wrong("writes-on", forget=lambda ended, token: ended),
        wrong(
            "forgets-the-end",
            forget=lambda ended, token: token == END,
            finished=lambda ended: False,
        ),
        wrong("not-filled-up", complete=identity),
        wrong("stops-with-the-first", finished=np.any),
        wrong("fills-with-end", fill=END),
        wrong("fills-with-begin", fill=BEGIN),
        wrong("least-likely", choose=lambda logits: logits.argmin(-1)),
        wrong(
            "one-for-all", choose=lambda logits: np.full(len(logits), logits.argmax())
        ),
        wrong("one-too-many", extra=1),
        wrong("one-too-few", extra=-1),
        wrong("end-forced", result=end_every_row),
        wrong("begin-cut-off", result=lambda tokens: tokens[:, 1:]),
        wrong(
            "end-cut-off",
            result=lambda tokens: np.where(tokens == END, PADDING, tokens),
        ),
    ),
    accepted={
        "filled in place": lambda *a: _greedy_in_place(*a),
        "cleaned up afterwards": lambda *a: _greedy_cleaned(*a),
        "lists": lambda *a: _greedy_with_lists(*a),
        "recursion": lambda *a: _greedy_recursive(*a),
        "library": lambda *a: _greedy_with_library(*a),
    },
)


def _greedy_in_place(next_logits, batch, max_length):
    tokens = np.zeros((batch, max_length), dtype=int)
    tokens[:, 0] = BEGIN
    for t in range(1, max_length):
        token = np.argmax(next_logits(tokens[:, :t]), axis=1)
        tokens[:, t] = token * (tokens[:, :t] != END).all(axis=1)
    return tokens


def _greedy_cleaned(next_logits, batch, max_length):
    tokens = np.ones((batch, 1), dtype=int)
    for _ in range(max_length - 1):
        token = np.argmax(next_logits(tokens), axis=1)
        tokens = np.hstack([tokens, token[:, None]])
    after = np.cumsum(tokens == END, axis=1) - (tokens == END)
    return np.where(after > 0, 0, tokens)


def _greedy_with_lists(next_logits, batch, max_length):
    rows = [[BEGIN] for _ in range(batch)]
    while len(rows[0]) < max_length:
        logits = np.asarray(next_logits(rows))
        for row, scores in zip(rows, logits, strict=True):
            row.append(0 if END in row else int(np.argmax(scores)))
    return rows


def _greedy_recursive(next_logits, batch, max_length, tokens=None):
    tokens = np.full((batch, 1), BEGIN) if tokens is None else tokens
    if tokens.shape[1] == max_length:
        return tokens
    token = next_logits(tokens).argmax(1)
    token[(tokens == END).any(1)] = PADDING
    tokens = np.append(tokens, token[:, None], axis=1)
    return _greedy_recursive(next_logits, batch, max_length, tokens)


def _greedy_with_library(next_logits, batch, max_length):
    written = np.zeros((batch, max_length), int)

    def step(token_ids, cache, index):
        tokens = np.asarray(token_ids)
        written[:, int(index) : int(index) + tokens.shape[1]] = tokens
        return next_logits(written[:, : int(index) + tokens.shape[1]]), cache

    from tlkeras.generation import generate

    begin = np.full((batch, 1), BEGIN)
    return generate(step, begin, max_length, end_id=END)
