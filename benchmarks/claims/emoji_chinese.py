"""What a locked image tower is worth for Chinese names of emoji, against scratch.

python benchmarks/claims/emoji_chinese.py --measure            # all there is
python benchmarks/claims/emoji_chinese.py --measure 300        # so many pairs

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. *Locked*: image tower and projection are those of
`tlkeras://emoji_clip`, which has seen these pictures with English names; vectors of
eight variations of each picture are computed once, and a text tower learns to meet
them. *From scratch*: both towers begin anew, on pictures varied in the same way. Each
way chose rate and steps from one grid, for each number of pairs by itself, by the mean
of recall@5 over both directions on 263 other pairs of the training split. What is told
are the five seeds on held-out combinations and concepts.
"""

import functools
import itertools
import runpy
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
TOWERS = runpy.run_path(str(HERE.parents[2] / "course" / "20_multimodal" / "towers.py"))
PRESET, LOCKED, SCRATCH = "tlkeras://emoji_clip", "locked", "from scratch"
WAYS, COUNTS = (LOCKED, SCRATCH), (100, 300, 1000)
GRID = tuple(itertools.product((1e-3, 4e-3), (100, 300, 900)))  # rates and steps
SEEDS, TUNING_SEED, KEPT_APART, COPIES, BATCH = range(5), 100, 263, 8, 64
LENGTH = 24  # characters, the end included
RUN = ("way", "pairs", "split", "rate", "steps", "seed")
SCORES = ("validation", "combinations", "concepts")
FILE = HERE.with_suffix(".csv")


@functools.cache
def data(split):
    """The emoji of a split, their pictures as the image tower wants them."""
    from tlkeras.checkpoints import load_image_preprocessor
    from tlkeras.datasets import emoji

    found = emoji.load_data(split)
    return found._replace(images=load_image_preprocessor(PRESET)(found.images))


@functools.cache
def source():
    """The CLIP that has read English names."""
    from tlkeras.checkpoints import from_preset

    return from_preset(PRESET)


@functools.cache
def alphabet():
    """A number for each character of all training names: 3 and more."""
    letters = sorted({x for name in data("train").chinese for x in name})
    return {x: place for place, x in enumerate(letters, start=3)}


def token_ids(names, known):
    """Characters as integers (N, 24), 1 for one that is not known, 2 at the end."""
    import numpy as np

    rows = np.zeros((len(names), LENGTH), "int32")
    for row, name in zip(rows, names, strict=True):
        ids = [alphabet()[x] if x in known else 1 for x in name[: LENGTH - 1]]
        row[: len(ids) + 1] = [*ids, 2]
    return rows


def made(way, seed):
    """A CLIP of Chinese names that has learned nothing of them."""
    import keras

    keras.utils.set_random_seed(seed)
    reader = TOWERS["text_tower"](len(alphabet()) + 3, end_id=2)
    if way == SCRATCH:
        return TOWERS["clip"](TOWERS["image_tower"](), reader)
    clip = TOWERS["clip"](source().image_encoder, reader)
    clip.image_projection.set_weights(source().image_projection.get_weights())
    return clip


@functools.cache
def student(way):
    """The CLIP of a way, and what is trained: all of it, or only what reads."""
    clip = made(way, 0)
    return clip, TOWERS["Reader"](clip) if way == LOCKED else clip


@functools.cache
def variations():
    """Vectors of some variations of each training picture, (8, N, 64)."""
    import numpy as np
    from keras import ops

    random = np.random.default_rng(0)
    found = []
    for _ in range(COPIES):
        varied = TOWERS["varied"](data("train").images, random)
        parts = np.array_split(varied, 12)
        found.append(np.concatenate([_vectors(part, ops) for part in parts]))
    return np.stack(found)


def _vectors(images, ops):
    return ops.convert_to_numpy(source().embed_images(images))


