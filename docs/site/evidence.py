"""What was measured, as pages: every claim with its interval, the grader, benchmarks.

Nothing is written here twice: the figures are those of `benchmarks/RESULTS.md`, of the
runs in `benchmarks/claims/`, and of the tables that the tests hold the grader to.
"""

import csv
import importlib
import itertools
import re
import sys
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

import drawings

from tlkeras.course import lessons
from tlkeras.transfer import estimate

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLAIMS = ROOT / "benchmarks" / "claims"
NUMBER = re.compile(r"^([-−]?[\d.]+) ± ([\d.]+)(?: \((\d+) seeds\))?$")
SPLIT = re.compile(r"^\|(.*)\|\s*$")
MINUS = re.compile(r"(?<![^\s|(])-(?=\d)")


@dataclass(frozen=True)
class Claim:
    """One measured difference.

    Args:
        source: the program in `benchmarks/claims/`, without its ending.
        about: the task.
        lesson: where it is told.
        detail: what was measured, in which case.
        first, second: the ways; the difference is first − second.
        amount: of labels, pairs, pictures.
        mean, half: of the difference, and half its 95 % interval.
        fewer: whether a smaller number is better.
        text: the figures as they are written.
    """

    source: str
    about: str
    lesson: str
    detail: str
    first: str
    second: str
    amount: str
    mean: float
    half: float
    fewer: bool
    text: str

    @property
    def verdict(self):
        """`gain`, `loss`, or `open` where the interval holds zero."""
        if abs(self.mean) <= self.half:
            return "open"
        return "gain" if (self.mean < 0) == self.fewer else "loss"


@dataclass(frozen=True)
class Table:
    """A table of RESULTS.md: its section, what stands above it, heads and rows."""

    section: str
    caption: str
    head: list
    rows: list


