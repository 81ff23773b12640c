"""What a translator into seven languages is worth for an eighth: Danish and Chinese.

python benchmarks/claims/translation_transfer.py --measure            # all there is
python benchmarks/claims/translation_transfer.py --measure da 200     # part of it

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. A child learns from 50, 200 or 1,000 pairs: from
random weights; with the parent's encoder; with the whole parent, where pieces that both
have keep the parent's vectors. All have the same pieces, learned from the child's
pairs, and choose rate and steps from one grid, for each language and number of pairs
by itself, by chrF on 100 other pairs in seen formats, with a seed of its own.
"""

import functools
import itertools
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "10_translation"))

LANGUAGES, COUNTS = ("da", "zh"), (200, 50, 1000)
NAMES = {"da": "Danish", "zh": "Chinese"}
KINDS = {  # what is the parent's: encoder, decoder, vectors of shared pieces
    "from scratch": (False, False, False),
    "parent's encoder": (True, False, False),
    "parent": (True, True, True),
}
GRIDS = {  # highest rates and steps, by number of pairs
    50: ((1.5e-3, 200), (5e-3, 200), (5e-3, 600)),
    200: ((1.5e-3, 300), (5e-3, 300), (5e-3, 900)),
    1000: ((1.5e-3, 600), (5e-3, 600), (5e-3, 1800)),
}
TUNING_SEED, SEEDS, TESTS, VALIDATION = 100, range(5), 100, 100
SETS = ("seen", "held_out")
RUN = ("language", "pairs", "start", "split", "rate", "steps", "seed")
SCORES = [f"{score}_{part}" for part in SETS for score in ("chrf", "exact")]
FILE = HERE.with_suffix(".csv")


@functools.cache
def children():
    """The parent's pieces, and the model in which all children learn."""
    from child import MERGES, Children, vocabularies

    from tlkeras.checkpoints import from_preset

    english, pieces = vocabularies()
    parent = from_preset("tlkeras://translator")
    return pieces, Children(parent, english, 3 + 1 + 256 + MERGES)


def vectors(fresh, own, parent, theirs):
    """The parent's vectors for pieces that it has; its Swedish tag for the new one."""
    place = {piece: i for i, piece in enumerate(theirs.tokens)}
    table = fresh.copy()
    for i, piece in enumerate(own.tokens):
        found = place.get("<sv>" if i == 3 else piece)
        if found is not None:
            table[i] = parent[found]
    return table


def learned(language, pairs, kind, rate, steps, seed):
    """Train a child; its pieces."""
    from child import own_pieces

    from tlkeras.datasets import languages

    theirs, model = children()
    phrases = languages.load_data(language, pairs, 1, seed=1000 + seed)[0]
    tag = f"<{language}>"
    own = own_pieces([phrase.translation for phrase in phrases], tag)
    encoder, decoder, shared = KINDS[kind]
    table = None
    if shared:
        fresh = model.fresh(seed).target_embedding.embeddings.numpy()
        parent = model.parent.target_embedding.embeddings.numpy()
        table = vectors(fresh, own, parent, theirs)
    start = model.start(seed, table, encoder, decoder)
    model.learn(*model.rows(phrases, own, tag), start, rate, steps, seed)
    return own


def scores(phrases, own):
    """chrF and the share of exact translations."""
    from sacrebleu.metrics import CHRF

    model = children()[1]
    ids = model.english.encode([phrase.english for phrase in phrases], 44)
    written = own.decode(model.write(ids, begin=3))
    wanted = [phrase.translation for phrase in phrases]
    right = sum(a == b for a, b in zip(written, wanted, strict=True)) / len(wanted)
    return CHRF().corpus_score(written, [wanted]).score, right


@once(FILE, RUN, SCORES)
def run(language, pairs, kind, split, rate, steps, seed):
    """The scores of one child."""
    from tlkeras.datasets import languages

    own = learned(language, pairs, kind, rate, steps, seed)
    if split == "validation":
        new = languages.load_data(language, VALIDATION, 1, seed=999)[0]
        return dict(zip(SCORES[:2], scores(new, own), strict=True))
    _, *tests = languages.load_data(language, 1, TESTS, seed=998)
    found = [score for phrases in tests for score in scores(phrases, own)]
    return dict(zip(SCORES, found, strict=True))


def measure(language, pairs, kind):
    """Choose the rate and steps, then test with every seed."""
    grid = GRIDS[pairs]
    tried = [run(language, pairs, kind, "validation", *g, TUNING_SEED) for g in grid]
    best = max(range(len(grid)), key=lambda i: float(tried[i]["chrf_seen"]))
    for seed in SEEDS:
        run(language, pairs, kind, "test", *grid[best], seed)


def values(language, pairs, kind, score):
    """One number a seed."""
    wanted = (language, str(pairs), kind, "test")
    found = [row for key, row in kept(FILE, RUN).items() if key[:4] == wanted]
    return [float(row[score]) for row in sorted(found, key=lambda row: row["seed"])]


def table(language, score):
    """Scores and gains, with intervals, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    factor, digits = (100, 0) if score.startswith("exact") else (1, 1)

    def cell(numbers):
        if len(numbers) < 2:
            return ""
        found = estimate([factor * x for x in numbers])
        few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
        return f"{found.mean:.{digits}f} ± {found.half_width:.{digits}f}{few}"

    counts = sorted(COUNTS)
    lines = [["", *(f"{count:,} pairs" for count in counts)], ["---"] * 4]
    for kind in KINDS:
        lines.append([kind, *(cell(values(language, c, kind, score)) for c in counts)])
    for kind in list(KINDS)[1:]:
        gains = [
            [
                a - b
                for a, b in zip(
                    *(values(language, c, k, score) for k in (kind, "from scratch")),
                    strict=False,
                )
            ]
            for c in counts
        ]
        lines.append([f"{kind} − from scratch", *map(cell, gains)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    for language, part in itertools.product(LANGUAGES, reversed(SETS)):
        for score, name in (("chrf", "chrF"), ("exact", "exact, %")):
            where = part.replace("_", " ")
            print(f"**{NAMES[language]}, {where} formats: {name}**\n")
            print(table(language, f"{score}_{part}"), "\n")
    chosen = {key[:3]: key[4:6] for key in kept(FILE, RUN) if key[3] == "test"}
    text = "; ".join(
        f"{' '.join(k)}: {rate} × {steps}" for k, (rate, steps) in chosen.items()
    )
    print(f"Chosen, highest rate × steps of 16 pairs: {text}.")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for count, code, kind in itertools.product(COUNTS, LANGUAGES, KINDS):
            if {code, str(count), kind} >= set(wanted):
                measure(code, count, kind)
    show()
