"""Notebooks that work where nobody has installed anything: Colab, Kaggle, a lone file.

The first cell that runs installs what is missing. Buttons that open a notebook
elsewhere are there only when it is known where the repository lies: no address is made
up.
"""

import os
import re
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat

import tlkeras
from tlkeras.course.syllabus import MESSAGES, CourseError, home
from tlkeras.extras import EXTRAS

VARIABLE = "TLKERAS_REPOSITORY"
TAG = "setup"  # of the cell; the grader passes it over
WHEEL = f"tlkeras-{tlkeras.__version__}-py3-none-any.whl"
# What opens a notebook of a public GitHub repository, by what follows its address.
SERVICES = {
    "Colab": "https://colab.research.google.com/github/{path}",
    "Kaggle": "https://kaggle.com/kernels/welcome?src=https://github.com/{path}",
    "nbviewer": "https://nbviewer.org/github/{path}",
}
BEGIN, END = "<!-- buttons: tlkeras build -->", "<!-- end of buttons -->"


def repository() -> str | None:
    """Where the repository lies, or `None`: nobody has said.

    `TLKERAS_REPOSITORY` says so; failing that `Repository` among the `urls` of
    `pyproject.toml`, or of the installed package.

    Raises:
        CourseError: it is no address of the web.
    """
    address = os.environ.get(VARIABLE) or _declared()
    if not address:
        return None
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+/?", address):
        raise CourseError(MESSAGES.say("build", "no-address", address=address))
    return address.rstrip("/").removesuffix(".git")


def _declared():
    project = home().parent / "pyproject.toml"
    if project.is_file():  # a checkout
        said = tomllib.loads(project.read_text("utf-8"))["project"]
        return said.get("urls", {}).get("Repository")
    try:
        lines = metadata.metadata("tlkeras").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    urls = dict(line.split(", ", 1) for line in lines)
    return urls.get("Repository")


def setup_cell():
    """The cell that installs what is missing, folded.

    It installs this version from the repository; where no address is known, from the
    wheel that lies beside the notebook.
    """
    address = repository()
    source = f"./{WHEEL}[lessons]"
    if address:
        source = f"tlkeras[lessons] @ git+{address}@{_reference()}"
    needs = " ".join(["tlkeras", *EXTRAS["lessons"]])
    lines = (
        f"# @title {MESSAGES.say('build', 'setup')}",
        "from importlib.util import find_spec",
        "",
        f'if not all(map(find_spec, "{needs}".split())):',
        f'    %pip install --quiet "{source}"',
    )
    # Folded in JupyterLab and VS Code, in Colab, and by what reads tags.
    folded = {
        "jupyter": {"source_hidden": True},
        "cellView": "form",
        "tags": [TAG, "hide-input"],
    }
    return nbformat.v4.new_code_cell("\n".join(lines), id=TAG, metadata=folded)


def put_into(cells, lesson, language=None):
    """Put the set-up before the first cell that runs, and buttons below the title.

    Args:
        cells: of the notebook of a lesson; they are changed.
        lesson: name of the lesson.
        language: of the notebook. Defaults to `None`: English.
    """
    first = next(n for n, cell in enumerate(cells) if cell.cell_type == "code")
    links = buttons(f"{language}/{lesson}" if language else lesson)
    if first and links:
        names = " · ".join(f"[{service}]({link})" for service, link in links.items())
        title, _, text = cells[0].source.partition("\n")
        said = MESSAGES.say("build", "buttons", links=names)
        cells[0].source = f"{title}\n\n{said}\n{text}"
    cells.insert(first, setup_cell())


def buttons(lesson) -> dict[str, str]:
    """Addresses that open the notebook of a lesson, by service; none if none is known.

    Args:
        lesson: name of the lesson, below the folder of its language.
    """
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", repository() or "")
    if not found:  # the services open public notebooks of GitHub
        return {}
    path = f"{found[1]}/blob/{_reference()}/notebooks/{lesson}.ipynb"
    return {name: form.format(path=path) for name, form in SERVICES.items()}


def update_readme(lessons, path=None, check=False) -> bool:
    """Bring the buttons of a README up to date; whether they were not.

    Args:
        lessons: all of them.
        path: of the README. Defaults to that of the checkout.
        check: change nothing. Defaults to `False`.
    """
    path = path or home().parent / "README.md"
    text = path.read_text("utf-8") if path.is_file() else ""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        return False
    fresh = f"{head}{begin}\n{_lines(lessons)}{end}{tail}"
    if fresh != text and not check:
        Path(path).write_text(fresh, "utf-8")
    return fresh != text


def _lines(lessons):
    links = {lesson.name[:2]: buttons(lesson.name) for lesson in lessons}
    if not all(links.values()):
        return ""
    lines = [
        f"{service}: "
        + " ".join(f"[{number}]({each[service]})" for number, each in links.items())
        for service in SERVICES
    ]
    return "\nOpen a lesson elsewhere.\n" + "  \n".join(lines) + "\n\n"


def _reference():
    return f"v{tlkeras.__version__}"
