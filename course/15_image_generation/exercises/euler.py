"""From noise to an image, in steps of one length along a velocity."""

import itertools

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def starts(steps):
    """The time at which each step begins: 0, 1/S, …, (S − 1)/S."""
    return np.arange(steps) / steps


def forward(x, length, velocity):
    """Where a step along the velocity ends."""
    return x + length * velocity


def euler(
    velocity,
    noise,
    steps,
    *,
    starts=starts,
    length=lambda steps: 1 / steps,
    where=lambda x, noise: x,
    step=forward,
    end=lambda x, noise: x,
):
    """The images that noise becomes: (B, D)."""
    noise = np.asarray(noise, "float64")
    x = noise
    for time in starts(steps):
        told = velocity(where(x, noise), np.full(len(x), time))
        x = step(x, length(steps), told)
    return end(x, noise)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def velocity_of(weight, wave):
    """A velocity that depends on place and time."""

    def velocity(x, times):
        x, times = np.asarray(x), np.asarray(times, "float64")
        if times.shape != x.shape[:1]:
            raise ValueError(
                f"velocity takes a time for each of the {len(x)} rows of x, shape "
                f"({len(x)},); given shape {times.shape}"
            )
        return np.tanh(x @ weight) + np.cos(2 * times[:, None] * wave)

    return velocity


def walk(answer, weight, wave, noise, steps):
    """What an answer makes of noise in some field of velocities."""
    return np.asarray(answer(velocity_of(weight, wave), noise, steps))


def walked(weight, wave, noise, steps, **parts):
    """What is right there, or what becomes of it if a part goes wrong."""
    return euler(velocity_of(weight, wave), noise, steps, **parts)


def field(count, size, steps):
    """A field of velocities, noise in it, and how many steps are made."""

    def draw(rng):
        weight = floats(rng, size, size, scale=0.7)
        return weight, floats(rng, size) + 2, floats(rng, count, size), steps

    return draw


wrong = mistakes("euler", section="euler")

EXERCISE = Exercise(
    name="euler",
    section="euler",
    points=4,
    reference=walked,
    probe=walk,
    hidden=("weight", "wave"),
    cases=(
        Case("some", field(3, 4, 5)),
        Case("one-step", field(2, 3, 1)),
        Case("two-steps", field(2, 3, 2)),
        Case("one", field(1, 5, 7)),
        Case("none", field(0, 5, 4)),
        Case("square", field(4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        wrong("backwards", starts=lambda steps: starts(steps)[::-1]),
        wrong("end-times", starts=lambda steps: (np.arange(steps) + 1) / steps),
        wrong("last-time-too", starts=lambda steps: np.linspace(0, 1, steps)),
        wrong("one-too-many", starts=lambda steps: np.arange(steps + 1) / steps),
        wrong("one-too-few", starts=lambda steps: np.arange(steps - 1) / steps),
        wrong("whole-steps", length=lambda steps: 1.0),
        wrong("always-time-0", starts=np.zeros),
        wrong("always-time-1", starts=np.ones),
        wrong("step-numbers", starts=lambda steps: np.arange(steps) * 1.0),
        wrong("away", step=lambda x, length, velocity: x - length * velocity),
        wrong("velocity-of-noise", where=lambda x, noise: noise),
        wrong("without-noise", end=lambda x, noise: x - noise),
    ),
    accepted={
        "while": lambda *a: _while(*a),
        "sum of moves": lambda *a: _sum_of_moves(*a),
        "recursion": lambda *a: _recursion(*a),
        "linspace": lambda *a: _with_linspace(*a),
    },
)


def _while(velocity, noise, steps):
    x, done = noise.astype("float64"), 0
    while done < steps:
        x = x + velocity(x, np.ones(len(noise)) * done / steps) / steps
        done += 1
    return x


def _sum_of_moves(velocity, noise, steps):
    moves = [np.zeros(noise.shape)]
    for k in range(steps):
        at = noise + sum(moves)
        moves.append(velocity(at, np.repeat(k / steps, len(at))) * (1 / steps))
    return noise + np.sum(moves, axis=0)


def _recursion(velocity, noise, steps, done=0):
    if done == steps:
        return np.array(noise, "float64")
    moved = noise + velocity(noise, np.full(len(noise), done / steps)) / steps
    return _recursion(velocity, moved, steps, done + 1)


def _with_linspace(velocity, noise, steps):
    times, x = np.linspace(0, 1, steps + 1), noise.astype("float64").copy()
    for now, after in itertools.pairwise(times):
        x += (after - now) * velocity(x, np.full((len(x),), now))
    return x
