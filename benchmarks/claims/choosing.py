"""Which body, read at which depth or fine-tuned, for seven tasks none was trained on.

python benchmarks/claims/choosing.py --measure [frozen | fine-tuned | LoRA]
python benchmarks/claims/choosing.py

`--measure` goes on where it was stopped; each run is a line of
`course/22_capstone/measured.csv`, which the lesson and its exercises read. Without it
the runs kept are shown. A seed draws 60 examples to learn from and 40 to validate on;
the test has up to 300, the same for all seeds. Features are the mean over the tokens at
a depth, under a logistic regression; pixels, words or the mean spectrum stand for no
body at all. Fine-tuning trains all weights under a new head; LoRA the head and a change
of rank 4 of queries and values, at sixteen times the rates. Each chooses its penalty
or rate on the 40, and the test is read once, for that one. LogME is that of the 100.
"""

import functools
import sys
from pathlib import Path

import numpy as np
from _once import kept, once

HERE = Path(__file__).resolve()
LESSON = HERE.parents[2] / "course" / "22_capstone"
sys.path.insert(0, str(LESSON))

PENALTIES = (0.001, 0.01, 0.1, 1.0)  # C of scikit-learn
RATES = {"fine-tuned": (5e-4, 2e-3, 8e-3), "LoRA": (8e-3, 32e-3, 128e-3)}
STEPS, BATCH, RANK, LOGITS = 80, 16, 4, 9  # logits: the most classes
SEEDS, POOLS = range(5), (250, 100)  # drawn from: to learn, to validate
RUN = ("task", "candidate", "seed")
SCORES = ("setting", "validation", "test", "logme", "bytes", "work")
FILE = LESSON / "measured.csv"


@functools.lru_cache(maxsize=1)
def task(name):
    """A task cut down to what is read."""
    import shelf

    whole = shelf.task(name)
    rng = np.random.default_rng(0)
    some = np.concatenate(
        [
            rng.permutation(np.flatnonzero(whole.part == part))[:count]
            for part, count in enumerate((*POOLS, shelf.TEST))
        ]
    )
    given = {
        kind: [x[i] for i in some] if kind == "text" else x[some]
        for kind, x in whole.given.items()
    }
    return shelf.Task(given, whole.labels[some], whole.part[some])


def parts(name, seed):
    """Places to learn from, to validate on, to test on."""
    import shelf

    from tlkeras.transfer import draw_labels

    here = task(name)
    places = [np.flatnonzero(here.part == part) for part in range(3)]
    counts = shelf.LEARN, shelf.VALIDATE
    drawn = (
        where[draw_labels(here.labels[where], count, seed)]
        for where, count in zip(places, counts, strict=False)
    )
    return *drawn, places[2]


@functools.lru_cache(maxsize=12)
def inputs(name, body):
    """What a body reads of a task."""
    import shelf

    kind = next(kind for kind, names in shelf.BODIES.items() if body in names)
    return shelf.inputs_of(body, task(name).given[kind])


@functools.lru_cache(maxsize=12)
def features(name, body):
    """What a body, or none, says at each depth."""
    import shelf

    here = task(name)
    for kind, raw in shelf.RAW.items():
        if raw == body:
            return [shelf.raw(kind, here.given[kind], here.part)]
    return shelf.features(body, inputs(name, body))


def candidates(name, way):
    """Names of all candidates: a body and a depth, or what is done with it."""
    import shelf

    for kind in task(name).given:
        if way == "frozen":
            yield shelf.RAW[kind]
        for body in shelf.BODIES[kind]:
            if way == "frozen":
                depths = range(shelf.encoder(body).get_config()["num_layers"] + 1)
                yield from (f"{body} {depth}" for depth in depths)
            else:
                yield f"{body} {way}"


@once(FILE, RUN, SCORES)
def run(name, candidate, seed):
    """One candidate with the labels of one seed."""
    body, _, depth = candidate.partition(" ")
    if depth in RATES:
        return trained(name, body, depth, seed)
    return frozen(name, body, int(depth or 0), seed)


def frozen(name, body, depth, seed):
    """A logistic regression on features."""
    from sklearn.linear_model import LogisticRegression

    from tlkeras.transfer import logme

    labels = task(name).labels
    learn, validate, test = parts(name, seed)
    x = features(name, body)[depth]
    x = x - x[learn].mean(axis=0)
    x = x / x[learn].std()  # one number for all: what hardly varies stays small
    best = None
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=500)
        model.fit(x[learn], labels[learn])
        score = model.score(x[validate], labels[validate])
        if best is None or score > best[0]:
            best = score, penalty, model
    both = np.concatenate([learn, validate])
    return {
        "setting": best[1],
        "validation": best[0],
        "test": best[2].score(x[test], labels[test]),
        "logme": logme(x[both], labels[both]),
        **costs(name, body, depth, x.shape[1]),
    }


@functools.cache
def trainer(body, way):
    """One compiled classifier for all runs of a body."""
    import keras
    import shelf

    from tlkeras.transfer import Retrainer, add_lora

    keras.utils.set_random_seed(0)
    model = shelf.classifier(body, LOGITS)
    if way == "LoRA":
        add_lora(model, RANK, trainable="head", seed=0)
    return Retrainer(model, BATCH, jit_compile=False)


