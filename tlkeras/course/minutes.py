"""How long a lesson takes, measured on its text by one stated rule.

A learner reads 180 words a minute, reads given code that is not folded away at four
seconds a line, thinks a minute over each prediction, and takes for an exercise the
minutes that its heading says, as in `### Exercise: softmax (3 points, 6 minutes)`.
"""

import re

WORDS_A_MINUTE = 180
SECONDS_A_LINE = 4
EXERCISE = re.compile(r"^#+ Exercise: .*\((.*?)\)\s*$", re.MULTILINE)


def minutes(cells) -> float:
    """The minutes of some cells of a learner's notebook.

    Args:
        cells: of the notebook, as nbformat has them.
    """
    total = 0.0
    for cell in cells:
        text = cell.source
        if cell.cell_type == "markdown":
            total += len(re.findall(r"\w[\w'’-]*", _prose(text))) / WORDS_A_MINUTE
            total += sum(map(exercise_minutes, EXERCISE.findall(text)))
        elif "this.predict(" in text:
            total += 1
        elif "hide-input" not in cell.metadata.get("tags", ()):
            lines = [line for line in text.splitlines() if line.strip()]
            total += len(lines) * SECONDS_A_LINE / 60
    return total


def exercise_minutes(bracket) -> float:
    """The minutes that the heading of an exercise says, in its brackets."""
    found = re.search(r"(\d+) minutes", bracket)
    return float(found[1]) if found else 0.0


def _prose(text):
    """Text without links' addresses, tags, and the insides of formulas."""
    text = re.sub(r"\]\(\S+\)|<[^>]+>", " ", text)
    return re.sub(r"\$\$.*?\$\$|\$[^$]*\$", " x ", text, flags=re.DOTALL)
