"""What it costs to train some layers: bytes to keep, bytes while training, work."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def above_lowest(trained):
    """Layers above the lowest one that is trained: booleans (L,)."""
    found = np.flatnonzero(trained)
    first = found[0] if len(found) else len(trained)
    return np.arange(len(trained)) > first


def three_parts(trained, forward=None, own=None, through=above_lowest):
    """How often each layer's work is done: forward, own gradients, handed down."""
    forward = np.ones_like(trained) if forward is None else forward
    own = trained if own is None else own
    return 1.0 * forward + own + through(trained)


def cost_card(
    weights,
    work,
    trained,
    slots,
    *,
    kept=lambda trained: trained,
    held=lambda trained: np.ones_like(trained),
    learns=lambda trained: trained,
    copies=lambda slots: 1 + slots,
    unit=4,
    times=three_parts,
):
    """Bytes to keep, bytes while training, multiply-adds of an example and a step."""
    weights, work = np.asarray(weights, "float64"), np.asarray(work, "float64")
    trained = np.asarray(trained, bool)
    keep = weights[kept(trained)].sum()
    hold = weights[held(trained)].sum()
    learn = weights[learns(trained)].sum() * copies(slots)
    return np.array([unit * keep, unit * (hold + learn), work @ times(trained)])


def as_numbers(answer, *inputs):
    """Three numbers as an array."""
    return np.asarray([float(x) for x in answer(*inputs)])


# ── inputs ────────────────────────────────────────────────────────────────────────────


def layers(trained, slots=2, weightless=()):
    """Layers of all sizes, some of them trained; some without weights."""

    def draw(rng):
        count = len(trained)
        weights = rng.integers(20, 400, count)
        work = weights * rng.integers(3, 9, count)
        weights[list(weightless)] = 0
        return weights, work, np.array([letter == "x" for letter in trained]), slots

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def everything(trained):
    """All layers (wrong)."""
    return np.ones_like(trained)


def nothing(trained):
    """No layer (wrong)."""
    return np.zeros_like(trained)


def at_least(trained):
    """The lowest trained layer, too (wrong)."""
    return np.cumsum(trained) > 0


def below_highest(trained):
    """Layers below the highest one that is trained (wrong)."""
    return above_lowest(trained[::-1])[::-1]


def above_highest(trained):
    """Layers above the highest one that is trained (wrong)."""
    found = np.flatnonzero(trained)
    return np.arange(len(trained)) > (found[-1] if len(found) else len(trained))


def but_lowest(trained):
    """Trained layers, but the lowest one (wrong)."""
    return trained & above_lowest(trained)


wrong = mistakes("cost", section="cost")

EXERCISE = Exercise(
    name="cost_card",
    section="cost",
    points=3,
    reference=cost_card,
    probe=as_numbers,
    cases=(
        Case("some", layers("..x.x.")),
        Case("all-frozen", layers("....")),
        Case("all-trained", layers("xxxxx")),
        Case("last", layers("....x")),
        Case("first", layers("x....")),
        Case("middle", layers("..xx..")),
        Case("gap", layers("x..x")),
        Case("one-trained", layers("x")),
        Case("one-frozen", layers(".")),
        Case("no-slots", layers(".x.xx", slots=0)),
        Case("one-slot", layers(".xx.", slots=1)),
        Case("weightless", layers(".x.x.", weightless=(0, 2))),
    ),
    misconceptions=(
        wrong("keeps-all", kept=everything),
        wrong("keeps-frozen", kept=np.logical_not),
        wrong("state-of-all", learns=everything),
        wrong("state-of-frozen", learns=np.logical_not),
        wrong("no-gradients", copies=lambda slots: slots),
        wrong("no-optimizer", copies=lambda slots: 1),
        wrong("always-adam", copies=lambda slots: 3),
        wrong("only-trained-held", held=lambda trained: trained),
        wrong("numbers", unit=1),
        wrong("half-precision", unit=2),
        wrong("no-forward", times=lambda t: three_parts(t, forward=0)),
        wrong("forward-of-trained", times=lambda t: three_parts(t, forward=t)),
        wrong("weight-gradients-of-all", times=lambda t: three_parts(t, own=1)),
        wrong(
            "weight-gradients-above", times=lambda t: three_parts(t, own=at_least(t))
        ),
        wrong("no-weight-gradients", times=lambda t: three_parts(t, own=0)),
        wrong("frozen-above-free", times=lambda t: three_parts(t, through=identity)),
        wrong("trained-but-lowest", times=lambda t: three_parts(t, through=but_lowest)),
        wrong("nothing-passed-down", times=lambda t: three_parts(t, through=nothing)),
        wrong("lowest-passes-down", times=lambda t: three_parts(t, through=at_least)),
        wrong("through-all", times=lambda t: three_parts(t, through=everything)),
        wrong("upside-down", times=lambda t: three_parts(t, through=below_highest)),
        wrong(
            "above-the-highest", times=lambda t: three_parts(t, through=above_highest)
        ),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "from the top": lambda *a: _from_the_top(*a),
        "sums": lambda *a: _with_sums(*a),
    },
)


def _in_loops(weights, work, trained, slots):
    keep = held = passes = 0
    found = False
    for size, cost, learns in zip(weights, work, trained, strict=True):
        held += 4 * size
        passes += cost
        if found:
            passes += cost
        if learns:
            keep += 4 * size
            held += 4 * (1 + slots) * size
            passes += cost
            found = True
    return keep, held, passes


def _from_the_top(weights, work, trained, slots):
    keep = 4 * int(np.dot(weights, trained))
    held = 4 * int(weights.sum()) + keep + slots * keep
    passes, waiting = int(work.sum()), int(trained.sum())
    for cost, learns in zip(work[::-1], trained[::-1], strict=True):
        waiting -= bool(learns)
        passes += cost * (int(learns) + (waiting > 0))
    return [keep, held, passes]


def _with_sums(weights, work, trained, slots):
    below = np.concatenate([[False], np.logical_or.accumulate(trained)[:-1]])
    times = 1.0 + trained + below
    copies = 1 + trained * (1 + slots)
    return np.array([4 * weights @ trained, 4 * weights @ copies, work @ times])
