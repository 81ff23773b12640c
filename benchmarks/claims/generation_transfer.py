"""What a model that draws the digits 0 to 4 is worth for drawing 5 to 9.

python benchmarks/claims/generation_transfer.py --measure          # all there is
python benchmarks/claims/generation_transfer.py --measure 5        # one number

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. The DiT of lesson 15 learned 0 to 4, once for all
runs. Of each of 5 to 9 it then gets some pictures, and either everything in it
learns, or only what makes shift, scale and gate of the condition, and the labels'
vectors; beside them everything learns from random weights. Each chose its rate and its
steps, for each number of pictures, from one grid with a seed of its own: by the kernel
distance to training pictures that it was not given. The test has pictures that nobody
was given: 50 made ones of each digit, w = 1.5, 25 steps.
"""

import functools
import itertools
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "15_image_generation"))

STEERING, EVERYTHING, SCRATCH = "shift, scale, gate, labels", "everything", "scratch"
STARTS, REAL = (STEERING, EVERYTHING, SCRATCH), "real pictures"
RATES, STEPS, BATCH = (1e-3, 4e-3), (100, 400), 32
FIRST_RATE, FIRST_STEPS, FIRST_SEED = 2e-3, 600, 0  # of 128 pictures
COUNTS, TUNING_SEED, SEEDS = (5, 20), 100, range(5)
MADE, GUIDANCE, DRAW_STEPS = 50, 1.5, 25
NEAR = 5  # per cent of the unseen real pictures that count as copies
RUN = ("start", "pictures", "split", "rate", "steps", "seed")
SCORES = ("read", "kernel", "frechet", "copied")
FILE = HERE.with_suffix(".csv")


@functools.cache
def data():
    """Pictures and names: to learn from, and to test with."""
    from tlkeras.datasets import digits

    known, unseen = digits.load_data()
    return [(2 * images[..., None] - 1, names) for images, names in (known, unseen)]


def drawn(count, seed):
    """So many pictures of each of 5 to 9, their names, and all the others."""
    import numpy as np

    images, names = data()[0]
    order = np.random.default_rng(seed).permutation(len(names))
    rows = [order[names[order] == digit] for digit in range(5, 10)]
    few = np.concatenate([some[:count] for some in rows])
    rest = np.concatenate([some[count:] for some in rows])
    return images[few], names[few], images[rest]


