"""What a trained encoder is worth to a writer of first lines, and copying with it.

python benchmarks/claims/summaries_transfer.py --measure            # all there is
python benchmarks/claims/summaries_transfer.py --measure 1000       # part of it

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. A writer learns from 250, 1,000 or 4,000 docstrings
and their first lines: from random weights; with the encoder and the table of words of
`tlkeras://bert_docstrings`; from 1,000 also with these and nothing ever copied. All
choose rate and steps from one grid, for each number of pairs by itself, by ROUGE-L on
validation, with a seed of its own. Two scores of the test lines and of those of NumPy,
which nobody trained on: ROUGE-L, and ROUGE-1 of rare words, those outside of the 100
that the training lines have most often.
"""

import functools
import itertools
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "11_summaries"))

COUNTS = (1000, 250, 4000)
KINDS = {  # whether the encoder is trained already, and whether words can be copied
    "from scratch": (False, True),
    "trained encoder": (True, True),
    "trained encoder, no copying": (True, False),
}
GRIDS = {  # highest rates and steps, by number of pairs
    250: ((1e-3, 100), (3e-3, 100), (3e-3, 400)),
    1000: ((1e-3, 200), (3e-3, 200), (3e-3, 800)),
    4000: ((1e-3, 400), (3e-3, 400), (3e-3, 1200)),
}
TUNING_SEED, SEEDS, TESTS = 100, range(5), 150
SETS = ("test", "new")
RUN = ("pairs", "start", "split", "rate", "steps", "seed")
SCORES = [f"{score}_{part}" for part in SETS for score in ("rougeL", "rare")]
FILE = HERE.with_suffix(".csv")
FREQUENT = 100


@functools.cache
def everything():
    """The splits, as many as wanted of each."""
    from tlkeras.datasets import first_lines

    train, *others = first_lines.load_data(10_000, seed=0)
    return train, *(rows[:TESTS] for rows in others)


@functools.cache
def writers():
    """The model in which all writers learn."""
    from writers import Writers

    return Writers()


def rows(pairs):
    """Sources, masks and targets of some pairs."""
    from writers import SOURCE, TARGET, as_rows

    tool = writers()
    source = as_rows(tool, [pair.text for pair in pairs], SOURCE)
    return (*source, as_rows(tool, [pair.line for pair in pairs], TARGET + 1)[0])


def scores(pairs, rare):
    """ROUGE-L of what is written, and ROUGE-1 of rare words, from 0 to 100."""
    from tlkeras.scores import rouge

    tool = writers()
    written = tool.texts(tool.write(*rows(pairs)[:2]))
    lines = [pair.line for pair in pairs]
    of_rare = [(rare(a), rare(b)) for a, b in zip(written, lines, strict=True)]
    of_rare = [both for both in of_rare if both[1]]
    found = rouge(*zip(*of_rare, strict=True))["rouge1"]
    return 100 * rouge(written, lines)["rougeL"], 100 * found


@once(FILE, RUN, SCORES)
def run(pairs, kind, split, rate, steps, seed):
    """The scores of one writer."""
    from writers import rare_words

    train, validation, *tests = everything()
    chosen = train[:pairs] if pairs > 1000 else train[seed % 4 * pairs :][:pairs]
    tool, (trained, copies) = writers(), KINDS[kind]
    start = tool.start(seed, trained, copies)
    tool.learn(*rows(chosen), start, rate, steps, seed)
    rare = rare_words([pair.line for pair in train], FREQUENT)
    if split == "validation":
        return dict(zip(SCORES[:2], scores(validation, rare), strict=True))
    found = [score for part in tests for score in scores(part, rare)]
    return dict(zip(SCORES, found, strict=True))


def measure(pairs, kinds):
    """Choose rate and steps for each start, then test all, seed by seed."""
    grid, best = GRIDS[pairs], {}
    for kind in kinds:
        tried = [run(pairs, kind, "validation", *g, TUNING_SEED) for g in grid]
        found = [float(row["rougeL_test"]) for row in tried]
        best[kind] = found.index(max(found))
    for seed, kind in itertools.product(SEEDS, kinds):
        run(pairs, kind, "test", *grid[best[kind]], seed)


def values(pairs, kind, score):
    """One number a seed."""
    wanted = (str(pairs), kind, "test")
    found = [row for key, row in kept(FILE, RUN).items() if key[:3] == wanted]
    return [float(row[score]) for row in sorted(found, key=lambda row: row["seed"])]


def table(score):
    """Scores and gains, with intervals, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    def cell(numbers):
        if len(numbers) < 2:
            return ""
        found = estimate(numbers)
        few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
        return f"{found.mean:.1f} ± {found.half_width:.1f}{few}"

    counts = sorted(COUNTS)
    lines = [["", *(f"{count:,} pairs" for count in counts)], ["---"] * 4]
    for kind in KINDS:
        lines.append([kind, *(cell(values(c, kind, score)) for c in counts)])
    first, *others = KINDS
    for kind in others:
        both = [(values(c, kind, score), values(c, first, score)) for c in counts]
        gains = [[a - b for a, b in zip(*two, strict=False)] for two in both]
        lines.append([f"{kind} − {first}", *map(cell, gains)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    names = {"rougeL": "ROUGE-L", "rare": "ROUGE-1 of rare words"}
    where = {"test": "other files", "new": "NumPy"}
    for part, score in itertools.product(SETS, names):
        print(f"**{where[part]}: {names[score]}**\n")
        print(table(f"{score}_{part}"), "\n")
    print("Empty: not measured.\n")
    chosen = {key[:2]: key[3:5] for key in kept(FILE, RUN) if key[2] == "test"}
    text = "; ".join(
        f"{' '.join(k)}: {rate} × {steps}" for k, (rate, steps) in chosen.items()
    )
    print(f"Chosen, highest rate × steps of 16 pairs: {text}.")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        counts = [count for count in COUNTS if str(count) in wanted] or COUNTS
        for count in counts:
            measure(count, list(KINDS)[: 3 if count == 1000 else 2])
    show()
