"""What a small pretrained BERT is worth for marking answers, and counting words beside.

python benchmarks/claims/qa_transfer.py --measure          # all there is
python benchmarks/claims/qa_transfer.py --measure 1000     # one number of questions

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. Questions about parameters of NumPy, SciPy and
scikit-learn; tested on other source files of the three, and on Matplotlib, of which
nothing is learned. The reader of lesson 12 learns from `tlkeras://bert_docstrings` or
from random weights; both chose their rate from one grid, with 1,000 questions of a seed
of its own, on validation files. Word overlap learns from the same questions where in
the best line an answer stands.
"""

import functools
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "12_question_answering"))

STARTS, OVERLAP = ("pretrained", "from scratch"), "word overlap"
STEPS = {1000: 250, 250: 125, 2000: 500, 100: 60}  # of 16 windows, by questions
RATES, GRID_COUNT, TUNING_SEED, SEEDS = (1e-3, 2e-3, 4e-3), 1000, 100, range(5)
TESTS, VALIDATION = 300, 150
SHIFT = "matplotlib"
SETS = {"test": "other files", SHIFT: "Matplotlib"}
RUN = ("start", "questions", "split", "rate", "seed")
SCORES = [f"{score}_{name}" for name in SETS for score in ("f1", "exact")]
FILE = HERE.with_suffix(".csv")


@functools.cache
def data():
    """Questions to learn from, and those of each set."""
    from tlkeras.datasets import parameter_questions

    train, validation, test = parameter_questions.load_data()
    other = [q for part in parameter_questions.load_data((SHIFT,)) for q in part]
    sets = {"test": test[:TESTS], SHIFT: other[:TESTS]}
    return train, validation[:VALIDATION], sets


@functools.cache
def reader():
    """The model in which all starts learn."""
    from reader import Reader

    return Reader()


def drawn(count, seed):
    """Questions to learn from."""
    import numpy as np

    train = data()[0]
    return [
        train[i] for i in np.random.default_rng(seed).permutation(len(train))[:count]
    ]


@once(FILE, RUN, SCORES)
def run(start, count, split, rate, seed):
    """F1 and exact match of one reader."""
    from tlkeras.scores import score_answers

    questions = drawn(count, seed)
    if start == OVERLAP:
        from overlap import Overlap

        learned = Overlap(questions)
        answers = learned.answer
    else:
        learned = reader()
        weights = learned.first_weights(start, seed)
        learned.learn(questions, weights, rate, STEPS[count], seed)
        answers = learned.answers
    found = {}
    sets = {"test": data()[1]} if split == "validation" else data()[2]
    for name, some in sets.items():
        said = {q.id: text for q, text in zip(some, answers(some), strict=True)}
        wanted = {q.id: [answer.text for answer in q.answers] for q in some}
        scores = score_answers(said, wanted)
        found |= {f"f1_{name}": scores["f1"], f"exact_{name}": scores["exact_match"]}
    return found


def best_rate(start):
    """The rate with the best F1 on validation files."""
    tried = {r: run(start, GRID_COUNT, "validation", r, TUNING_SEED) for r in RATES}
    return max(tried, key=lambda rate: float(tried[rate]["f1_test"]))


def measure(count):
    """Every run with so many questions that is not kept yet."""
    for seed in SEEDS:
        run(OVERLAP, count, "test", 0.0, seed)
    for seed in SEEDS:
        for start in STARTS:
            run(start, count, "test", best_rate(start), seed)


def values(start, count, score):
    """One number a seed."""
    rows = {
        int(key[4]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:3] == (start, str(count), "test")
    }
    return rows


def table(score):
    """Scores and gains, with intervals, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    def cell(numbers):
        if len(numbers) < 2:
            return ""
        found = estimate([100 * x for x in numbers])
        few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
        return f"{found.mean:.1f} ± {found.half_width:.1f}{few}"

    counts = sorted(STEPS)
    lines = [["", *(f"{n:,} questions" for n in counts)], ["---"] * (len(counts) + 1)]
    for start in (OVERLAP, *reversed(STARTS)):
        cells = [cell(list(values(start, n, score).values())) for n in counts]
        lines.append([start, *cells])
    for other in (STARTS[1], OVERLAP):
        cells = []
        for n in counts:
            a, b = values(STARTS[0], n, score), values(other, n, score)
            cells.append(
                cell([a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())])
            )
        lines.append([f"{STARTS[0]} − {other}", *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    scores = {"f1": "F1", "exact": "exact match"}
    tables = {
        f"{where}: {title}, %": table(f"{score}_{name}")
        for name, where in SETS.items()
        for score, title in scores.items()
    }
    for title, lines in tables.items():
        print(f"**{title}**\n\n{lines}\n")
    if any(" |  |" in lines for lines in tables.values()):
        print("Empty: not measured yet. `--measure` goes on with it.\n")
    chosen = {
        key[0]: key[3] for key in kept(FILE, RUN) if key[2] == "test" and key[3] != "0"
    }
    steps = ", ".join(f"{n:,}: {STEPS[n]}" for n in sorted(STEPS))
    print(
        f"Steps of 16 windows, by questions: {steps}. Highest rate, of "
        f"{', '.join(map(str, RATES))}: "
        + "; ".join(f"{start} {rate}" for start, rate in chosen.items())
        + f". {TESTS} test questions; 95 % intervals, differences draw by draw."
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for count in map(int, wanted or STEPS):
            measure(count)
    show()
