"""The class report: which ideas a class has wrong, and who needs a second look."""

import statistics
from collections import Counter

from tlkeras.grading.judge.outcome import State
from tlkeras.grading.report import summary
from tlkeras.grading.report.histogram import picture
from tlkeras.grading.report.markup import element, join, page, prose
from tlkeras.grading.report.parts import (
    bar,
    breakable,
    chip,
    link,
    say,
    sortable,
    state_class,
    state_name,
)
from tlkeras.grading.report.text import number, one_line


def class_report(rows, lesson, others=0):
    """The HTML of the report.

    Args:
        rows: Rows, in the order in which they are to stand.
        lesson: the Lesson.
        others: how many more results there are, which do not count. Defaults to 0.
    """
    read = [row for row in rows if row.readable]
    exercises = summary.columns(lesson, rows)
    body = element(
        "main",
        element("p", say("report", "kind", lesson=lesson.name), class_="kind"),
        element("h1", say("report", "title", lesson=lesson.title)),
        _warning(rows),
        element("p", say("report", "others", count=others)) if others else None,
        _numbers(rows, read),
        _section("mistakes", _mistakes(read)),
        _section("exercises", _exercises(read, exercises)),
        _section("scores", picture(read)),
        _section("review", _review(rows)),
        _section("submissions", _submissions(rows, exercises)),
        _section("method", _method(rows)),
        element(
            "p",
            id="announcement",
            class_="hidden",
            aria_live="polite",
            data_ascending=say("sort", "ascending"),
            data_descending=say("sort", "descending"),
        ),
    )
    return page(say("report", "title", lesson=lesson.title), body, script=True)


def _section(key, *content):
    return element(
        "section",
        element("h2", say("report", key)),
        element("p", prose(say("about", key)), class_="about"),
        *content,
        id=key,
    )


# ── the head ──────────────────────────────────────────────────────────────────────────


def _warning(rows):
    practice = [r for r in rows if not r.result["graded"]["isolation"]["for_marks"]]
    if not practice:
        return None
    text = say("report", "practice", count=len(practice), all=len(rows))
    return element("p", text, class_="warning", role="note")


def _numbers(rows, read):
    points = [row.result["points"] for row in read]
    full = sum(row.result["points"] >= row.result["max_points"] for row in read)
    seconds = [row.result["graded"]["seconds"] for row in rows]
    highest = max((row.result["max_points"] for row in read), default=0)
    facts = [
        (str(len(rows)), say("number", "submissions")),
        (
            number(statistics.median(points)) if points else "–",
            say("number", "median", max_points=number(highest)),
        ),
        (str(full), say("number", "full")),
        (str(len(rows) - len(read)), say("number", "unreadable")),
        (_seconds(sum(seconds)), say("number", "time")),
    ]
    return element(
        "dl",
        *(
            element("div", element("dt", words), element("dd", value))
            for value, words in facts
        ),
        class_="numbers",
    )


def _seconds(seconds):
    if seconds < 100:
        return say("number", "seconds", seconds=f"{seconds:.1f}")
    return say("number", "minutes", minutes=f"{seconds / 60:.1f}")


# ── misconceptions ────────────────────────────────────────────────────────────────────


def _mistakes(read):
    found = summary.mistakes(read)
    unknown = summary.unexplained(read)
    table = sortable(
        say("caption", "mistakes"),
        [
            (say("column", "learners"), "number"),
            (say("column", "mistake"), "text"),
            (say("column", "exercise"), "text"),
            (say("column", "section"), "text"),
        ],
        [_mistake(one, len(read)) for one in found],
        sorted_by=0,
    )
    rest = [
        element("li", breakable(exercise), _who(rows))
        for exercise, rows in unknown.items()
    ]
    return join(
        table if found else element("p", say("report", "no_mistakes")),
        element("p", say("report", "unknowns")) if rest else None,
        element("ul", *rest, class_="unknown") if rest else None,
    )


def _mistake(one, count):
    share = len(one.rows) / count
    label = say("report", "share", count=len(one.rows), all=count)
    idea = element("p", prose(one.idea))
    return element(
        "tr",
        element(
            "td",
            element("strong", str(len(one.rows))),
            element("span", " ", say("report", "of", all=count), class_="quiet"),
            bar([("wrong", share)], label),
            class_="number",
            data_v=len(one.rows),
        ),
        element("td", idea, _who(one.rows), data_v=one.id),
        element("td", breakable(one.exercise), data_v=one.exercise),
        element("td", one.section),
    )


def _who(rows):
    """The submissions, folded away until they are asked for."""
    names = (element("li", link(row)) for row in rows)
    return element(
        "details",
        element("summary", say("report", "who", count=len(rows))),
        element("ul", *names, class_="names"),
    )


# ── exercises ─────────────────────────────────────────────────────────────────────────


def _exercises(read, exercises):
    heads = [
        (say("column", "exercise"), "text"),
        (say("column", "share"), "plain"),
        *(
            (join(chip(state), " ", state_name(state)), "number")
            for state in summary.STATES
        ),
        (say("column", "mean"), "number"),
    ]
    rows = [_exercise(read, name) for name in exercises]
    return sortable(say("caption", "exercises"), heads, rows)


