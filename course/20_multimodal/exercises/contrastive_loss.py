"""InfoNCE both ways, where pairs of one name are no wrong answers to each other."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import log_softmax


def twins_left_out(logits, names):
    """Other pairs of the same name get no chance at all: logits (B, B)."""
    twins = (names[:, None] == names[None]) & ~np.eye(len(names), dtype=bool)
    return np.where(twins, -np.inf, logits)


def own(logits, names):
    """Minus the log-chance of its own text for each image: (B,)."""
    return -np.diagonal(log_softmax(logits))


def contrastive_loss(
    logits,
    names,
    *,
    leave_out=twins_left_out,
    one_way=own,
    average=lambda losses, names: losses.mean(),
    both=lambda images, texts: (images + texts) / 2,
):
    """A number."""
    logits, names = np.asarray(logits, "float64"), np.asarray(names)
    logits = leave_out(logits, names)
    ways = (average(one_way(x, names), names) for x in (logits, logits.T))
    return np.asarray(both(*ways))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def batch(names, scale=2.0, right=1.0):
    """Logits of pairs with these names, in any order; the own ones a little larger."""

    def draw(rng):
        count = len(names)
        logits = floats(rng, count, count, scale=scale)
        logits += right * np.eye(count, dtype="float32")
        return logits, rng.permutation(np.array(names))

    return draw


def sure(rng):
    """Logits near 100, as a scale of 100 makes them."""
    logits = rng.uniform(90, 100, (5, 5)).astype("float32")
    return logits, np.array([4, 1, 0, 1, 2])


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def twins_zero(logits, names):
    """Pairs of the same name get the logit 0 (wrong)."""
    return np.where(np.isneginf(twins_left_out(logits, names)), 0.0, logits)


def same_left_out(logits, names):
    """All of the same name are left out, the pair itself, too (wrong)."""
    return np.where(names[:, None] == names[None], -np.inf, logits)


def own_against_others(logits, names):
    """The own logit against all others, but not against itself (wrong)."""
    rest = np.where(np.eye(len(names), dtype=bool), -np.inf, logits)
    top = rest.max(axis=1)
    return top + np.log(np.exp(rest - top[:, None]).sum(axis=1)) - np.diagonal(logits)


def twins_right(logits, names):
    """All texts of the same name are right answers, their mean counts (wrong)."""
    same = names[:, None] == names[None]
    return -(np.where(same, log_softmax(logits), 0)).sum(axis=1) / same.sum(axis=1)


def chance_of_twins(logits, names):
    """Minus the log of the chance of all texts of the same name together (wrong)."""
    same = names[:, None] == names[None]
    return -np.log(np.where(same, np.exp(log_softmax(logits)), 0).sum(axis=1))


def of_the_table(logits, names):
    """A softmax over all pairs of the table (wrong)."""
    top = logits.max()
    total = top + np.log(np.exp(logits - top).sum())
    return total - np.diagonal(logits)


def first_of_each(losses, names):
    """The mean over names, of each its first pair only (wrong)."""
    return losses[np.unique(names, return_index=True)[1]].mean()


def signed(logits, names):
    """Each pair by itself, right or wrong (another loss)."""
    signs = 2 * np.eye(len(names)) - 1
    return np.logaddexp(0, -signs * logits).sum(axis=1)


wrong = mistakes("loss", section="loss")
keep = {"leave_out": lambda logits, names: logits}

EXERCISE = Exercise(
    name="contrastive_loss",
    section="loss",
    points=4,
    reference=contrastive_loss,
    cases=(
        Case("different", batch(range(6))),
        Case("one", batch([0])),
        Case("twins", batch([3, 1, 3, 0, 2, 5, 6])),
        Case("three-of-a-kind", batch([1, 1, 1, 0, 2])),
        Case("two-kinds", batch([0, 0, 1, 1])),
        Case("all-the-same", batch([7, 7, 7])),
        Case("says-nothing", lambda rng: (np.zeros((5, 5), "float32"), np.arange(5))),
        Case("sure", sure),
        Case("wrong-way", batch([0, 1, 2, 3, 4], scale=4.0, right=-3.0)),
    ),
    misconceptions=(
        wrong("twins-are-wrong", **keep),
        wrong("twins-are-zero", leave_out=twins_zero),
        wrong("same-left-out", leave_out=same_left_out),
        wrong("twins-are-right", **keep, one_way=twins_right),
        wrong("twins-together", **keep, one_way=chance_of_twins),
        wrong("images-only", both=lambda images, texts: images),
        wrong("texts-only", both=lambda images, texts: texts),
        wrong("ways-added", both=lambda images, texts: images + texts),
        wrong("not-against-itself", one_way=own_against_others),
        wrong("over-the-table", one_way=of_the_table),
        wrong("sign", one_way=lambda x, names: np.diagonal(log_softmax(x))),
        wrong("no-log", one_way=lambda x, names: -np.exp(-own(x, names))),
        wrong("logits-only", one_way=lambda x, names: -np.diagonal(x)),
        wrong("sigmoid", one_way=signed),
        wrong("summed", average=lambda losses, names: losses.sum()),
        wrong(
            "over-the-square",
            average=lambda losses, names: losses.mean() / len(names),
        ),
        wrong("first-of-each", average=first_of_each),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "minus a lot": lambda *a: _minus_a_lot(*a),
        "chances": lambda *a: _by_chances(*a),
    },
)


def _in_loops(logits, names):
    total, count = 0.0, len(names)
    table = logits.astype("float64")
    for i in range(count):
        others = [j for j in range(count) if j == i or names[j] != names[i]]
        for line in (table[i, others], table[others, i]):
            top = max(line)
            total += top + np.log(sum(np.exp(line - top))) - table[i, i]
    return total / (2 * count)


def _minus_a_lot(logits, names):
    same = np.equal.outer(names, names) * 1.0 - np.eye(len(names))
    table = logits.astype("float64") - 1e9 * same
    rows, columns = (np.logaddexp.reduce(table, axis=axis) for axis in (1, 0))
    return np.mean((rows + columns) / 2 - np.diagonal(table))


def _by_chances(logits, names):
    keep = (np.subtract.outer(names, names) != 0) | np.eye(len(names), dtype=bool)
    e = np.exp(logits.astype("float64") - logits.max()) * keep
    own_e = np.diagonal(e)
    return -(np.log(own_e / e.sum(1)).mean() + np.log(own_e / e.sum(0)).mean()) / 2
