"""D^−½ · min(step^−½, step · W^−1.5)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from ._shared import our_models


def learning_rate(
    step,
    hidden_dim,
    warmup_steps,
    *,
    size=lambda hidden_dim: hidden_dim**-0.5,
    fall=lambda step: step**-0.5,
    rise=lambda step, warmup: step * warmup**-1.5,
    choose=np.minimum,
    count=identity,
):
    """D^−½ · min(step^−½, step · W^−1.5)."""
    step = count(np.asarray(step, dtype=np.float64))
    return size(hidden_dim) * choose(fall(step), rise(step, warmup_steps))


def steps(hidden_dim, warmup_steps):
    """Some steps before, at and after the end of the warm-up."""

    def draw(rng):
        before = rng.integers(2, warmup_steps, 3)
        after = rng.integers(warmup_steps + 1, 20 * warmup_steps, 3)
        turn = [warmup_steps - 1, warmup_steps, warmup_steps + 1]
        drawn = np.sort(np.concatenate([[1], turn, before, after]))
        return drawn, hidden_dim, warmup_steps

    return draw


wrong = mistakes("rate", section="warmup")

EXERCISE = Exercise(
    name="learning_rate",
    section="warmup",
    points=2,
    reference=learning_rate,
    cases=(
        Case("small", steps(16, 40), 1e-6),
        Case("usual", steps(512, 4000), 1e-8),
        Case("one", lambda rng: (int(rng.integers(2, 30)), 64, 100), 1e-6),
        Case("one-later", lambda rng: (int(rng.integers(200, 900)), 64, 100), 1e-6),
        Case("no-warmup", lambda rng: (np.array([1, 2, 3, 50]), 32, 1), 1e-6),
    ),
    misconceptions=(
        wrong("larger-of-both", choose=np.maximum),
        wrong("never-falls", choose=lambda fall, rise: rise),
        wrong("never-rises", choose=lambda fall, rise: fall),
        wrong("product", choose=np.multiply),
        wrong("size-ignored", size=lambda hidden_dim: 1.0),
        wrong("size-multiplied", size=np.sqrt),
        wrong("size-without-root", size=lambda hidden_dim: 1 / hidden_dim),
        wrong("falls-too-fast", fall=lambda step: step**-1.0),
        wrong("jump", rise=lambda step, warmup: step * warmup**-0.5),
        wrong("kink", rise=lambda step, warmup: step / warmup),
        wrong(
            "stays",
            choose=lambda fall, rise: rise,
            rise=lambda step, warmup: np.minimum(step, warmup) * warmup**-1.5,
        ),
        wrong("one-step-late", count=lambda step: step - 1),
        wrong("counted-from-0", count=lambda step: step + 1),
        wrong("rises-to-1", rise=lambda step, warmup: step * warmup**-1.0 * 10),
    ),
    accepted={
        "where": lambda step, d, w: (
            d**-0.5
            * np.where(
                np.asarray(step) < w,
                np.asarray(step) / w**1.5,
                np.asarray(step) ** -0.5,
            )
        ),
        "peak times share": lambda step, d, w: (
            np.minimum(np.asarray(step) / w, np.sqrt(w / np.asarray(step)))
            / np.sqrt(d * w)
        ),
        "python": lambda step, d, w: (
            [d**-0.5 * min(n**-0.5, n * w**-1.5) for n in step.tolist()]
            if hasattr(step, "tolist")
            else d**-0.5 * min(step**-0.5, step * w**-1.5)
        ),
        "library": lambda step, d, w: our_models().WarmUp(d, w)(np.asarray(step) - 1),
    },
)
