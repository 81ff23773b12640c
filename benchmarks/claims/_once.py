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


def _append(path, fields, row):
    new = not path.is_file()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
