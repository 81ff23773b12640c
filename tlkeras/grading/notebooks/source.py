"""What a notebook's code says about itself, without running it.

Which names a piece of code defines and mentions, Python without a notebook's magics,
and from these: which cells have to run so that the answers exist.
"""

import ast
import builtins
import re
import symtable
import tokenize
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 200_000  # characters of a cell that is looked into; longer ones simply run
LONGEST_NOTEBOOK = 2_000_000
RUN_BODY = {"capture", "prun", "time", "timeit"}  # cell magics that run their cell
MAGIC_LINE = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\?{1,2}\s*)$")
MAGIC_VALUE = re.compile(r"^(\s*[^=%!#'\"()]+=\s*)[%!].*$")
TIMED = re.compile(r"^(\s*)%time\s+(.+)$")  # runs what stands behind it
GOES_ON = re.compile(r"[\[({\"'\\]")  # what lets a statement go on at the next line
PROMPT = re.compile(r"^(?:>>>|\.\.\.|In \[\d+\]:|\s*\.{3,}:)(?: |$)")


def python(text):
    """A cell as Python, line by line: magics and shell lines do nothing.

    Nothing is touched in a cell that is Python as it stands. Prompts and an indentation
    that all lines share are taken away, as a notebook does.
    """
    if parse(text) is not None or len(text) > LONGEST:
        return text
    lines = _undressed(text.splitlines())
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith("%%"):
            break
        magic = re.match(r"%%(\w*)", line)
        if magic is not None and magic[1] not in RUN_BODY:
            return ""
        lines[number] = ""
    number = 0
    while number < len(lines):
        number = _without_magic(lines, number)
    return "\n".join(lines)


def _undressed(lines):
    first = next((line for line in lines if line.strip()), "")
    if PROMPT.match(first):
        return [PROMPT.sub("", line) for line in lines]
    indentation = first[: len(first) - len(first.lstrip())]
    return [line.removeprefix(indentation) for line in lines]


def _without_magic(lines, start):
    """Empty the magic that begins at a line; the number of the line after it.

    A magic that goes on behind a backslash is emptied to its end. Other lines are
    passed over to the end of their statement: `%` may begin a line inside one.
    """
    lines[start] = line = TIMED.sub(r"\1\2", lines[start])
    emptied = MAGIC_VALUE.sub(r"\1None", MAGIC_LINE.sub(r"\1pass", line))
    if emptied == line:
        return _end_of_statement(lines, start)
    end = start
    while lines[end].endswith("\\") and end + 1 < len(lines):
        end += 1
    lines[start : end + 1] = [emptied, *[""] * (end - start)]
    return end + 1


def _end_of_statement(lines, start):
    """The number of the line after the logical line that begins at a line."""
    if not GOES_ON.search(lines[start]) or lines[start].lstrip().startswith("#"):
        return start + 1
    rest = (lines[number] + "\n" for number in range(start, len(lines)))
    try:
        for token in tokenize.generate_tokens(rest.__next__):
            if token.type == tokenize.NEWLINE:
                return start + token.end[0]
    except (tokenize.TokenError, SyntaxError):  # no Python, whatever is done to it
        pass
    return len(lines)


def parse(text):
    """The syntax tree of a piece of code; `None` if it is none, or too long."""
    if len(text) > LONGEST:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined(node):
    """The names that a statement of a module, or a module, gives a value."""
    if isinstance(node, ast.Module):
        return set().union(*map(defined, node.body))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(a.asname or a.name).split(".")[0] for a in node.names}
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif inner is not node and isinstance(
            inner,
            ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom,
        ):
            names |= defined(inner)
    return names


def used(statement):
    """The names of the module that a statement looks up, and no local variables."""
    tables = [symtable.symtable(ast.unparse(statement), "cell", "exec")]
    for table in tables:  # grows: functions hold functions
        tables.extend(table.get_children())
    return {
        symbol.get_name()
        for table in tables
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (symbol.is_global() or table is tables[0])
    }


def mentioned(module):
    """The names that a module looks up before it has defined them."""
    names: set[str] = set()
    known: set[str] = set()
    for statement in module.body:
        try:
            names |= used(statement) - known
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            names |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        known |= defined(statement)
    return names


def imported(node):
    """The top-level modules that a piece of code imports, anywhere in it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module and not inner.level:
            yield inner.module
            yield from (f"{inner.module}.{alias.name}" for alias in inner.names)


@dataclass(frozen=True)
class Step:
    """A cell that runs.

    Args:
        number: which code cell of the notebook it is; negative if the lesson's own
            stands in for one that is missing.
        text: Python.
        defines: the names that it gives a value.
        mentions: the names that it looks up.
        imports: the modules that it imports.
    """

    number: int
    text: str
    defines: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()

    def would_define(self, name):
        """Whether it gives a name a value, if nothing goes wrong.

        Of a text that is no Python, or too long to look into, words tell.
        """
        if self.defines:
            return name in self.defines
        return any(f"{word} {name}" in self.text for word in ("def", "class"))


def steps(texts, given=(), experiments=()):
    """Which cells have to run, in order.

    All that a learner wrote or changed does. What the lesson gave runs only if
    something that runs mentions a name it defines: checks and printing need not. Where
    such a cell has been deleted, the lesson's stands in for it. Experiments never run.

    Args:
        texts: source of each code cell of the notebook, by number.
        given: source of each cell of the lesson that a learner need not change.
        experiments: source of each experiment of the lesson.
    """
    whole = sum(map(len, texts.values())) <= LONGEST_NOTEBOOK
    skipped, known = set(map(bare, experiments)), set(map(bare, given))
    kept = {n: text for n, text in texts.items() if bare(text) not in skipped}
    cells = {number: _step(number, text, whole) for number, text in kept.items()}
    spare = [cells[number] for number in cells if bare(kept[number]) in known]
    wanted = [cell for cell in cells.values() if cell not in spare]
    everywhere = set(dir(builtins)).union(*(cell.defines for cell in cells.values()))
    missing = [_step(n - len(given), text, True) for n, text in enumerate(given)]
    queue = list(wanted)
    while queue:
        mentions = queue.pop().mentions
        for group, absent in ((spare, frozenset()), (missing, everywhere)):
            for step in [s for s in group if mentions & (s.defines - absent)]:
                group.remove(step)
                wanted.append(step)
                queue.append(step)
    return sorted(wanted, key=lambda step: step.number)


def _step(number, text, whole):
    if not whole or len(text) > LONGEST:
        return Step(number, text)
    return Step(number, *(_analysed if len(text) < 5000 else _analyse)(text))


def _analyse(text):
    code = python(text)
    tree = parse(code)
    if tree is None:
        return (code,)
    found = (defined(tree), mentioned(tree), imported(tree))
    return code, *map(frozenset, found)


_analysed = lru_cache(maxsize=1024)(_analyse)  # a class shares most of its cells


def bare(text):
    """The text without what editors change: spaces at line ends, and blank edges."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
