"""Which blocks learn in each epoch: booleans (epochs, blocks)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def one_more(epoch, every):
    """How many blocks learn: the last alone at first, one more `every` epochs."""
    return 1 + epoch // every


def thaw(
    number,
    every,
    epochs,
    *,
    count=one_more,
    which=lambda places, count: places >= len(places) - count,
):
    """Which blocks learn in each epoch: booleans (epochs, blocks)."""
    places = np.arange(number)
    return np.array([which(places, count(epoch, every)) for epoch in range(epochs)])


def probe_thaw(answer, number, every, epochs):
    """Blocks of a model, from input to output; which of them learn in each epoch."""
    import keras

    blocks = [keras.layers.Dense(3 + i % 2, name=f"block_{i}") for i in range(number)]
    model = keras.Sequential([keras.Input((3,)), *blocks])
    rows = []
    for epoch in range(epochs):
        answer(list(blocks), epoch, every)
        learning = {id(weight) for weight in model.trainable_weights}
        rows.append([id(block.kernel) in learning for block in blocks])
    return np.array(rows)


def thaw_inputs(number, every, epochs):
    """How many blocks there are, epochs between two changes, epochs in all."""
    return lambda rng: (number, every, epochs)


wrong = mistakes("thaw", section="thaw")

EXERCISE = Exercise(
    name="thaw",
    section="thaw",
    points=3,
    reference=thaw,
    probe=probe_thaw,
    forbidden=("tlkeras.transfer.GradualUnfreezing", "tlkeras.transfer.unfreeze"),
    cases=(
        Case("each-epoch", thaw_inputs(5, 1, 4)),
        Case("every-third", thaw_inputs(4, 3, 8)),
        Case("longer", thaw_inputs(3, 2, 9)),
        Case("two-blocks", thaw_inputs(2, 4, 6)),
        Case("one-block", thaw_inputs(1, 2, 5)),
    ),
    misconceptions=(
        wrong("from-the-input", which=lambda places, count: places < count),
        wrong(
            "one-at-a-time", which=lambda places, count: places == len(places) - count
        ),
        wrong(
            "one-at-a-time-first-stays",
            which=lambda places, count: places == max(0, len(places) - count),
        ),
        wrong(
            "one-at-a-time-none-left",  # an IndexError when all have had their turn
            which=lambda places, count: places == places[-count],
        ),
        wrong(
            "one-at-a-time-again",
            which=lambda places, count: (
                places == places[-1 - (count - 1) % len(places)]
            ),
        ),
        wrong("inverted", which=lambda places, count: places < len(places) - count),
        wrong("never-frozen", which=lambda places, count: places >= 0),
        wrong("never-unfrozen", count=lambda epoch, every: 1),
        wrong("nothing-at-first", count=lambda epoch, every: epoch // every),
        wrong("two-at-first", count=lambda epoch, every: 2 + epoch // every),
        wrong("every-ignored", count=lambda epoch, every: 1 + epoch),
        wrong("every-is-a-number", count=lambda epoch, every: 1 + epoch * every),
        wrong("rounded-up", count=lambda epoch, every: 1 + -(-epoch // every)),
        wrong("an-epoch-too-soon", count=lambda epoch, every: 1 + (epoch + 1) // every),
        wrong(
            "an-epoch-too-late", count=lambda epoch, every: max(1, -(-epoch // every))
        ),
        wrong("all-at-once", count=lambda epoch, every: 1 if epoch < every else 1_000),
        wrong("slice-of-none", count=lambda epoch, every: epoch // every or 1_000),
    ),
    accepted={
        "a loop": lambda blocks, epoch, every: _thaw_by_number(blocks, epoch, every),
        "a slice": lambda blocks, epoch, every: _thaw_by_slice(blocks, epoch, every),
        "from the end": lambda blocks, epoch, every: _thaw_from_the_end(
            blocks, epoch, every
        ),
        "returns the blocks": lambda blocks, epoch, every: [
            setattr(b, "trainable", len(blocks) - i <= 1 + epoch // every) or b
            for i, b in enumerate(blocks)
        ],
    },
)


def _thaw_by_number(blocks, epoch, every):
    for i, block in enumerate(blocks):
        block.trainable = i >= len(blocks) - 1 - epoch // every


def _thaw_by_slice(blocks, epoch, every):
    for block in blocks:
        block.trainable = False
    for block in blocks[-(1 + int(epoch / every)) :]:
        block.trainable = True


def _thaw_from_the_end(blocks, epoch, every):
    for depth, block in enumerate(reversed(blocks)):
        block.trainable = depth * every <= epoch
