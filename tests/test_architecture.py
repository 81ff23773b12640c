"""Who may import whom (the design's house rules), and how much an import costs."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tlkeras"

# A room may import itself, these rooms, and nothing else of tlkeras.
MAY_IMPORT = {
    "checks": set(),
    "masks": {"annotations", "checks"},
    "boxes": {"annotations", "checks"},
    "layers": {"annotations", "checks", "masks"},
    "models": {"annotations", "boxes", "checks", "masks", "layers"},
    "ctc": {"annotations", "checks"},
    "generation": {"annotations", "checks", "masks", "layers", "models"},
    "diffusion": {"annotations", "checks", "generation", "models"},
    "distribution": {"checks"},
    "checkpoints": {"checks", "extras", "masks", "layers", "models", "shipped"},
    # datasets: files of images, and the vocabularies that our own translator reads and
    # writes with
    "pipelines": {
        "checkpoints",
        "checks",
        "datasets",
        "generation",
        "models",
        "spans",
    },
    # visualization to draw a comparison, when asked to
    "transfer": {"annotations", "boxes", "checks", "visualization"},
    # transfer: a model as a tree of layers with paths
    "interpret": {"annotations", "checks", "layers", "models", "transfer"},
    "datasets": {"extras", "shipped"},
    "visualization": set(),
    "grading": {"files", "visualization"},  # its palette, for cards
    "extras": set(),
    "files": set(),
    "annotations": set(),
    "output": set(),
    "registration": set(),
    "scores": set(),
    "spans": {"checks"},
    "shipped": set(),
    "course": {"extras", "files", "grading", "visualization"},  # the palette of cards
    "cli": {"cli_grade", "course", "extras", "grading", "output"},
    "cli_grade": {"course", "extras", "grading"},
    "__main__": {"cli", "extras", "output"},
}
# The same inside of `grading`: what is judged is not where learners' code runs.
GRADING_MAY_IMPORT = {
    "__init__": {"judge", "messages"},
    "messages": {"translations"},
    "translations": set(),
    "authoring": {"judge"},
    "judge": {"messages"},
    "notebooks": {"messages"},
    "running": {"judge", "messages", "notebooks"},
    "sandbox": {"judge", "messages", "notebooks", "running"},
    "submissions": {"judge", "messages", "notebooks", "sandbox"},
    "report": {"judge", "messages", "submissions"},
    "export": {"judge", "messages", "report", "submissions"},
}
# Third-party modules that a room may import when it is itself imported.
LIGHT = {"keras", "numpy"}
EAGER = {
    "checks": LIGHT,
    "masks": LIGHT,
    "boxes": LIGHT,
    "layers": LIGHT,
    "models": LIGHT,
    "ctc": LIGHT,
    "generation": LIGHT,
    "diffusion": LIGHT,
    "distribution": LIGHT,
    "transfer": LIGHT,
    "interpret": LIGHT,
    "grading": {"numpy"},
}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree, everywhere=True):
    """Full names of imported modules; only those at the top level unless everywhere."""
    nodes = ast.walk(tree) if everywhere else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_it_may(path):
    here = room(path)
    if here == "__init__":
        return
    assert here in MAY_IMPORT, f"say in MAY_IMPORT whom {here} may import"
    names = [n.split(".") for n in imported(ast.parse(path.read_text("utf-8")))]
    rooms = {parts[1] for parts in names if parts[0] == "tlkeras" and len(parts) > 1}
    others = rooms - {here, "__version__"}
    assert others <= MAY_IMPORT[here]
    assert "tests" not in {parts[0] for parts in names}
    assert "notebooks" not in {parts[0] for parts in names}


GRADING = PACKAGE / "grading"


@pytest.mark.parametrize(
    "path", sorted(GRADING.rglob("*.py")), ids=lambda p: str(p.relative_to(GRADING))
)
def test_a_room_of_grading_imports_only_the_rooms_it_may(path):
    here = path.relative_to(GRADING).parts[0].removesuffix(".py")
    names = [n.split(".") for n in imported(ast.parse(path.read_text("utf-8")))]
    inside = {
        parts[2]
        for parts in names
        if parts[:2] == ["tlkeras", "grading"] and len(parts) > 2
    }
    rooms = {name for name in inside if name in GRADING_MAY_IMPORT}
    assert rooms - {here} <= GRADING_MAY_IMPORT[here]


def test_no_two_modules_of_grading_import_each_other():
    known, wanted = {}, {}
    for path in GRADING.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        known[".".join(parts).removesuffix(".__init__")] = path
    for name, path in known.items():
        found = set(imported(ast.parse(path.read_text("utf-8"))))
        wanted[name] = (found & set(known)) - {name}
    tops = {name for name, path in known.items() if path.name == "__init__.py"}

    def visit(name, above):
        assert name not in above, " → ".join([*above, name])
        for other in wanted[name] - tops:  # a room's front names what is inside
            visit(other, [*above, name])

    for name in set(known) - tops:
        visit(name, [])


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(GRADING.rglob("*.py")) if p.name != "__init__.py"],
    ids=lambda p: str(p.relative_to(GRADING)),
)
def test_every_module_of_grading_has_tests_of_its_name(path):
    names = (f"test_{path.stem}.py", f"test_{path.parent.name}_{path.stem}.py")
    tests = {test.name for test in (ROOT / "tests" / "grading").rglob("test_*.py")}
    assert tests & set(names), f"write tests/grading/{names[0]}"


def test_no_two_files_of_tests_have_one_name():
    paths = (ROOT / "tests").rglob("test_*.py")
    # A folder that is a package gives its files a name of their own.
    names = [p.name for p in paths if not (p.parent / "__init__.py").exists()]
    assert {name for name in names if names.count(name) > 1} == set()


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_loads_only_what_everybody_has(path):
    allowed = EAGER.get(room(path))
    if allowed is None:
        return
    names = imported(ast.parse(path.read_text("utf-8")), everywhere=False)
    roots = {name.split(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) - {"tlkeras"} <= allowed


def picture():
    """MAY_IMPORT as a Mermaid diagram; arrows that follow from others are left out."""
    lines = []
    for here, others in MAY_IMPORT.items():
        beyond = {far for other in others for far in reachable(other)}
        lines += [f"  {here} --> {other}" for other in sorted(others - beyond)]
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


def reachable(room):
    return MAY_IMPORT[room] | {
        far for other in MAY_IMPORT[room] for far in reachable(other)
    }


def test_the_picture_in_contributing_shows_what_is_allowed():
    assert picture() in (ROOT / "CONTRIBUTING.md").read_text("utf-8"), picture()


def run(code, **environment):
    return json.loads(
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=os.environ | environment,
        ).stdout
    )


def test_import_tlkeras_loads_no_room():
    code = (
        "import sys, json, tlkeras;"
        "rooms = [m for m in sys.modules if m.startswith('tlkeras.')];"
        "print(json.dumps([rooms, 'keras' in sys.modules, 'numpy' in sys.modules]))"
    )
    assert run(code) == [["tlkeras.registration"], False, False]


def test_a_check_loads_neither_keras_nor_a_plotting_library():
    code = (
        "import sys, json; from tlkeras.course import lesson;"
        "lesson('01_attention').check(lambda x: x, name='softmax')._repr_html_();"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    loaded = set(run(code))
    assert not loaded & {"keras", "tensorflow", "matplotlib", "jupytext", "IPython"}


def test_what_grades_never_loads_what_runs_notebooks_here():
    code = (
        "import sys, json, tlkeras.course.grade, tlkeras.grading.submissions.batch;"
        "print(json.dumps([m for m in sys.modules if 'grading.running' in m]))"
    )
    assert run(code) == []


def test_every_backend_free_room_imports_with_keras_and_numpy_alone():
    blocked = "tensorflow torch matplotlib typer jupytext sklearn keras_hub"
    rooms = [r for r in EAGER if list(PACKAGE.glob(f"{r}*"))]
    code = (
        f"import sys, json\nfor name in {blocked.split()!r}: sys.modules[name] = None\n"
        f"import importlib\n"
        f"for room in {rooms!r}: importlib.import_module('tlkeras.' + room)\n"
        "print(json.dumps(True))"
    )
    assert run(code, KERAS_BACKEND="jax")