def trained(name, body, way, seed):
    """All weights of a body, or a small change of it."""
    import keras
    import shelf

    labels = task(name).labels
    learn, validate, test = parts(name, seed)

    def rows(where):
        return keras.tree.map_structure(lambda x: x[where], inputs(name, body))

    best = None
    for rate in RATES[way]:
        trainer(body, way).run(rows(learn), labels[learn], rate, STEPS, seed)
        score = trainer(body, way).accuracy(rows(validate), labels[validate])
        if best is None or score > best[0]:
            best = (
                score,
                rate,
                trainer(body, way).logits(rows(test), 100).argmax(axis=1),
            )
    depth = shelf.encoder(body).get_config()["num_layers"]
    return {
        "setting": best[1],
        "validation": best[0],
        "test": np.mean(best[2] == labels[test]),
        "logme": np.nan,
        **costs(name, body, depth, 0),
    }


def costs(name, body, depth, width):
    """Bytes and multiply-adds, by name."""
    import shelf

    classes = int(task(name).labels.max()) + 1
    if body in shelf.RAW.values():
        return {"bytes": 4 * classes * (width + 1), "work": classes * width}
    return shelf.cost(body, depth, tokens(name, body), classes)._asdict()


def tokens(name, body):
    """T that reach the first block of a body."""
    import shelf

    some = inputs(name, body)
    if not isinstance(some, dict):  # pictures, and the class token
        patch = np.ravel(shelf.encoder(body).get_config()["patch_size"])[0]
        return int(some.shape[1] // patch) ** 2 + 1
    if "features" in some:
        return some["features"].shape[1] // 4
    return some["token_ids"].shape[1]


def measure(ways):
    """All runs, a task after the other."""
    import shelf

    for way in ways:
        for name in shelf.TASKS:
            for seed in SEEDS:
                for candidate in candidates(name, way):
                    run(name, candidate, seed)


def accuracies(score="test"):
    """Task and candidate to one of its scores, (S,)."""
    found = {}
    for row in kept(FILE, RUN).values():
        if row[score] != "nan":
            place = found.setdefault((row["task"], row["candidate"]), {})
            place[int(row["seed"])] = float(row[score])
    return {
        names: np.array([by_seed[seed] for seed in sorted(by_seed)])
        for names, by_seed in found.items()
    }


def interval(values):
    """A mean of five, with a 95 % interval."""
    return (
        f"{values.mean():.3f} ± {2.776 * values.std(ddof=1) / len(values) ** 0.5:.3f}"
    )


def best(found, name, belongs=bool, scores=None):
    """The candidate of a task with the highest mean, among some of them."""
    able = [c for task_name, c in found if task_name == name and belongs(c)]
    return max(able, key=lambda c: (scores or found)[name, c].mean())


KINDS = {
    "no body": lambda c: " " not in c,
    "frozen body": lambda c: c.rpartition(" ")[2].isdigit(),
    "fine-tuned": lambda c: c.endswith("fine-tuned"),
    "LoRA": lambda c: c.endswith("LoRA"),
}


ABOUT = """\
Test accuracy of the best candidate of each kind, which was taken by its test.
A body is a pretrained model without its head; the number behind a frozen one is
the block whose output is read (0: the embeddings). *rest* is the better of the
best frozen body and the best without a body.
"""
GUESSES = """\
How well frozen candidates are guessed from the labels of one seed. *rank* is
the rank correlation of a guess with the test accuracies: 1 is the same order.
The guess is LogME, which trains nothing, or the accuracy on 40 more labels.
*regret* is the test accuracy lost by taking the candidate that was guessed:
"""


def show():
    """The section of RESULTS.md."""
    found, guess = accuracies(), accuracies("logme")
    names = list(dict.fromkeys(name for name, _ in found))
    print(ABOUT)
    print("| task |", " | ".join(KINDS), "| fine-tuned − rest | LoRA − rest |")
    print("| --- " * 7 + "|")
    for name in names:
        of = {kind: best(found, name, belongs) for kind, belongs in KINDS.items()}
        still = best(guess, name, scores=found)
        cells = [f"{found[name, c].mean():.3f} {c}" for c in of.values()]
        cells += [
            interval(found[name, of[kind]] - found[name, still])
            for kind in ("fine-tuned", "LoRA")
        ]
        print(f"| {name} |", " | ".join(cells), "|")
    pairs = [
        (name, c, c.replace("LoRA", "fine-tuned")) for name, c in found if "LoRA" in c
    ]
    more = np.array([found[n, a].mean() - found[n, b].mean() for n, a, b in pairs])
    print(
        f"\nLoRA − fine-tuned, {len(pairs)} pairs of a body and a task: mean ", end=""
    )
    print(f"{more.mean():.3f}, from {more.min():.3f} to {more.max():.3f}.\n")
    show_guesses(found, guess, accuracies("validation"), names)


def show_guesses(found, guess, validation, names):
    """How frozen candidates are ranked, and what is lost by who is taken."""
    from scipy.stats import spearmanr

    print(GUESSES)
    print(
        "| task | rank, LogME | rank, 40 labels | regret, LogME | regret, 40 labels |"
    )
    print("| --- " * 5 + "|")
    for name in names:
        which = [c for task_name, c in guess if task_name == name]
        truth = np.array([found[name, c] for c in which])
        cells, mean = [], truth.mean(axis=1)
        tables = [np.array([x[name, c] for c in which]) for x in (guess, validation)]
        for table in tables:
            ranks = [spearmanr(*two)[0] for two in zip(table.T, truth.T, strict=True)]
            cells.append(f"{np.mean(ranks):.2f}")
        for table in tables:
            cells.append(f"{np.mean(mean.max() - mean[table.argmax(axis=0)]):.3f}")
        print(f"| {name} |", " | ".join(cells), "|")


def main(*arguments):
    """Measure, or show."""
    if arguments[:1] == ("--measure",):
        measure(arguments[1:] or ("frozen", *RATES))
    show()


if __name__ == "__main__":
    main(*sys.argv[1:])