@functools.cache
def judges():
    """The reader, and what makes features of pictures: `(B, 64)` → `(B, 32)`."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    images, names = data()[0]
    rows = images.reshape(len(images), -1)
    eye = MLPClassifier((32,), activation="tanh", tol=1e-3, random_state=0)
    eye.fit(rows, names)
    features = lambda x: np.tanh(x @ eye.coefs_[0] + eye.intercepts_[0])  # noqa: E731
    return SVC(gamma="scale").fit(rows, names), features


@functools.cache
def painter(start):
    """The model of a start, compiled for what learns in it."""
    import keras
    from painter import DigitPainter

    from tlkeras.transfer import freeze, unfreeze

    made = DigitPainter(labels=10)
    if start == STEERING:
        unfreeze(freeze(made.network), ["modulation/", "label_embedding/"])
        made.flow.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
        made.flow.optimizer.build(made.flow.trainable_variables)
    return made


@functools.cache
def first_weights():
    """Those of the model that learned 0 to 4."""
    images, names = data()[0]
    model = painter(EVERYTHING)
    model.begin(FIRST_SEED)
    known = names < 5
    model.learn(images[known], names[known], FIRST_RATE, FIRST_STEPS, FIRST_SEED)
    return model.network.get_weights()


def noise(seed):
    """Where the pictures that are made begin."""
    import numpy as np

    return np.random.default_rng(1000 + seed).normal(size=(5 * MADE, 8, 8, 1))


def nearest(pictures, others):
    """How far each picture is from the nearest of some others."""
    import numpy as np

    a, b = (x.reshape(len(x), -1) for x in (pictures, others))
    return np.sqrt(((a[:, None] - b) ** 2).sum(axis=-1).min(axis=1))


@once(FILE, RUN, SCORES)
def run(start, count, split, rate, steps, seed):
    """What the pictures of one model are like, or, as the floor, real ones."""
    import numpy as np

    from tlkeras.scores import frechet_distance, kernel_distance

    few, few_names, rest = drawn(count, seed)
    unseen, unseen_names = data()[1]
    asked = np.repeat(np.arange(5, 10), MADE)
    real = rest if split == "validation" else unseen[unseen_names >= 5]
    if start == REAL:
        order = np.random.default_rng(seed).permutation(len(rest))
        made = rest[order[: len(asked)]]
    else:
        source = None if start == SCRATCH else first_weights()
        model = painter(STEERING if start == STEERING else EVERYTHING)
        model.begin(seed, source)
        model.learn(few, few_names, rate, steps, seed, batch=BATCH)
        made = model.flow.sample(asked, DRAW_STEPS, GUIDANCE, noise=noise(seed))
        made = made.clip(-1, 1)
    reader, features = judges()
    read_names = unseen_names[unseen_names >= 5] if start == REAL else asked
    read = real if start == REAL else made  # the reader knows the others
    sets = [features(x.reshape(len(x), -1).astype("float64")) for x in (made, real)]
    limit = np.percentile(nearest(unseen[unseen_names >= 5], few), NEAR)
    return {
        "read": reader.score(read.reshape(len(read), -1), read_names),
        "kernel": kernel_distance(*sets),
        "frechet": frechet_distance(*sets),
        "copied": (nearest(made, few) < limit).mean(),
    }


def measure(count):
    """All runs with so many pictures: the grid, and its best with every seed."""
    for seed in SEEDS:
        run(REAL, count, "test", 0.0, 0, seed)
    for start in STARTS:
        grid = {
            choice: run(start, count, "validation", *choice, TUNING_SEED)
            for choice in itertools.product(RATES, STEPS)
        }
        best = min(grid, key=lambda choice: float(grid[choice]["kernel"]))
        for seed in SEEDS:
            run(start, count, "test", *best, seed)


def values(start, count, score):
    """One number a seed."""
    return {
        int(key[5]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:3] == (start, str(count), "test")
    }


def table(count):
    """Scores and differences with intervals, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    def cells(found):
        for score in SCORES:
            numbers = found(score)
            percent = score in ("read", "copied")
            if len(numbers) < 2:
                yield ""
                continue
            e = estimate([100 * x if percent else x for x in numbers])
            few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
            yield f"{e.mean:.{digits[score]}f} ± {e.half_width:.{digits[score]}f}{few}"

    digits = {"read": 1, "kernel": 3, "frechet": 2, "copied": 1}
    heads = ["", "read as asked, %", "kernel distance", "Fréchet", "copied, %"]
    lines = [heads, ["---"] * len(heads)]
    for start in (REAL, *STARTS):
        lines.append(
            [start, *cells(lambda s, x=start: list(values(x, count, s).values()))]
        )
    pairs = (STEERING, SCRATCH), (EVERYTHING, SCRATCH), (STEERING, EVERYTHING)
    for pair in pairs:

        def gain(score, pair=pair):
            a, b = (values(start, count, score) for start in pair)
            return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]

        lines.append([" − ".join(pair), *cells(gain)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    for count in COUNTS:
        print(f"**{count} pictures of each digit**\n\n{table(count)}\n")
    chosen = {
        key[:2]: f"{key[3]}, {key[4]} steps"
        for key in kept(FILE, RUN)
        if key[2] == "test" and key[0] != REAL
    }
    print(
        f"Chosen of rates {', '.join(map(str, RATES))} and steps "
        f"{', '.join(map(str, STEPS))}: "
        + "; ".join(f"{s} with {n}: {x}" for (s, n), x in chosen.items())
        + ". Real pictures: as many others against the same test pictures; read: the "
        f"test pictures. Copied: nearer to a given picture than all but {NEAR} % of "
        "the test pictures are. 95 % intervals, differences draw by draw."
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for number in map(int, wanted or COUNTS):
            measure(number)
    show()
