"""`tlkeras grade`: a class of notebooks, and what it found."""

import contextlib
import os
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table


class Export(StrEnum):
    """Where marks can be handed on."""

    GRADESCOPE = "gradescope"
    NBGRADER = "nbgrader"


out = Console()
err = Console(stderr=True)


def grade(
    submissions: Annotated[
        list[Path], typer.Argument(help="Notebooks, and folders of notebooks.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Where results go.")],
    jobs: Annotated[int, typer.Option(min=1, help="How many at once.")] = 1,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Repeats a grading exactly.")
    ] = None,
    lesson: Annotated[
        str | None, typer.Option(help="The lesson, where notebooks do not tell.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="A, B or C: insist on this isolation.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of all that is said; else a notebook's own.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to run on.")
    ] = None,
    export: Annotated[
        Export | None, typer.Option(help="Hand the marks on as well.")
    ] = None,
    gradebook: Annotated[
        str | None, typer.Option(help="nbgrader's gradebook.db, or its URL.")
    ] = None,
    allow_practice: Annotated[
        bool, typer.Option("--allow-practice", help="Hand on practice, too.")
    ] = False,
    memory: Annotated[float, typer.Option(min=0.1, help="GB a submission.")] = 8,
    processes: Annotated[int, typer.Option(min=8, help="At once.")] = 256,
    wall: Annotated[float, typer.Option(min=1, help="Seconds a submission.")] = 300,
    cell: Annotated[float, typer.Option(min=1, help="Seconds a cell.")] = 60,
    exercise: Annotated[float, typer.Option(min=1, help="Seconds an exercise.")] = 20,
):
    """Grade notebooks where their code cannot touch the verdict.

    Each gets RESULTS/submissions/NAME/result.json. Run the same command again to go on
    after an interruption: what is finished is not graded twice. The report counts what
    the command names. Exit code 1: something could not be graded.
    """
    from tlkeras import course
    from tlkeras.grading.sandbox import Limits
    from tlkeras.grading.submissions import output

    if language is not None:
        os.environ["TLKERAS_LANGUAGE"] = language  # for the processes that grade, too
    if lesson is not None:
        course.lesson(lesson)  # or say which there are
    limits = Limits(
        memory=int(memory * 2**30),
        processes=processes,
        wall=wall,
        cell=cell,
        exercise=exercise,
    )
    try:
        output.keep_apart(folder, submissions)
        with output.alone(folder):
            todo = _jobs(submissions, folder, seed, lesson, tier, limits)
            summary = _graded(todo, folder, jobs, scheduler)
            if export is not None:
                from tlkeras.grading import export as exports

                marks = (course.lesson, gradebook, allow_practice, summary.names)
                exports.write(export, folder, *marks)
    except output.OutputError as error:
        err.print(f"tlkeras: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    raise typer.Exit(1 if summary.ungraded else 0)


def _jobs(submissions, folder, seed, lesson, tier, limits):
    """What there is to grade, and how."""
    from tlkeras.course import glossary
    from tlkeras.course import grade as grading
    from tlkeras.course.syllabus import home
    from tlkeras.grading.sandbox import choose
    from tlkeras.grading.submissions import batch, submission

    found = submission.find(submissions, partial(batch.is_taken, folder))
    found = [each for each in found if not glossary.is_ours(each.path)]
    isolation = choose([home()], tier)
    for reason in isolation.why:
        err.print(_say("worse", reason=reason), markup=False)
    if not isolation.for_marks:
        err.print(_say("practice"), style="red", markup=False)
    chosen = batch.seed_of(folder, seed)
    return [
        grading.Job(each.name, str(each.path), chosen, isolation, limits, lesson)
        for each in found
    ]


def _titled(name):
    """A lesson with its title in the language that is spoken."""
    from tlkeras import course
    from tlkeras.course import editions

    lesson = course.lesson(name)
    title = editions.title(lesson)
    return lesson if title == lesson.title else replace(lesson, title=title)


def _graded(todo, folder, jobs, scheduler):
    """Grade, write the reports, and tell of both."""
    from tlkeras.course import grade as grading
    from tlkeras.grading import report
    from tlkeras.grading.submissions import batch, output

    with _executor(scheduler) as executor:
        results = batch.run(todo, grading.grade, grading.failed, folder, jobs, executor)
        summary = _follow(results, len(todo))
    with output.writing(folder):
        report.write_all(folder, _titled, summary.names)
        others = len(report.not_counted(folder, summary.names))
    out.print(summary.table())
    words = _say("done", seed=todo[0].seed, folder=folder)
    if others:
        words = f"{words} {_say('others', count=others)}"
    out.print(words, soft_wrap=True, markup=False)
    return summary


class _Summary:
    """What is worth telling of a batch, without holding its results."""

    def __init__(self):
        self.names, self.rows, self.ungraded, self.old = [], [], 0, 0

    def add(self, job, result, old):
        """Take note of a result."""
        from tlkeras.grading.report.parts import state_name

        self.names.append(job.name)
        self.old += old
        self.ungraded += result["state"] != "graded"
        points, most = (f"{result[key]:g}" for key in ("points", "max_points"))
        note = result["reason"] or ", ".join(
            f"{e['name']} {state_name(e['state'])}"
            for e in result["exercises"]
            if e["state"] != "passed"
        )
        if result["policy"]:
            note = f"{note} {_say('findings', count=len(result['policy']))}"
        points = _say("of", points=points, max_points=most)
        self.rows.append((_short(job.name), points, note))

    def table(self, most=40):
        """The first submissions, and how many more there are."""
        table = Table(*map(_say, ("submission", "points", "open")))
        for row in sorted(self.rows)[:most]:
            table.add_row(*map(escape, row))
        if len(self.rows) > most:
            table.add_row(_say("more", count=len(self.rows) - most), "", "")
        if self.old:
            table.caption = _say("before", count=self.old)
        return table


def _follow(results, total):
    summary = _Summary()
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    words = (_say("grading"), *columns, "{task.description}")
    with Progress(*words, console=err, transient=True) as bar:
        task = bar.add_task("", total=total)
        for job, result, old in results:
            summary.add(job, result, old)
            bar.update(task, advance=1, description=escape(_short(job.name)))
    return summary


def _say(key, **values):
    from tlkeras.course.syllabus import MESSAGES

    return MESSAGES.say("command", key, **values)


def _short(name, longest=60):
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


@contextlib.contextmanager
def _executor(address):
    if address is None:
        yield None
        return
    from tlkeras.extras import require

    require("distributed")
    from distributed import Client

    with Client(address) as client:
        yield client.get_executor(retries=2)
