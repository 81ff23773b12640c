"""The answer of all windows together, or none: (window, first, last)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from .best_span import as_integers
from .best_span import best_span as one_best_span


def first_tokens(start, end):
    """What each window says for *no answer*: the two logits of its first token."""
    return start[:, 0] + end[:, 0]


def largest(scores, nulls):
    """The window of the best span."""
    return np.argmax(scores)


def least(nulls, window):
    """No answer at all only if none of the windows has one."""
    return nulls.min()


def answer_of_windows(
    start,
    end,
    passage,
    max_tokens,
    threshold,
    *,
    scale=identity,
    null=first_tokens,
    of_all=least,
    chosen=largest,
    silent=lambda null, best, threshold: null - best > threshold,
    leave_out=lambda nulls, scores, threshold: np.zeros(len(nulls), bool),
    place=lambda window, first, last, size: (window, first, last),
):
    """The best span of all windows; (0, 0, 0) if *no answer* is further ahead."""
    start, end = (scale(np.asarray(x, "float64")) for x in (start, end))
    spans = [
        tuple(int(x) for x in one_best_span(s, e, p, max_tokens))
        for s, e, p in zip(start, end, passage, strict=True)
    ]
    scores = np.array(
        [s[i] + e[j] for s, e, (i, j) in zip(start, end, spans, strict=True)]
    )
    nulls = null(start, end)
    out = leave_out(nulls, scores, threshold)
    if out.all():
        return np.zeros(3, int)
    window = int(chosen(np.where(out, -np.inf, scores), nulls))
    if silent(of_all(nulls, window), scores[window], threshold):
        return np.zeros(3, int)
    return np.array(place(window, *spans[window], start.shape[1]), int)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def windows(spans, nulls, threshold=0.0, leans=None, skews=None, more=(), levels=None):
    """Windows, each with a span: (first, last, score), and a null score.

    leans: by how much more of a null its start has than its end, halved. skews: the
    same of spans. more: other high logits, (0 start or 1 end, window, place, height).
    """
    question, length, zeros = 3, 9, [0] * len(spans)

    def draw(rng):
        count = len(spans)
        start, end = floats(rng, 2, count, 2 + question + length, scale=0.2)
        passage = np.zeros(start.shape, bool)
        passage[:, 1 + question : -1] = True
        for w, (first, last, score) in enumerate(spans):
            start[w, 1 + question + first] = score / 2 + (skews or zeros)[w]
            end[w, 1 + question + last] = score / 2 - (skews or zeros)[w]
        for which, w, place, height in more:
            (start, end)[which][w, 1 + question + place] = height
        start[:, 0] = np.array(nulls) / 2 + (leans or zeros)
        end[:, 0] = np.array(nulls) / 2 - (leans or zeros)
        if levels is not None:  # all logits of a window higher or lower
            start += np.float32(levels)[:, None] / 2
            end += np.float32(levels)[:, None] / 2
        return start, end, passage, 4, threshold

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def log_softmax(logits):
    """Each window by itself (wrong)."""
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def smallest_of_each(start, end):
    """The smallest start with the smallest end, of whatever window (wrong)."""
    return np.full(len(start), start[:, 0].min() + end[:, 0].min())


def silent_ones(nulls, scores, threshold):
    """Windows that say by themselves that they have no answer (wrong)."""
    return nulls - scores > threshold


wrong = mistakes("answer", section="none")

EXERCISE = Exercise(
    name="answer_of_windows",
    section="none",
    points=3,
    reference=answer_of_windows,
    probe=as_integers,
    cases=(
        Case("one", windows([(2, 4, 9)], [5])),
        Case("one-without", windows([(2, 4, 6)], [8])),
        Case("barely", windows([(2, 4, 8), (3, 4, 2)], [7.5, 8.5])),
        Case("barely-none", windows([(2, 4, 8), (3, 4, 2)], [8.5, 9])),
        Case("second", windows([(1, 1, 4), (5, 6, 9)], [7, 3])),
        Case("last", windows([(1, 1, 4), (3, 4, 3), (6, 7, 10)], [6, 7, 2])),
        Case("none", windows([(1, 1, 4), (5, 6, 5)], [9, 7])),
        Case("sure-of-itself", windows([(1, 2, 9), (5, 6, 7)], [7, -4], levels=(0, 0))),
        Case("higher", windows([(1, 2, 8), (5, 6, 7)], [3, 2], levels=(-6, 6))),
        Case(
            "two-good-places",
            windows(
                [(1, 2, 9), (5, 6, 7)],
                [-4, -3],
                more=((0, 0, 6, 4.4), (1, 0, 7, 4.4)),
            ),
        ),
        Case("least-none-elsewhere", windows([(1, 2, 9), (5, 6, 7)], [3, 2])),
        Case("uneven-none", windows([(1, 2, 6), (5, 6, 5)], [8, 8], leans=[4, -4])),
        Case(
            "uneven-spans",
            windows([(1, 2, 9), (5, 6, 7), (3, 4, 7)], [3, 3, 3], skews=[0, 3, -3]),
        ),
        Case(
            "too-long",
            windows([(2, 4, 8)], [5], more=((0, 0, 0, 5.0), (1, 0, 8, 5.0))),
        ),
        Case("just-so", windows([(1, 2, 8), (5, 6, 4)], [8, 9])),
        Case("one-says-none", windows([(1, 2, 9), (4, 5, 7)], [11, 5])),
        Case("second-says-none", windows([(4, 5, 7), (1, 2, 9)], [5, 11])),
        Case("all-but-one", windows([(0, 2, 5), (4, 5, 6), (2, 2, 8)], [12, 13, 5])),
        Case("clearly-none", windows([(1, 1, 4), (5, 6, 6)], [30, 31])),
        Case("nearly", windows([(1, 2, 9), (5, 6, 5)], [8, 9.5], threshold=3.0)),
        Case("patient", windows([(1, 2, 6), (5, 6, 5)], [8, 9], threshold=3.0)),
        Case("strict", windows([(1, 2, 9), (5, 6, 5)], [7, 8], threshold=-3.0)),
        Case("always", windows([(1, 2, 3), (5, 6, 4)], [20, 30], threshold=np.inf)),
    ),
    misconceptions=(
        wrong("softmax-in-each-window", scale=log_softmax),
        wrong("null-of-the-best", of_all=lambda nulls, window: nulls[window]),
        wrong("largest-null", of_all=lambda nulls, window: nulls.max()),
        wrong("nulls-averaged", of_all=lambda nulls, window: nulls.mean()),
        wrong("window-by-window", leave_out=silent_ones),
        wrong(
            "first-window",
            chosen=lambda scores, nulls: 0,
            of_all=lambda nulls, w: nulls[0],
        ),
        wrong("null-of-the-first", of_all=lambda nulls, window: nulls[0]),
        wrong("null-of-the-last", of_all=lambda nulls, window: nulls[-1]),
        wrong("worst-window", chosen=lambda scores, nulls: np.argmin(scores)),
        wrong("window-of-the-null", chosen=lambda scores, nulls: np.argmin(nulls)),
        wrong("furthest-ahead", chosen=lambda scores, nulls: np.argmax(scores - nulls)),
        wrong("always-answers", silent=lambda null, best, threshold: False),
        wrong(
            "threshold-turned",
            silent=lambda null, best, threshold: null - best > -threshold,
        ),
        wrong("threshold-left-out", silent=lambda null, best, threshold: null > best),
        wrong(
            "tie-is-none",
            silent=lambda null, best, threshold: null - best >= threshold,
        ),
        wrong(
            "threshold-alone",
            silent=lambda null, best, threshold: best < threshold,
        ),
        wrong("half-a-null", null=lambda start, end: start[:, 0]),
        wrong("minima-apart", null=smallest_of_each),
        wrong(
            "counted-on",
            place=lambda w, i, j, size: (w, w * size + i, w * size + j),
        ),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "one array": lambda *a: _in_one_array(*a),
        "library": lambda *a: _with_the_library(*a),
        "sorted": lambda *a: _sorted(*a),
    },
)


def _in_loops(start, end, passage, max_tokens, threshold):
    best, found, null = -float("inf"), (0, 0, 0), float("inf")
    for w in range(len(start)):
        null = min(null, float(start[w, 0]) + float(end[w, 0]))
        for i in np.flatnonzero(passage[w]):
            for j in range(i, min(i + max_tokens, start.shape[1])):
                score = float(start[w, i]) + float(end[w, j])
                if passage[w, j] and score > best:
                    best, found = score, (w, i, j)
    return found if null <= best + threshold else (0, 0, 0)


def _in_one_array(start, end, passage, max_tokens, threshold):
    sums = start[:, :, None] + end[:, None, :]
    size = np.arange(start.shape[1]) - np.arange(start.shape[1])[:, None]
    keep = passage[:, :, None] & passage[:, None, :] & (size >= 0) & (size < max_tokens)
    sums = np.where(keep, sums, -1e9)
    if (start[:, 0] + end[:, 0]).min() > sums.max() + threshold:
        return np.zeros(3, "int64")
    return np.array(np.unravel_index(sums.argmax(), sums.shape))


def _with_the_library(start, end, passage, max_tokens, threshold):
    from tlkeras.spans import best_span

    count = start.shape[1]
    at = np.arange(start.size).reshape(start.shape)
    offsets = np.stack([at, at + 1], axis=-1) * passage[..., None]
    span = best_span(start, end, offsets, max_tokens, threshold)
    if span is None:
        return [0, 0, 0]
    return [span.start // count, span.start % count, (span.end - 1) % count]


def _sorted(start, end, passage, max_tokens, threshold):
    found = []
    for w, (s, e, p) in enumerate(zip(start, end, passage, strict=True)):
        i, j = one_best_span(s, e, p, max_tokens)
        found.append((float(s[i] + e[j]), w, int(i), int(j)))
    best = sorted(found, reverse=True)[0]
    nothing = sorted(start[:, 0] + end[:, 0])[0]
    return best[1:] if nothing - best[0] <= threshold else (0, 0, 0)
