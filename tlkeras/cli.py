"""The `tlkeras` command: thin, for the work is done in `tlkeras.course`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

import tlkeras
from tlkeras import cli_grade, course
from tlkeras.course import headless, machine, progress, tables
from tlkeras.output import is_unicode

DEFAULT_FOLDER = Path("tlkeras-course")
# of click, which typer may carry inside
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="Learn transfer learning with Transformers in Keras.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)  # progress and errors, so that --json stays clean

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool):
    if wanted:
        print(f"tlkeras {tlkeras.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True)
    ] = False,
):
    """Learn transfer learning with Transformers in Keras."""


@app.command()
def start(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where your notebooks go.")
    ] = DEFAULT_FOLDER,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    jupyter: Annotated[
        bool, typer.Option("--open/--no-open", help="Run JupyterLab.")
    ] = True,
    language: Annotated[
        str | None, typer.Option(help="Of the notebooks, such as zh; en for English.")
    ] = None,
):
    """Put the notebooks into a folder of yours, and open the first unfinished one.

    What you wrote is never overwritten.
    """
    from tlkeras.course import start as started
    from tlkeras.course.build import update_glossary

    folder = started.prepare(folder)
    language = started.language_of(folder, language)
    with _bar() as bar:
        for lesson in bar.track(course.lessons(), description="Building notebooks"):
            beside = started.hand_out(folder, lesson, language)
            if beside:
                bar.console.print(
                    f"{lesson.name} has changed since you began. Yours is untouched; "
                    f"the new one is {beside.name}."
                )
    update_glossary(course.lessons(), folder, language=language)
    lesson = started.first_unfinished(folder)
    print(f"Your notebooks are in {folder}.")
    if jupyter:
        print(f"Opening {lesson.title}. To stop JupyterLab, press Ctrl+C here.")
        notebook = folder / f"{lesson.name}.ipynb"
        raise typer.Exit(started.open_jupyter(folder, notebook, browser))
    print(f"Open them with: tlkeras start {folder}")


@app.command("list")
def list_lessons(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where you started.")
    ] = Path(),
):
    """Show the lessons, and how far you are."""
    found = progress.started_folder(folder)
    if found is None and folder == Path():
        found = progress.started_folder(DEFAULT_FOLDER)
    out.print(tables.lessons_table(course.lessons(), found))
    if found:
        print(f"Progress of {found}.")
    else:
        print("Not started here yet. To begin: tlkeras start")


@app.command()
def check(
    notebook: Annotated[
        str, typer.Argument(help="A notebook, a lesson's name, or a folder of both.")
    ],
    as_json: AsJson = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds for each notebook.")
    ] = 300,
):
    """Run a notebook in a process of its own, and check its exercises.

    A lesson's name stands for its notebook in the folder where you started. Cells
    tagged `experiment` are left out, and so are those of the lesson that no answer
    needs. Exit code 0: all passed; 1: not all did.
    """
    found = {}
    for path in headless.notebooks(notebook, DEFAULT_FOLDER):
        lesson, outcomes = _check_notebook(path, timeout)
        found[lesson.name] = outcomes
        if not as_json:
            out.print(tables.outcomes_table(lesson, outcomes))
            for outcome in outcomes.values():
                if not outcome["passed"]:
                    print(f"\n{outcome['message']}")
    if as_json:
        every = [{"lesson": n, "exercises": outcomes} for n, outcomes in found.items()]
        _print_json(every[0] if len(every) == 1 else every)
    _exit_unless(all(o["passed"] for each in found.values() for o in each.values()))


def _check_notebook(path, timeout):
    with _bar() as bar:
        task = bar.add_task("Starting", total=None)

        def report(event):
            step = event["step"]
            cell = f"cell {step + 1}" if isinstance(step, int) else None
            if "failed" in event:
                bar.console.print(f"{cell}: {event['failed']}", markup=False)
            bar.update(
                task, description=f"Running {cell}" if cell else f"Checking {step}"
            )

        return headless.check_notebook(path, timeout, report)


app.command()(cli_grade.grade)


@app.command()
def build(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Build nothing; name what is stale.")
    ] = False,
    nbgrader: Annotated[
        bool,
        typer.Option(
            "--nbgrader", help="Into nbgrader's source folder DIR, with solutions."
        ),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(help="Only in this language, as in locale/; else in all."),
    ] = None,
):
    """Build the learners' notebooks from the lessons (for authors)."""
    from tlkeras.course import build as builder
    from tlkeras.course import editions

    if nbgrader and folder is None:
        raise course.CourseError(
            "Say where your nbgrader course keeps its sources: "
            "tlkeras build --nbgrader COURSE/source. These notebooks hold the "
            "solutions; nbgrader generate_assignment takes them out."
        )
    found = editions.wanted(course.lessons(), language, everything=folder is None)
    fresh = True
    for spoken, lessons in found.items():
        place = folder or builder.notebooks_folder(spoken)
        fresh &= _build_edition(builder, lessons, place, check, nbgrader, spoken)
    _exit_unless(fresh or not check)


def _build_edition(builder, lessons, folder, check, nbgrader, language):
    """Build or check the notebooks of one language; whether all were fresh."""
    with _bar() as bar:
        tracked = bar.track(lessons, description="Building")
        stale = [
            x for x in tracked if builder.update(x, folder, check, nbgrader, language)
        ]
    words = not nbgrader and builder.update_glossary(lessons, folder, check, language)
    if not check:
        print(f"{len(stale)} of {len(lessons)} notebooks rebuilt in {folder}.")
        return True
    orphans = [] if nbgrader else builder.orphans(lessons, folder)
    command = f"tlkeras build --nbgrader {folder}" if nbgrader else "tlkeras build"
    for lesson in stale:
        print(f"{builder.place(lesson, folder, nbgrader)} is stale. Run: {command}")
    if words:
        print(f"{folder / 'glossary.ipynb'} is stale. Run: {command}")
    for path in orphans:
        print(f"{path} belongs to no lesson. Delete it.")
    return not (stale or words or orphans)


