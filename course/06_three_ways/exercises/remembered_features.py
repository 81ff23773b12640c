"""Features of four batches from one memory, then of the first from another model."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes


def whole_row(row, place, batch):
    """What a row is known by: all its tokens, in order."""
    return tuple(row)


def new_rows(keys, memory):
    """Places of the rows that nobody has computed, each different one once."""
    return [
        place
        for place, key in enumerate(keys)
        if key not in memory and key not in keys[:place]
    ]


def one_call(count):
    """How many calls some rows take."""
    return min(count, 1)


def keep_all(memory, found):
    """Put what was computed into the memory."""
    memory.update(found)


def by_key(keys, memory, found):
    """A vector for each row, in order."""
    return np.stack([memory[key] if key in memory else found[key] for key in keys])


def remembered_features(
    first,
    second,
    kernel,
    other,
    *,
    key=whole_row,
    wanted=new_rows,
    calls=one_call,
    store=keep_all,
    give=by_key,
    renew=dict,
):
    """Features of four batches from one memory, then of the first from another model.

    All of them below each other, and for each batch how many rows were computed, in how
    many calls.
    """
    memory: dict = {}
    features, work = [], []
    for ids, last in readings(first, second):
        memory = renew() if last and renew is dict else memory
        encode = Encoder(other if last else kernel)
        batch = ids.tolist()
        keys = [key(row, place, batch) for place, row in enumerate(batch)]
        places = wanted(keys, memory)
        vectors = encode(ids[places]) if places else ()
        found = {keys[p]: vector for p, vector in zip(places, vectors, strict=True)}
        store(memory, found)
        features.append(give(keys, memory, found))
        work.append((len(places), calls(len(places))))
    return np.concatenate(features), np.array(work)


class Encoder:
    """A frozen model in small: token ids (n, T) to vectors (n, D)."""

    def __init__(self, kernel):
        self.kernel, self.rows, self.calls = kernel, 0, 0

    def __call__(self, token_ids):
        token_ids = np.asarray(token_ids)
        if token_ids.ndim != 2 or token_ids.shape[1] != len(self.kernel):
            raise ValueError(
                f"encode takes token ids of shape (n, {len(self.kernel)}); given "
                f"{token_ids.shape}"
            )
        self.rows += len(token_ids)
        self.calls += bool(len(token_ids))
        return np.sin(token_ids.astype(float) @ self.kernel)  # (n, D)


def readings(first, second):
    """What is read one after another, and whether another model reads it."""
    batches = (first, second, first[::-1].copy(), first)
    return [*((ids, False) for ids in batches), (first, True)]


def probe_remembered(answer, first, second, kernel, other):
    """Call the learner again and again, with one memory, and count the work."""
    memory, features, work = {}, [], []
    for ids, last in readings(first, second):
        memory = {} if last else memory
        encode = Encoder(other if last else kernel)
        given = answer(encode, ids, memory)
        if given is None:
            return None, np.array(work)
        features.append(np.asarray(given))
        work.append((encode.rows, encode.calls))
    return np.concatenate(features), np.array(work)


def rereading(first, second, length=5, size=3):
    """Batches that share rows: `first` and `second` name rows of a small pool.

    Rows 0 and 1 have the same tokens in another order, 2 and 3 the same beginning, 4
    and 5 the same sum, 2 and 6 the same end.
    """

    def draw(rng):
        pool = rng.choice(np.arange(4, 200, 3), (7, length), replace=False)
        pool[1] = pool[0][[-1, *range(1, length - 1), 0]]
        pool[3, : length - 1] = pool[2, : length - 1]
        pool[5] = pool[4] + [1, *[0] * (length - 2), -1]
        pool[6, 1:] = pool[2, 1:]
        kernels = (floats(rng, length, size, scale=0.3) for _ in "ab")
        return pool[list(first)], pool[list(second)], *kernels

    return draw


wrong = mistakes("memory", section="memory")


def everything(keys, memory):
    """All rows, known or not."""
    return list(range(len(keys)))


EXERCISE = Exercise(
    name="remembered_features",
    section="memory",
    points=3,
    reference=remembered_features,
    probe=probe_remembered,
    hidden=("kernel", "other"),
    cases=(
        Case("apart", rereading((0, 2, 4), (1, 3, 5, 6))),
        Case("shared", rereading((4, 0, 2), (2, 1, 4, 3))),
        Case("twice", rereading((0, 2, 0, 4, 2), (5, 4, 1, 5, 6))),
        Case("short", rereading((5, 1), (3, 5, 0), length=3, size=4)),
        Case("single", rereading((3,), (2,))),
    ),
    misconceptions=(
        wrong("place-as-key", key=lambda row, place, batch: place),
        wrong("place-and-row", key=lambda row, place, batch: (place, *row)),
        wrong("batch-as-key", key=lambda row, place, batch: f"{place} of {batch}"),
        wrong(
            "first-batch",
            key=lambda row, place, batch: place,
            wanted=lambda keys, memory: [] if memory else everything(keys, memory),
            give=lambda keys, memory, found: np.stack([*memory.values()]),
        ),
        wrong("order-ignored", key=lambda row, place, batch: tuple(sorted(row))),
        wrong("beginning-as-key", key=lambda row, place, batch: tuple(row[:2])),
        wrong("end-as-key", key=lambda row, place, batch: tuple(row[-2:])),
        wrong("sum-as-key", key=lambda row, place, batch: sum(row)),
        wrong("never-looked-up", wanted=everything),
        wrong("never-stored", store=lambda memory, found: None),
        wrong(
            "twice-in-a-batch",
            wanted=lambda keys, memory: [
                place for place, key in enumerate(keys) if key not in memory
            ],
        ),
        wrong(
            "all-if-any-is-new",
            wanted=lambda keys, memory: (
                everything(keys, memory) if any(k not in memory for k in keys) else []
            ),
        ),
        wrong(
            "distinct-if-any-is-new",
            wanted=lambda keys, memory: (
                new_rows(keys, {}) if any(k not in memory for k in keys) else []
            ),
        ),
        wrong("one-by-one", calls=lambda count: count),
        wrong(
            "order-lost",
            give=lambda keys, memory, found: by_key(
                sorted(keys, key=lambda k: k in found), memory, found
            ),
        ),
        wrong(
            "whole-memory",
            give=lambda keys, memory, found: np.stack(
                [*memory.values(), *found.values()]
            )[: max(len(memory), len(found))],
        ),
        wrong(
            "doubles-dropped",
            give=lambda keys, memory, found: by_key(dict.fromkeys(keys), memory, found),
        ),
        wrong(
            "newest-only",
            give=lambda keys, memory, found: by_key(found or keys, memory, found),
        ),
        wrong("another-models", renew=lambda: None),
    ),
    accepted={
        "bytes": lambda e, ids, memory: _remember_bytes(e, ids, memory),
        "np.unique": lambda e, ids, memory: _remember_unique(e, ids, memory),
        "text": lambda e, ids, memory: _remember_text(e, ids, memory),
        "list of vectors": lambda e, ids, memory: list(_remember_bytes(e, ids, memory)),
        "keras": lambda e, ids, memory: keras().ops.convert_to_tensor(
            _remember_unique(e, ids, memory)
        ),
    },
)


def _remember_bytes(encode, token_ids, memory):
    keys = [row.tobytes() for row in token_ids]
    new = {k: row for k, row in zip(keys, token_ids, strict=True) if k not in memory}
    if new:
        memory.update(zip(new, encode(np.stack(list(new.values()))), strict=True))
    return np.stack([memory[key] for key in keys])


def _remember_unique(encode, token_ids, memory):
    rows, inverse = np.unique(token_ids, axis=0, return_inverse=True)
    keys = [tuple(row) for row in rows.tolist()]
    new = [i for i, key in enumerate(keys) if key not in memory]
    vectors = encode(rows[new])  # perhaps of no rows at all
    for i, vector in zip(new, vectors, strict=True):
        memory[keys[i]] = vector
    return np.array([memory[key] for key in keys])[inverse.ravel()]


def _remember_text(encode, token_ids, memory):
    missing = {}
    for row in token_ids.tolist():
        if str(row) not in memory:
            missing[str(row)] = row
    if missing:
        for key, vector in zip(missing, encode(list(missing.values())), strict=True):
            memory[key] = vector
    return [memory[str(row)] for row in token_ids.tolist()]
