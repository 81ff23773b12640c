"""Policy: what an exercise asks not to be called, found in a submission's text.

A finding is for the instructor to look at. It is no proof, in neither direction:
whoever hides a name well enough is not found, and what is found may have a good reason.
It costs no points.
"""

import ast

from tlkeras.grading.messages import say
from tlkeras.grading.notebooks import source

UNFOLLOWED = {"__import__", "eval", "exec", "import_module"}


def findings(exercises, steps):
    """What answers, and what they use, mention that they should not.

    Args:
        exercises: Exercises; those without `forbidden` names are passed over.
        steps: the cells that run, as `source.steps` chooses.

    Returns:
        Tables `{"exercise", "line", "name", "text"}`, by exercise and in the order of
        the notebook.
    """
    exercises = [each for each in exercises if each.forbidden]
    steps = [step for step in steps if exercises]
    trees = {step: tree for step in steps if (tree := source.parse(step.text))}
    aliases = _aliases(trees.values())
    return [f for each in exercises for f in _findings(each, trees, aliases)]


def _findings(exercise, trees, aliases):
    found: dict[tuple, str] = {}
    for step, statement in _reached(exercise.name, trees):
        for node in ast.walk(statement):
            for name in _names(node, aliases):
                if reason := _broken(name, exercise.forbidden):
                    place = (step.number, getattr(node, "lineno", 0), reason)
                    found.setdefault(place, step.text)
    return [
        {
            "exercise": exercise.name,
            "line": line,
            "name": name,
            "text": say("policy", "place", number=number + 1, source=_line(text, line)),
        }
        for (number, line, name), text in sorted(found.items())
    ]


def _reached(name, trees):
    """The statements that define a name, and those that these need."""
    statements = [(step, s) for step, tree in trees.items() for s in tree.body]
    defines = [source.defined(statement) for _, statement in statements]
    wanted, taken = [name, "*"], set()  # a star may bring anything
    while wanted:
        one = wanted.pop()
        for index, names in enumerate(defines):
            if one in names and index not in taken:
                taken.add(index)
                wanted.extend(source.used(statements[index][1]))
    return [statements[index] for index in sorted(taken)]


def _aliases(trees):
    """What imported names stand for, wherever they are imported."""
    aliases = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for each in node.names:
                    root = each.name.split(".")[0]
                    aliases[each.asname or root] = each.name if each.asname else root
            elif isinstance(node, ast.ImportFrom) and node.module:
                for each in node.names:
                    aliases[each.asname or each.name] = f"{node.module}.{each.name}"
    return aliases


def _names(node, aliases):
    """The full name that a node stands for, if it stands for an imported one."""
    if isinstance(node, ast.ImportFrom) and node.module:
        if any(each.name == "*" for each in node.names):
            yield f"{node.module}.*"
    elif isinstance(node, ast.Name | ast.Attribute | ast.Call):
        parts = _chain(node)
        if parts and parts[-1] in UNFOLLOWED and isinstance(node, ast.Name):
            yield parts[-1]
        if parts and parts[0] in aliases:
            full = ".".join((aliases[parts[0]], *parts[1:]))
            yield full.replace("tensorflow.keras.", "keras.")


def _chain(node):
    """`a.b.c`, or `getattr(a.b, "c")`, as a list of names; empty if it is neither."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        parts = _chain(node.value)
        return [*parts, node.attr] if parts else []
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    ):
        parts = _chain(node.args[0])
        return [*parts, str(node.args[1].value)] if parts else []
    return []


def _broken(name, forbidden):
    """What to report of a name; `None` if it is allowed."""
    if name in UNFOLLOWED:
        return say("policy", "unseen", name=name)
    if name.endswith(".*"):
        inside = any(f.startswith(name[:-1]) for f in forbidden)
        return name if inside or _broken(name[:-2], forbidden) else None
    inside = any(name == f or name.startswith(f"{f}.") for f in forbidden)
    return name if inside else None


def _line(text, number):
    lines = text.splitlines()
    return lines[number - 1].strip()[:200] if number <= len(lines) else ""
