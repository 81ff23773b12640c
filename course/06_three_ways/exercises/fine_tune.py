"""Weights of a body and a head after some steps, and those that were given."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes


class Slopes:
    """How the loss of a small model changes with its weights, for one batch.

    The body is a matrix and a bias, the head a matrix: tanh(x · W + b) · V, and half
    the mean squared error to the targets.

    Args:
        x: inputs (steps, B, F), a batch for each step.
        targets: (steps, B, C).
    """

    def __init__(self, x, targets):
        self.x, self.targets = (a.astype(np.float64) for a in (x, targets))

    def __call__(self, body, head, batch):
        """Derivatives with respect to the arrays of body and of head: two lists."""
        (kernel, bias), (out,) = (
            [np.asarray(w, dtype=np.float64) for w in weights]
            for weights in (body, head)
        )
        x, targets = self.x[batch], self.targets[batch]
        h = np.tanh(x @ kernel + bias)  # (B, D)
        error = (h @ out - targets) / len(x)  # (B, C)
        back = error @ out.T * (1 - h**2)  # (B, D)
        return [x.T @ back, back.sum(axis=0)], [h.T @ error]


def each_its_rate(body_rate, head_rate):
    """Which rate is whose: of the body, of the head."""
    return body_rate, head_rate


def after_the_frozen(step, frozen, steps):
    """Whether the body learns in a step, counted from 0."""
    return step >= frozen


def always(step, frozen, steps):
    """The head learns in every step."""
    return True


def together(slopes, body, head, batch, moved_head):
    """Derivatives of both at the weights before the step."""
    return slopes(body, head, batch)


def downhill(weight, change):
    """Against the slope."""
    return weight - change


def one_after_another(steps):
    """Which steps count, and the batch of each."""
    return [(step, step) for step in range(steps)]


def fine_tune(
    kernel,
    bias,
    out,
    x,
    targets,
    body_rate,
    head_rate,
    frozen,
    *,
    rates=each_its_rate,
    body_learns=after_the_frozen,
    head_learns=always,
    derive=together,
    move=downhill,
    order=one_after_another,
    given=lambda first, last: first,
):
    """Weights of a body and a head after some steps, and those that were given.

    Values one after another: of the body, of the head, of the given body and head.
    """
    slopes, steps = Slopes(x, targets), len(x)
    first = last = ([kernel, bias], [out])
    for_body, for_head = rates(body_rate, head_rate)
    for step, batch in order(steps):
        body, head = last
        moved = head
        if head_learns(step, frozen, steps):
            _, slope = slopes(body, head, batch)
            moved = [move(w, for_head * s) for w, s in zip(head, slope, strict=True)]
        if body_learns(step, frozen, steps):
            slope, _ = derive(slopes, body, head, batch, moved)
            body = [move(w, for_body * s) for w, s in zip(body, slope, strict=True)]
        last = (body, moved)
    return (
        values(last[0]),
        values(last[1]),
        values([w for weights in given(first, last) for w in weights]),
    )


def values(arrays):
    """All numbers of some arrays."""
    return np.concatenate([np.ravel(np.asarray(a)) for a in arrays]).astype(np.float64)


def probe_fine_tune(
    answer, kernel, bias, out, x, targets, body_rate, head_rate, frozen
):
    """Hand over copies of the weights, and see what became of these, too."""
    given = [w.astype(np.float64) for w in (kernel, bias, out)]
    body, head, batches = given[:2], given[2:], list(range(len(x)))
    slopes = Slopes(x, targets)
    found = answer(body, head, slopes, batches, body_rate, head_rate, frozen)
    if found is None:
        return None
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise TypeError("fine_tune must return two lists: body, head")
    return values(found[0]), values(found[1]), values(given)


def training(steps, body_rate, head_rate, frozen, sizes=(3, 4, 2), batch=5):
    """Weights, as many batches as steps, two rates, and how long the body is frozen."""
    width, size, classes = sizes

    def draw(rng):
        weights = (
            floats(rng, width, size),
            floats(rng, size),
            floats(rng, size, classes),
        )
        x = floats(rng, steps, batch, width)
        targets = floats(rng, steps, batch, classes, scale=2)
        return *weights, x, targets, body_rate, head_rate, frozen

    return draw


wrong = mistakes("tune", section="tune")

EXERCISE = Exercise(
    name="fine_tune",
    section="tune",
    points=4,
    reference=fine_tune,
    probe=probe_fine_tune,
    hidden=("x", "targets"),
    cases=(
        Case("one-step", training(1, 0.05, 0.3, 0)),
        Case("from-the-start", training(5, 0.1, 0.4, 0, sizes=(4, 3, 5))),
        Case("head-first", training(7, 0.15, 0.5, 3)),
        Case("one-frozen", training(4, 0.3, 0.1, 1, sizes=(2, 5, 3))),
        Case("last-step", training(6, 0.2, 0.45, 5)),
        Case("never", training(4, 0.2, 0.4, 4)),
        Case("longer-frozen", training(3, 0.2, 0.4, 8)),
    ),
    misconceptions=(
        wrong("rates-swapped", rates=lambda body, head: (head, body)),
        wrong("body-at-heads-rate", rates=lambda body, head: (head, head)),
        wrong("head-at-bodys-rate", rates=lambda body, head: (body, body)),
        wrong("never-frozen", body_learns=always),
        wrong("always-frozen", body_learns=lambda step, frozen, steps: False),
        wrong(
            "frozen-one-longer", body_learns=lambda step, frozen, steps: step > frozen
        ),
        wrong(
            "frozen-one-shorter",
            body_learns=lambda step, frozen, steps: step + 1 >= frozen,
        ),
        wrong(
            "frozen-afterwards", body_learns=lambda step, frozen, steps: step < frozen
        ),
        wrong(
            "frozen-at-the-end",
            body_learns=lambda step, frozen, steps: step < steps - frozen,
        ),
        wrong("head-waits-too", head_learns=after_the_frozen),
        wrong("head-stops", head_learns=lambda step, frozen, steps: step < frozen),
        wrong(
            "head-moved-first",
            derive=lambda slopes, body, head, batch, moved: slopes(body, moved, batch),
        ),
        wrong("uphill", move=lambda weight, change: weight + change),
        wrong("step-alone", move=lambda weight, change: -change),
        wrong("one-batch", order=lambda steps: [(step, 0) for step in range(steps)]),
        wrong("one-step", order=lambda steps: [(0, 0)]),
        wrong(
            "backwards", order=lambda steps: [(i, steps - 1 - i) for i in range(steps)]
        ),
        wrong("always-from-the-first", order=lambda steps: [(steps - 1, steps - 1)]),
        wrong("in-place", given=lambda first, last: last),
    ),
    accepted={
        "a rate of 0": lambda *given: _tune_with_zero(*given),
        "two loops": lambda *given: _tune_in_two(*given),
        "in copies": lambda *given: _tune_in_copies(*given),
        "recursive": lambda *given: _tune_again(*given),
        "keras.ops": lambda *given: _tune_with_keras(*given),
    },
)


def _tune_with_zero(body, head, slopes, batches, body_rate, head_rate, frozen):
    for step, batch in enumerate(batches):
        of_body, of_head = slopes(body, head, batch)
        rate = 0.0 if step < frozen else body_rate
        body = [w - rate * s for w, s in zip(body, of_body, strict=True)]
        head = [w - head_rate * s for w, s in zip(head, of_head, strict=True)]
    return body, head


def _tune_in_two(body, head, slopes, batches, body_rate, head_rate, frozen):
    for batch in batches[:frozen]:
        slope = slopes(body, head, batch)[1]
        head = [head[i] - head_rate * slope[i] for i in range(len(head))]
    for batch in batches[frozen:]:
        for_body, for_head = slopes(body, head, batch)
        body = [body[i] - body_rate * for_body[i] for i in range(len(body))]
        head = [head[i] - head_rate * for_head[i] for i in range(len(head))]
    return body, head


def _tune_in_copies(body, head, slopes, batches, body_rate, head_rate, frozen):
    body, head = [w.copy() for w in body], [w.copy() for w in head]
    for step, batch in enumerate(batches):
        of_body, of_head = slopes(body, head, batch)
        for i in range(len(head)):
            head[i] -= head_rate * of_head[i]
        if step >= frozen:
            for i in range(len(body)):
                body[i] -= body_rate * of_body[i]
    return [body, head]


def _tune_again(body, head, slopes, batches, body_rate, head_rate, frozen):
    if not len(batches):
        return body, head
    up, down = slopes(body, head, batches[0])
    if frozen <= 0:
        body = [w - body_rate * s for w, s in zip(body, up, strict=True)]
    head = [w - head_rate * s for w, s in zip(head, down, strict=True)]
    return _tune_again(
        body, head, slopes, batches[1:], body_rate, head_rate, frozen - 1
    )


def _tune_with_keras(body, head, slopes, batches, body_rate, head_rate, frozen):
    ops = keras().ops
    for step, batch in enumerate(batches):
        of_body, of_head = slopes(body, head, batch)
        if step >= frozen:
            body = [
                ops.subtract(w, body_rate * s)
                for w, s in zip(body, of_body, strict=True)
            ]
        head = [
            ops.subtract(w, head_rate * s) for w, s in zip(head, of_head, strict=True)
        ]
    return body, head
