"""What a notebook shows a learner beside the grader's own cards."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from tlkeras.grading import Messages
from tlkeras.grading.judge.card import INK, SHADED, frame, inline
from tlkeras.visualization.palette import GREY

MESSAGES = Messages(Path(__file__).parent)
# Lines stay whole: in a narrow window the block scrolls sideways.
CODE = (
    "margin:8px 0 0;padding:8px 12px;border-radius:4px;overflow-x:auto;"
    "white-space:pre;word-break:normal;overflow-wrap:normal;"
    f"background:{SHADED};color:{INK};font-size:13px"
)


@dataclass
class Card:
    """A headline, sentences under it, and code; displays itself in a notebook.

    Args:
        headline: one line.
        lines: sentences, in the grader's small Markdown.
        code: shown in a fixed-width face, as it stands.
        edge: the colour of its left edge.
        kind: for whoever looks for it in a page: `prediction`, `solution`, `end`.
    """

    headline: str
    lines: list[str] = field(default_factory=list)
    code: str = ""
    edge: str = GREY
    kind: str = "note"

    def __str__(self):
        lines = [self.headline, *(f"  {line}" for line in self.lines)]
        code = [f"    {line}".rstrip() for line in self.code.splitlines()]
        return "\n".join([*lines, *([""] if code else []), *code])

    __repr__ = __str__

    def _repr_html_(self):
        body = "".join(
            f'<div style="margin-top:4px">{inline(line)}</div>' for line in self.lines
        )
        if self.code:
            body += f'<pre style="{CODE}">{escape(self.code)}</pre>'
        return frame(self.headline, body, self.edge, self.kind)