def _exercise(read, name):
    counts = summary.states(read, name)
    total = sum(counts.values())
    shares = [(state_class(s), counts[s] / max(total, 1)) for s in summary.STATES]
    label = ", ".join(
        f"{state_name(s)} {counts[s]}" for s in summary.STATES if counts[s]
    )
    mean, highest = summary.mean_points(read, name) or (0, 0)
    of = say("report", "points", points=f"{mean:.1f}", max_points=number(highest))
    return element(
        "tr",
        element("th", breakable(name), scope="row"),
        element("td", bar(shares, label)),
        *(element("td", str(counts[s]), class_="number") for s in summary.STATES),
        element("td", of, class_="number", data_v=f"{mean:.4f}"),
    )


# ── a second look ─────────────────────────────────────────────────────────────────────


def _review(rows):
    entries = [element("tr", *cells) for row in rows for cells in _reviews(row)]
    if not entries:
        return element("p", say("report", "no_review"))
    heads = [
        (say("column", "submission"), "text"),
        (say("column", "what"), "text"),
        (say("column", "why"), "text"),
    ]
    return sortable(say("caption", "review"), heads, entries, sorted_by=0)


def _reviews(row):
    """What a person has to look at in one submission."""
    result = row.result
    if result["state"] != "graded":
        yield _review_cells(
            row, result["state"], one_line(result["reason"] or "–", 400)
        )
    for entry in row.exercises.values():
        if State(entry["state"]) is State.UNCHECKABLE:
            yield _review_cells(row, "uncheckable", entry["headline"])
    for entry in result["policy"]:
        where = say("report", "line", exercise=entry["exercise"], line=entry["line"])
        text = f"{where}: {one_line(entry['text'], 400)}"
        yield _review_cells(row, "policy", text)
    for note in result["notes"]:
        yield _review_cells(row, "note", one_line(note, 400))


def _review_cells(row, kind, text):
    return (
        element("th", link(row), scope="row"),
        element("td", say("review", kind)),
        element("td", element("p", prose(text))),
    )


# ── all submissions ───────────────────────────────────────────────────────────────────


def _submissions(rows, exercises):
    heads = [
        (say("column", "submission"), "text"),
        (say("column", "points"), "number"),
        *((breakable(name), "number") for name in exercises),
        (say("column", "mistakes"), "number"),
        (say("column", "seconds"), "number"),
    ]
    legend = element(
        "ul",
        *(element("li", chip(s), " ", state_name(s)) for s in summary.STATES),
        class_="legend",
    )
    table = sortable(
        say("caption", "submissions"),
        heads,
        [_submission(row, exercises) for row in rows],
        sorted_by=0,
        wide=True,
    )
    return join(legend, table)


def _submission(row, exercises):
    unreadable = None if row.readable else say("review", "unreadable")
    return element(
        "tr",
        element("th", link(row), scope="row"),
        element(
            "td",
            element("strong", number(row.result["points"])),
            element("small", unreadable) if unreadable else None,
            class_="number",
            data_v=row.result["points"],
        ),
        *(_points(row.exercises.get(name)) for name in exercises),
        element("td", str(row.mistakes), class_="number"),
        element("td", f"{row.result['graded']['seconds']:.1f}", class_="number"),
    )


def _points(entry):
    if entry is None:
        return element("td", "–", class_="number", data_v=-1)
    return element(
        "td",
        chip(entry["state"], spoken=True),
        number(entry["points"]),
        class_="number",
        data_v=number(entry["points"]),
    )


# ── how it was graded ─────────────────────────────────────────────────────────────────


def _method(rows):
    graded = [row.result["graded"] for row in rows]
    tiers = Counter((g["isolation"]["tier"], g["isolation"]["name"]) for g in graded)
    facts = [
        (
            say("method", "isolation"),
            "; ".join(
                say("method", "tier", tier=tier, name=one_line(name, 80), count=count)
                for (tier, name), count in sorted(tiers.items())
            ),
        ),
        (say("method", "seeds"), _some(g["seed"] for g in graded)),
        (say("method", "version"), _some(g["tlkeras"] for g in graded)),
        (say("method", "when"), _period([g["at"] for g in graded])),
        (say("method", "time"), _times(rows)),
    ]
    return element(
        "dl",
        *(x for words, value in facts for x in _fact(words, value)),
        class_="facts",
    )


def _fact(words, value):
    return element("dt", words), element("dd", value or "–")


def _some(values, limit=5):
    found = sorted({str(value) for value in values})
    more = say("method", "more", count=len(found) - limit)
    return ", ".join(found[:limit]) + (f" {more}" if len(found) > limit else "")


def _period(times):
    first, last = min(times, default=""), max(times, default="")
    return first if first == last else say("method", "period", first=first, last=last)


def _times(rows):
    if not rows:
        return ""
    seconds = [row.result["graded"]["seconds"] for row in rows]
    slowest = max(rows, key=lambda row: row.result["graded"]["seconds"])
    return say(
        "method",
        "times",
        median=f"{statistics.median(seconds):.1f}",
        longest=f"{max(seconds):.1f}",
        name=slowest.name,
    )