def batches(way, rows, texts, seed):
    """Pairs without end."""
    import numpy as np

    if way == SCRATCH:
        yield from TOWERS["batches"](data("train").images[rows], texts, seed, BATCH)
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(len(rows))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            some = order[first : first + BATCH]
            copies = random.integers(0, COPIES, BATCH)
            vectors = variations()[copies, rows[some]]
            yield {"vectors": vectors, "texts": texts[some]}


def recall(clip, images, texts):
    """Recall@5, the mean of texts that look for pictures and of the other way."""
    import numpy as np
    from keras import ops

    from tlkeras.scores import recall_at_k

    table = clip.embed_texts(texts) @ ops.transpose(clip.embed_images(images))
    table = np.round(ops.convert_to_numpy(table), 5)  # equal texts stay equal
    return (recall_at_k(table, 5).rate + recall_at_k(table.T, 5).rate) / 2


@once(FILE, RUN, SCORES)
def run(way, count, split, rate, steps, seed):
    """Recall of a model that has learned."""
    import numpy as np

    train = data("train")
    order = np.random.default_rng([seed, 20]).permutation(len(train.images))
    other, rows = order[:KEPT_APART], order[KEPT_APART:][:count]
    known = {x for name in train.chinese[rows] for x in name}
    clip, trained = student(way)
    clip.set_weights(made(way, seed).get_weights())
    texts = token_ids(train.chinese[rows], known)
    pairs = batches(way, rows, texts, seed)
    TOWERS["learn"](trained, pairs, rate, steps, jit_compile=True)
    parts = {"validation": (train.images[other], train.chinese[other])}
    if split == "test":
        for name in SCORES[1:]:
            parts[name] = data(name).images, data(name).chinese
    return {
        name: recall(clip, images, token_ids(names, known))
        for name, (images, names) in parts.items()
    }


def best(way, count):
    """The rate and steps with the best recall on other training pairs."""
    tried = {
        choice: run(way, count, "validation", *choice, TUNING_SEED) for choice in GRID
    }
    return max(tried, key=lambda choice: float(tried[choice]["validation"]))


def measure(count):
    """Every run with so many pairs that is not kept yet."""
    for seed in SEEDS:
        for way in WAYS:
            run(way, count, "test", *best(way, count), seed)


def chosen(way, count):
    """Rate and steps as the file writes them, of those that were tried."""
    tried = {
        key[3:5]: float(row["validation"])
        for key, row in kept(FILE, RUN).items()
        if key[:3] == (way, str(count), "validation")
    }
    return max(tried, key=tried.get, default=None)


def values(way, count, score):
    """One number a seed, with what was chosen."""
    return {
        int(key[5]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:3] == (way, str(count), "test") and key[3:5] == chosen(way, count)
    }


def table(score):
    """Recall@5 of both ways, and the gain with its interval, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    def cell(numbers):
        if len(numbers) < 2:
            return ""
        found = estimate(numbers)
        few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
        return f"{found.mean:.3f} ± {found.half_width:.3f}{few}"

    lines = [["", *(f"{n:,} pairs" for n in COUNTS)], ["---"] * (len(COUNTS) + 1)]
    for way in WAYS:
        lines.append([way, *(cell([*values(way, n, score).values()]) for n in COUNTS)])
    gains = []
    for n in COUNTS:
        a, b = (values(way, n, score) for way in WAYS)
        gains.append(cell([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]))
    lines.append([f"{LOCKED} − {SCRATCH}", *gains])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    for score in SCORES[1:]:
        print(f"**{score}**\n\n{table(score)}\n")
    print(f"Chosen, highest rate × steps of {BATCH} pairs:\n")
    for way in WAYS:
        picked = (f"{n:,} pairs {' × '.join(chosen(way, n) or ())}" for n in COUNTS)
        print(f"- {way}:", "; ".join(picked))


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for number in map(int, wanted or COUNTS):
            measure(number)
    show()