def results():
    """`benchmarks/RESULTS.md` as a string."""
    return (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8")


def tables(text):
    """The Tables of a page of Markdown, in order."""
    section, caption, block = "", "", []
    for line in [*text.splitlines(), ""]:
        found = SPLIT.match(line.rstrip())
        if found:
            block.append([cell.strip() for cell in found[1].split("|")])
            continue
        if len(block) > 2:
            yield Table(section, caption, block[0], block[2:])
            caption = ""
        block = []
        if line.startswith("## "):
            section, caption = line[3:].strip(), ""
        elif line.strip():
            caption = line.strip("*: ") if len(line) < 160 else ""


def number(cell):
    """Mean and half width in a cell of a table, or `None`."""
    found = NUMBER.match(cell)
    return (float(found[1].replace("−", "-")), float(found[2])) if found else None


def claims():
    """All Claims by lesson: of the tables, then of the runs that no table holds."""
    spec = tomllib.loads((HERE / "claims.toml").read_text("utf-8"))
    found = [
        claim
        for table in tables(results())
        if table.section in spec["results"]
        for claim in _of_table(table, spec["results"][table.section])
    ]
    for name, about in spec["runs"].items():
        found += _of_runs(name, about)
    return sorted(found, key=lambda claim: claim.lesson)


def _of_table(table, spec):
    down = any(" − " in row[0] for row in table.rows)
    if down:  # a row a difference, a column an amount or a measure
        cells = [
            (row[0], head, cell)
            for row in table.rows
            if " − " in row[0]
            for head, cell in zip(table.head[1:], row[1:], strict=False)
        ]
    else:  # a column a difference, a row a case
        cells = [
            (head, row[0], cell)
            for row in table.rows
            for head, cell in zip(table.head[1:], row[1:], strict=False)
            if " − " in head
        ]
    for names, where, cell in cells:
        if (value := number(cell)) is None:
            continue
        first, second = names.split(" − ")
        for way in (", direct", ", cascade", ", pretrained", ", from scratch"):
            # “pretrained − from scratch, direct” compares two of one way
            if second.endswith(way) and not first.endswith(way):
                first += way
        detail, amount = _detail(table, spec, where, down)
        fewer = spec["fewer"]
        fewer = where in fewer if isinstance(fewer, list) else fewer
        yield Claim(
            table.section,
            spec["about"],
            spec["lesson"],
            detail,
            first,
            second,
            amount,
            *value,
            fewer,
            cell.split(" (")[0].replace("-", "−"),
        )


def _detail(table, spec, where, down):
    head = table.head[0]
    above = head if len(head) > 2 else table.caption
    above = re.sub(r", \d+ seeds$", "", above)
    measured = spec["measure"]
    if isinstance(spec["fewer"], list):  # measures stand above the columns
        return where, above
    if not down:
        return measured, where
    if above == "docstrings":  # what is counted, not what is measured
        return measured, f"{where} docstrings"
    if len(table.caption) > 80:
        above = head
    detail = f"{above}; {measured}" if measured and measured not in above else above
    return detail.strip("; "), where


def _of_runs(name, spec):
    with open(CLAIMS / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    way, amount, seed = spec["columns"]
    for column, value, note in spec.get("where", [[0, None, ""]]):
        chosen = [r for r in rows if value is None or r[column] == value]
        runs = {
            (r[way], r[amount]): r[seed : seed + 5] for r in chosen if len(r) > seed
        }
        for first, second in spec["pairs"]:
            for (start, count), values in runs.items():
                if start != first:
                    continue
                pairs = zip(values, runs[second, count], strict=True)
                gain = estimate([float(a) - float(b) for a, b in pairs])
                yield Claim(
                    name,
                    spec["about"],
                    spec["lesson"],
                    "; ".join(filter(None, [note, spec["measure"]])),
                    _way(first),
                    _way(second),
                    _amount(count, spec["unit"]),
                    gain.mean,
                    gain.half_width,
                    False,
                    f"{gain.mean:.3f} ± {gain.half_width:.3f}".replace("-", "−"),
                )


def _amount(count, unit):
    """`1 label a class`, `1,000 labels`."""
    if count == "1":
        unit = re.sub(r"^(\w+)s\b", r"\1", unit)
    return f"{int(count):,} {unit}"


def _way(name):
    return {"scratch": "from scratch", "tfidf": "counts of words"}.get(name, name)


VERDICTS = {"gain": "gain", "loss": "loss", "open": "not settled"}


def claims_page():
    """Every claim in one table that sorts."""
    every = claims()
    titles = {lesson.name: lesson.title for lesson in lessons()}
    limits: dict = {}
    for claim in every:
        key = claim.source, claim.detail
        limits[key] = max(limits.get(key, 0.0), abs(claim.mean) + claim.half)
    rows = "".join(_claim_row(c, limits[c.source, c.detail], titles) for c in every)
    count = {v: sum(c.verdict == v for c in every) for v in VERDICTS}
    even = sum(abs(c.mean) == c.half for c in every)
    heads = (
        ("lesson", "number"),
        ("task", "text"),
        ("measured", "text"),
        ("compared", "text"),
        ("data", "number"),
        ("difference", "number"),
        ("95 % interval", ""),
        ("verdict", "text"),
    )
    heading = "".join(
        f'<th scope="col" data-sort="{kind}">{name}</th>'
        if kind
        else f'<th scope="col">{name}</th>'
        for name, kind in heads
    )
    return f"""---
hide-toc: true
---

# Transfer claims, with their intervals

{len(every)} measured differences: **{count["gain"]} are gains, {count["loss"]} are losses,
and {count["open"]} are not settled**, because their 95 % interval holds zero. Losses and
open questions stay in: they are what the lessons are about. Of so many 95 % intervals about one in
twenty misses the true difference by chance.

Each is the mean of at least five runs that differ in what was drawn, compared run by run,
with its interval by Student's t. Verdicts are those of the figures as they are printed: {even} whose
mean is as large as half their interval are not settled, though more digits might settle them. Where
fewer is better (bits, wrong words) a negative difference is a gain.

What is trained chose its settings from one grid for both sides, on examples that are not tested on,
with two exceptions:

- Lesson 06, the real BERT: fine-tuning and LoRA have a grid of rates each, the rate was chosen once,
  with 256 labels of SST-2, for all numbers of labels and for AG News too, and the epochs were set by hand.
- Lesson 22: fine-tuning and LoRA have a grid of rates each, and of the candidates of each kind the one
  with the best *test* counts, which makes all kinds look better than they are. There a *body* is a
  pretrained model without its head, and *rest* the best of what is frozen or has no body.

The programs lie in `benchmarks/claims/`, each beside a file of its runs.

<div class="tl-filter" hidden><label>Show <input type="search" id="tl-filter"
placeholder="scratch, lesson 13, gain …"></label> <output id="tl-count"></output></div>

<div class="tl-wide" tabindex="0" role="region" aria-label="Table of claims">
<table class="tl-claims" id="claims"><caption>Press a heading to sort.</caption>
<thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table></div>

## Where they are told

{_told(every, titles)}
"""


def _told(every, titles):
    """The tasks with their lessons, for who searches."""
    tasks = dict.fromkeys((c.lesson, c.about, c.source) for c in every)
    return "\n".join(
        f"- {about}: [lesson {lesson[:2]}, {titles.get(lesson, lesson)}]"
        f"(lessons/{lesson}.ipynb), `benchmarks/claims/{source}.py`"
        for lesson, about, source in sorted(tasks)
    )


def _claim_row(claim, limit, titles):
    amount = re.sub(r"[^\d]", "", claim.amount) or "0"
    title = escape(titles.get(claim.lesson, ""))
    drawn = drawings.interval(claim.mean, claim.half, limit or 1.0, claim.verdict)
    return (
        f'<tr><td data-value="{int(claim.lesson[:2])}">'
        f'<a href="lessons/{claim.lesson}.html" title="{title}">{claim.lesson[:2]}</a>'
        f"</td><td>{escape(claim.about)}</td><td>{escape(claim.detail)}</td>"
        f"<td>{escape(claim.first)} − {escape(claim.second)}</td>"
        f'<td data-value="{amount}">{escape(claim.amount)}</td>'
        f'<td data-value="{claim.mean}" class="tl-number">{claim.text}</td>'
        f"<td>{drawn}</td>"
        f'<td class="tl-{claim.verdict}">{VERDICTS[claim.verdict]}</td></tr>'
    )


def benchmarks_page():
    """RESULTS.md, with a drawing above each table that can be drawn."""
    claimed = tomllib.loads((HERE / "claims.toml").read_text("utf-8"))["results"]
    lines, out, block, section = results().splitlines(), [], [], ""
    waiting = iter(list(tables(results())))
    for line in [*lines, ""]:
        if SPLIT.match(line.rstrip()):
            block.append(line.rstrip())
            continue
        if len(block) > 2:
            table = next(waiting)
            drawn = drawing(table, claims=section in claimed)
            if drawn:
                out += ["", drawn, ""]
            out += _tidy(block)
        block = []
        if line.startswith("## "):
            section = line[3:].strip()
            line = f"## {TITLES.get(section, section)}"
        out.append(MINUS.sub("−", line))
    text = re.sub(r"(\d)e-(\d\d)", "\\1e\u2011\\2", "\n".join(out))  # stays on its line
    text = text.replace("# Results", "# Benchmarks", 1)
    return text


def _tidy(block):
    """The lines of a table without columns that are empty, and with one minus sign."""
    rows = [
        [cell.strip() for cell in SPLIT.match(line)[1].split("|")] for line in block
    ]
    filled = [any(column) for column in zip(*rows[2:], strict=True)]
    return [
        "| "
        + " | ".join(MINUS.sub("−", x) for x in itertools.compress(row, filled))
        + " |"
        for row in rows
    ]


# Sections of RESULTS.md as a reader would call them.
TITLES = {
    "parity": "Layers and models against their peers",
    "parity_vit": "ViT against checkpoints",
    "attention": "Speed and memory of attention",
    "encoder": "Speed of an encoder",
    "first_call": "Speed of the first call",
    "vit": "Speed of a ViT",
    "detector": "Speed of a detector",
    "dit": "Speed of a diffusion Transformer",
    "decode": "Speed of decoding",
    "grade": "Speed of grading",
    "transfer_text": "Transfer: English texts",
    "transfer_caching": "Transfer: cached features",
    "transfer_cifar10": "Transfer: photographs",
    "translation_transfer": "Transfer: an eighth language",
    "summaries_transfer": "Transfer: summaries",
    "qa_transfer": "Transfer: answers",
    "detection_transfer": "Transfer: detection",
    "generation_transfer": "Transfer: generated digits",
    "gpt_adaptation": "Transfer: a GPT and a new package",
    "efficient_conversion": "Transfer: cheaper attention, smaller weights",
    "induction_heads": "Induction heads taken out",
    "speech": "Speed of log-mel features",
    "transcribe": "Speed of transcription",
    "emoji_chinese": "Transfer: Chinese names of emoji",
    "speech_letters": "Transfer: speech to text",
    "speech_translation": "Transfer: speech translation",
    "choosing": "Transfer: choosing a body",
}
# No contestant, but the time below which none can be: it stands in the table alone.
BOUND = "weights alone"


def drawing(table, claims):
    """What a table shows as SVG, or nothing where it cannot be drawn."""
    ratio = [i for i, head in enumerate(table.head) if head.startswith("÷")]
    if ratio and table.head[:2] == ["case", "peer"]:
        rows = [
            (row[0], row[1], float(row[ratio[0]]))
            for row in table.rows
            if row[1] not in ("tlkeras", "chunked", BOUND)
        ]
        return drawings.ratios(TITLES.get(table.section, table.section), rows)
    if not claims:
        return ""
    amounts = table.head[1:]
    ways = {
        row[0]: [number(cell) for cell in row[1:]]
        for row in table.rows
        if " − " not in row[0]
    }
    ways = {name: line for name, line in ways.items() if any(line)}
    if len(ways) < 2 or not all(re.match(r"[\d,]+( |$)", a) for a in amounts):
        return ""
    above = table.caption if len(table.caption) < 80 else ""
    head = table.head[0]
    if len(head) > 2 and head != "docstrings":
        return drawings.curves(head, amounts, ways)
    title = above or TITLES[table.section]
    return drawings.curves(title, amounts, ways, shown=not above)


def grader_counts():
    """What the grader knows and was tried on: sums, and a row a lesson."""
    sys.path.insert(0, str(ROOT / "tests" / "course"))
    try:
        later = importlib.import_module("unseen_answers_b").WRONG
        rows = [_grader_row(lesson, later) for lesson in lessons()]
    finally:
        sys.path.remove(str(ROOT / "tests" / "course"))
    names = ("exercises", "known", "accepted", "unseen", "named")
    sums = {name: sum(row[i] for row in rows) for i, name in enumerate(names, 2)}
    return {**sums, "rows": rows}


def grader_page():
    """How many mistakes the grader knows and names, counted where tests hold it to it."""
    counts = grader_counts()
    rows, total = counts.pop("rows"), list(counts.values())
    exercises, known, accepted, unseen, named = total
    slower = re.search(r"nbgrader takes ([\d.]+) times as long", results())[1]
    body = "\n".join(
        f"| [{name[:2]} {title}](lessons/{name}.ipynb) | "
        + " | ".join(map(str, counts))
        + " |"
        for name, title, *counts in rows
    )
    return f"""# The grader's score

The grader names a mistake only if it reproduces **the very numbers** that the learner's code
gave. How many it knows and names can be counted:

- **{known:,} known mistakes** in {exercises} exercises. `tlkeras verify` runs each of them, alone and
  two at a time, and proves that it fails and is named.
- **{accepted:,} other right answers**, written in other ways, that all pass.
- **{unseen:,} unseen wrong answers**, which the grader was not built from: in loops, einsum, Keras and
  TensorFlow. The authors wrote them, and not learners. **None passes.** {named:,} of them
  ({named / unseen:.0%}) get the name of the mistake that was made; the others are caught without a
  name, and no cause is made up.

Tests hold the grader to every one of these: a wrong answer that passes, or is given another
name than the one that stands beside it, fails them.

| lesson | exercises | known mistakes | other right answers | unseen wrong answers | named among them |
|---|---|---|---|---|---|
{body}
| **all** | {" | ".join(f"**{n:,}**" for n in total)} |

The wrong answers lie in `tests/course/unseen/` and `tests/course/unseen_answers_b.py`, and the
known ones in each lesson's `exercises/`. [Grading a class](guides/grading.md) says how a verdict
comes about and what is protected. For a class of lesson 01 nbgrader's autograde took {slower} times as
long: [the figures](benchmarks.md).
"""


def _grader_row(lesson, later):
    short = lesson.name[:2]
    if short <= "05":
        answers = importlib.import_module(f"unseen.lesson_{short}").ANSWERS
        given = [named for table in answers.values() for _, named in table.values()]
    else:
        given = [ids for name, _, ids, _ in later if name == lesson.name]
    known = sum(len(e.misconceptions) for e in lesson.exercises.values())
    accepted = sum(len(e.accepted) for e in lesson.exercises.values())
    named = sum(bool(ids) for ids in given)
    counts = len(lesson.names), known, accepted, len(given), named
    return lesson.name, lesson.title, *counts