@app.command()
def gettext(
    lesson: Annotated[
        str | None, typer.Argument(help="Begin the translation of this lesson.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Only this one, as in locale/; else all.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; name what is open.")
    ] = False,
):
    """Bring the .po files of translations up to date (for translators)."""
    from tlkeras.course import catalogs, editions

    every, right = course.lessons(), True
    begun = [course.lesson(lesson).name] if lesson else []
    for spoken in editions.known_languages(language):
        for name in dict.fromkeys([*catalogs.names(every, spoken), *begun]):
            changed = catalogs.update(spoken, name, every, check)
            found = list(catalogs.problems(spoken, name, every))
            right &= not (changed or found)
            state = "brought up to date" if changed and not check else "read"
            state = "is stale. Run: tlkeras gettext" if changed and check else state
            print(f"{catalogs.path_of(spoken, name)} {state}; {len(found)} open.")
            for problem in found if check or lesson else ():
                print(f"  {problem}")
    _exit_unless(right or not check)


@app.command()
def verify(
    lesson: Annotated[str | None, typer.Argument()] = None,
    exercise: Annotated[
        str | None, typer.Argument(help="Only this one of the lesson.")
    ] = None,
    as_json: AsJson = False,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the inputs.")] = 5,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics", help="Run the notebooks; hold figures to their bands."
        ),
    ] = False,
):
    """Check the checks: every known mistake is named, every right answer passes."""
    from tlkeras.course.verify import verify as verify_lesson

    lessons = [course.lesson(lesson)] if lesson else course.lessons()
    if metrics and exercise:
        raise course.CourseError("--metrics runs whole lessons: name no exercise.")
    if metrics:
        return _verify_metrics(lessons, as_json)
    count = 1 if exercise else sum(len(each.exercises) for each in lessons)
    with _bar() as bar:
        task = bar.add_task("Checking the checks", total=count * seeds)
        reports = {
            each: verify_lesson(each, seeds, lambda: bar.advance(task), exercise)
            for each in lessons
        }
    if as_json:
        found = {x.name: [r.to_dict() for r in rs] for x, rs in reports.items()}
        _print_json({"seeds": seeds, "lessons": found})
    else:
        _print_reports(reports)
    _exit_unless(not any(r.failures for rs in reports.values() for r in rs))


def _verify_metrics(lessons, as_json):
    from tlkeras.course.metrics import verify_metrics

    with _bar() as bar:
        tracked = bar.track(lessons, description="Running notebooks")
        found = {each.name: verify_metrics(each) for each in tracked}
    if as_json:
        _print_json({name: rows for name, (_, rows, _) in found.items()})
    else:
        rows_of = {name: rows for name, (_, rows, _) in found.items()}
        out.print(tables.metrics_table(rows_of))
        times_of = {name: times for name, (_, _, times) in found.items()}
        out.print(tables.times_table(times_of))
    failures = [
        f"{n}: {text}" for n, (report, *_) in found.items() for text in report.failures
    ]
    for failure in failures:
        err.print(f"✗ {failure}", style="red", markup=False, soft_wrap=True)
    _exit_unless(not failures)


def _print_reports(reports):
    for lesson, found in reports.items():
        out.print(tables.reports_table(lesson, found))
        for report in found:
            for failure, seeds in report.failures.items():
                when = f" (seeds {', '.join(map(str, seeds))})" if seeds else ""
                out.print(
                    f"✗ {report.name}: {failure}{when}", style="red", markup=False
                )


@app.command()
def doctor(as_json: AsJson = False):
    """Look at what this machine has, and say what to do about what is missing."""
    with _bar() as bar:
        looking = bar.track(
            machine.findings(), total=machine.COUNT, description="Looking"
        )
        findings = list(looking)
    if as_json:
        _print_json([finding.to_dict() for finding in findings])
    else:
        out.print(tables.findings_table(findings))
    _exit_unless(all(finding.found or not finding.required for finding in findings))


def _bar():
    return Progress(console=err, transient=True)


def _print_json(data):
    print(json.dumps(data, indent=1, ensure_ascii=not is_unicode()))


def _exit_unless(right):
    if not right:
        raise typer.Exit(1)


def run():
    """Run the command; what its user can mend is one line, and exit code 2."""
    from tlkeras.grading.export import ExportError
    from tlkeras.grading.notebooks.notebook import NotebookError
    from tlkeras.grading.running.practice import PracticeError
    from tlkeras.grading.sandbox import SandboxError

    known = (
        course.CourseError,
        ExportError,
        NotebookError,
        PracticeError,
        SandboxError,
    )
    try:
        raise SystemExit(app(prog_name="tlkeras", standalone_mode=False) or 0)
    except known as error:
        _end(str(error))
    except typer.Abort:
        raise SystemExit(130) from None
    except UsageError as error:
        _end(_usage(error))


def _end(sentence):
    err.print(f"tlkeras: {sentence}", style="red", markup=False, soft_wrap=True)
    raise SystemExit(2) from None


def _usage(error):
    """What was wrong with the command line, and where to read how it is used."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "tlkeras"
    said = error.format_message().rstrip(".")
    return f"{said}. Read how it is used with: {command} --help"
