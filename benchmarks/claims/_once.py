"""Runs in a CSV file, one a line, each made once: what was stopped goes on."""

import csv
import functools
import time
from importlib.metadata import version


def kept(path, names):
    """The lines of the file, dictionaries of text, by what makes each another run.

    Args:
        path: of the file, which need not be there.
        names: of the columns that tell runs apart.
    """
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in names): row for row in csv.DictReader(file)}


def once(path, names, scores):
    """For a function from these columns to its scores: only what has no line is run.

    Args:
        path: of the file.
        names: of the columns that tell runs apart, in the order of the arguments.
        scores: names of what the function may give, in the order of the columns.

    Returns:
        A decorator. The function then gives the line, a dictionary of text.
    """
    fields = (*names, *scores, "seconds", "made")

    def decorator(function):
        @functools.wraps(function)
        def known(*run):
            key = tuple(f"{x:g}" if isinstance(x, float) else str(x) for x in run)
            if key not in kept(path, names):
                start = time.process_time()
                found = {name: f"{x:.4f}" for name, x in function(*run).items()}
                row = dict(zip(names, key, strict=True)) | found
                row["seconds"] = f"{time.process_time() - start:.1f}"
                row["made"] = (
                    f"keras {version('keras')}, tensorflow {version('tensorflow')}"
                )
                _append(path, fields, row)
                print(*row.values(), flush=True)
            return kept(path, names)[key]

        return known

    return decorator


def numbers(rows, score, **wanted):
    """A score of those lines that have these values, by seed, and in its order."""
    found = [r for r in rows if all(r[k] == str(v) for k, v in wanted.items())]
    return [float(row[score]) for row in sorted(found, key=lambda r: int(r["seed"]))]


def table(title, columns, rows, seeds=5):
    """Means over seeds with 95 % intervals, in Markdown.

    Args:
        title: what stands above the names of the rows.
        columns: what stands above the others.
        rows: a name each, and for each column the numbers of its seeds; where there
            are fewer than two the cell stays empty.
        seeds: how many there should be; a cell of fewer says so.
    """
    from tlkeras.transfer.comparison import estimate

    def cell(values):
        if len(values) < 2:
            return ""
        few = "" if len(values) == seeds else f" ({len(values)} seeds)"
        return f"{estimate(values)}{few}"

    lines = [[title, *columns], ["---"] * (1 + len(columns))]
    lines += [[name, *map(cell, cells)] for name, cells in rows.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def gains(these, those):
    """Seed by seed, for each column."""
    return [
        [a - b for a, b in zip(x, y, strict=False)]
        for x, y in zip(these, those, strict=True)
    ]


def _append(path, fields, row):
    new = not path.is_file()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
