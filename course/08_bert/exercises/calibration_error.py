"""By how much a model is surer than right, or less sure, on average."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes

from .masked_lm_loss import log_softmax


def likeliest(probabilities, labels):
    """How sure the model is of its answer."""
    return probabilities.max(-1)


def is_right(probabilities, labels):
    """1 where the answer is the label."""
    return (probabilities.argmax(-1) == labels).astype(float)


def equal_widths(confidence, bins):
    """The bin of each text: (0, 1/M], …, ((M − 1)/M, 1]."""
    return np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)


def open_above(confidence, bins):
    """The bin of each text: [0, 1/M), …, [(M − 1)/M, 1] (wrong)."""
    return np.minimum(np.floor(confidence * bins), bins - 1).astype(int)


def equal_counts(confidence, bins):
    """Bins of as many texts each."""
    order = np.argsort(np.argsort(confidence))
    return order * bins // len(confidence)


def from_least_to_most(confidence, bins):
    """Bins of equal width between the least and the most sure answer."""
    edges = np.linspace(confidence.min(), confidence.max(), bins + 1)[1:-1]
    return np.digitize(confidence, edges)


def to_the_nearest(confidence, bins):
    """Bins around 0, 1/M, 2/M …"""
    return np.minimum(np.round(confidence * bins), bins - 1).astype(int)


def by_share(gaps, counts, texts):
    """The mean gap, each bin weighed by its share of all texts."""
    return (gaps * counts).sum() / texts


def calibration_error(
    probabilities,
    labels,
    bins,
    *,
    sureness=likeliest,
    right=is_right,
    place=equal_widths,
    within=lambda confidence, bins: confidence <= 1,
    expects=lambda sure, number, bins: sure.mean(),
    gap=np.abs,
    mean=by_share,
    finish=identity,
):
    """By how much a model is surer than right, or less sure, on average."""
    confidence, correct = sureness(probabilities, labels), right(probabilities, labels)
    number, kept = place(confidence, bins), within(confidence, bins)
    gaps, counts = np.zeros(bins), np.zeros(bins)
    for b in range(bins):
        mine = kept & (number == b)
        counts[b] = mine.sum()
        if mine.any():
            gaps[b] = gap(correct[mine].mean() - expects(confidence[mine], b, bins))
    return finish(mean(gaps, counts, len(labels)))


def on_the_edges(bins, classes):
    """Confidences of which about half lie exactly on the edges of bins.

    The edges are exact in binary. Answers inside of a bin are mostly right, and those
    on every second edge mostly wrong, so that it matters to which bin an edge belongs.
    """

    def draw(rng):
        steps = rng.permutation(np.repeat(np.arange(2, bins + 1), rng.integers(4, 8)))
        on_edge = rng.random(steps.size) < 0.5
        confidence = np.where(on_edge, steps, steps - rng.uniform(0.1, 0.4)) / bins
        guess = rng.integers(classes, size=steps.size)
        others = np.repeat((1 - confidence[:, None]) / (classes - 1), classes, axis=1)
        probabilities = others.astype(np.float32)
        probabilities[np.arange(steps.size), guess] = confidence
        right = rng.random(steps.size) < np.where(on_edge & (steps % 2 == 0), 0.1, 0.9)
        labels = np.where(right, guess, (guess + 1) % classes)
        return probabilities, labels, bins

    return draw


def answers(count, classes, bins, sharpness=1.0, certain=0):
    """Probabilities, some of them exactly 1, and labels that follow them loosely."""

    def draw(rng):
        logits = sharpness * rng.normal(size=(count, classes)) * 1.5
        probabilities = np.exp(log_softmax(logits))
        guess = probabilities.argmax(-1)
        wrong = (guess + rng.integers(1, classes, count)) % classes
        labels = np.where(rng.random(count) < 0.6, guess, wrong)
        labels[:3] = wrong[:3]
        if certain:
            probabilities[:certain] = np.eye(classes)[guess[:certain]]
        return probabilities.astype(np.float32), labels, bins

    return draw


wrong = mistakes("calibration", section="calibration")

EXERCISE = Exercise(
    name="calibration_error",
    section="calibration",
    points=3,
    reference=calibration_error,
    cases=(
        Case("five-classes", answers(70, 5, 10)),
        Case("two-classes", answers(45, 2, 8)),
        Case("certain", answers(40, 3, 10, sharpness=2.0, certain=9)),
        Case("few-texts", answers(7, 4, 15)),
        Case("one-bin", answers(30, 3, 1)),
        Case("edges", on_the_edges(8, 6)),
        Case("few-edges", on_the_edges(4, 5)),
    ),
    misconceptions=(
        wrong("bins-weigh-alike", mean=lambda gaps, counts, texts: gaps.mean()),
        wrong(
            "filled-bins-weigh-alike",
            mean=lambda gaps, counts, texts: gaps[counts > 0].mean(),
        ),
        wrong("worst-bin", mean=lambda gaps, counts, texts: gaps.max()),
        wrong("summed", mean=lambda gaps, counts, texts: gaps.sum()),
        wrong("not-divided", mean=lambda gaps, counts, texts: (gaps * counts).sum()),
        wrong("sign-kept", gap=identity),
        wrong("squared", gap=np.square),
        wrong("root-of-squares", gap=np.square, finish=np.sqrt),
        wrong(
            "confidence-in-the-label",
            sureness=lambda p, labels: np.take_along_axis(p, labels[:, None], 1)[:, 0],
        ),
        wrong("least-likely", sureness=lambda p, labels: p.min(-1)),
        wrong("wrong-counted", right=lambda p, labels: 1 - is_right(p, labels)),
        wrong("bins-of-equal-count", place=equal_counts),
        wrong("bins-between-extremes", place=from_least_to_most),
        wrong("bins-by-rounding", place=to_the_nearest),
        wrong("one-bin-for-all", place=lambda confidence, bins: 0 * confidence),
        wrong("edge-in-the-bin-above", place=open_above),
        wrong(
            "edges-left-out", within=lambda confidence, bins: confidence * bins % 1 != 0
        ),
        wrong("certain-left-out", within=lambda confidence, bins: confidence < 1),
        wrong(
            "middle-of-the-bin",
            expects=lambda sure, number, bins: (number + 0.5) / bins,
        ),
        wrong("percent", finish=lambda error: 100 * error),
    ),
    accepted={
        "sums": lambda *a: _error_by_sums(*a),
        "digitize": lambda *a: _error_with_digitize(*a),
        "histogram": lambda *a: _error_with_histogram(*a),
        "lists": lambda *a: _error_with_lists(*a),
        "keras": lambda *a: _error_with_keras(*a),
    },
)


def _error_by_sums(probabilities, labels, bins):
    confidence = probabilities.max(axis=1)
    excess = (probabilities.argmax(axis=1) == labels) - confidence
    number = np.ceil(confidence * bins).astype(int) - 1
    return np.abs(np.bincount(number, excess)).sum() / len(labels)


def _error_with_digitize(probabilities, labels, bins):
    confidence, total = probabilities.max(-1), 0.0
    number = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    for b in np.unique(number):
        mine = number == b
        correct = np.mean(np.argmax(probabilities[mine], -1) == labels[mine])
        total += mine.mean() * abs(correct - confidence[mine].mean())
    return total


def _error_with_histogram(probabilities, labels, bins):
    sure, guess = np.max(probabilities, 1), np.argmax(probabilities, 1)
    # NumPy's bins hold their lower edge; seen from 1 downwards that is the upper one.
    sums = [
        np.histogram(1 - sure, bins, (0, 1), weights=w)[0]
        for w in ((guess == labels).astype(float), sure)
    ]
    return np.abs(sums[0] - sums[1]).sum() / sure.size


def _error_with_lists(probabilities, labels, bins):
    pairs = [
        (float(max(p)), int(np.argmax(p) == y))
        for p, y in zip(probabilities, labels, strict=True)
    ]
    total = 0
    for b in range(bins):
        mine = [(c, r) for c, r in pairs if b / bins < c <= (b + 1) / bins]
        if mine:
            gap = sum(r for _, r in mine) / len(mine) - sum(c for c, _ in mine) / len(
                mine
            )
            total += len(mine) / len(pairs) * abs(gap)
    return total


def _error_with_keras(probabilities, labels, bins):
    ops = keras().ops
    confidence = ops.max(probabilities, axis=-1)
    correct = ops.cast(ops.equal(ops.argmax(probabilities, -1), labels), "float32")
    number = ops.cast(ops.ceil(confidence * bins) - 1, "int32")
    sums = ops.segment_sum(correct - confidence, number, num_segments=bins)
    return ops.sum(ops.abs(sums)) / len(labels)
