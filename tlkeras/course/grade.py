"""Grading one submission: from a file to the data of its `result.json`.

Runs in any process that has the lessons; the submission's code runs in another.
"""

import atexit
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tlkeras
from tlkeras.course import editions, material
from tlkeras.course.syllabus import MESSAGES, CourseError, home, lesson
from tlkeras.grading.judge import wording
from tlkeras.grading.messages import speaking
from tlkeras.grading.notebooks import notebook
from tlkeras.grading.report.text import one_line
from tlkeras.grading.sandbox import Isolation, Limits, WarmParent
from tlkeras.grading.submissions import policy, record, submission, verdict

NOTED = 5  # failures that a result tells of
# What a warm parent has imported. Which one a submission gets depends on its imports.
PLAIN = ("numpy",)
HEAVY = (*PLAIN, "tensorflow", "keras", "tlkeras.layers", "tlkeras.masks")
NEEDS_HEAVY = {"tensorflow", "keras", "keras_hub", "keras_nlp"}
OWN_HEAVY = ("tlkeras.layers", "tlkeras.masks", "tlkeras.models", "tlkeras.generation")


@dataclass(frozen=True)
class Job:
    """All that grading one submission depends on; travels between processes.

    Args:
        name: of the submission.
        file: path of the notebook, whatever the working folder.
        seed: draws the inputs.
        isolation: an Isolation.
        limits: Limits.
        lesson: name of the lesson. Defaults to `None`: the notebook tells.
    """

    name: str
    file: str
    seed: int
    isolation: Isolation
    limits: Limits
    lesson: str | None = None


def grade(job):
    """Grade a submission.

    Args:
        job: a Job.

    Returns:
        The data of its `result.json`, and the beginning of what it printed, as bytes.

    Raises:
        SandboxError: no worker could be started.
    """
    began = time.monotonic()
    handed_in = _handed_in(job)
    try:
        content = submission.read(job.file)
        handed_in |= {
            "sha256": submission.fingerprint(content),
            "bytes": len(content),
        }
        document = notebook.parse(content)
        del content
        which = _lesson(job, document)
    except (notebook.NotebookError, CourseError) as error:
        header = _header(job, handed_in, began)
        return record.refused(header, "unreadable", one_line(str(error))), b""
    with speaking(editions.spoken_by(document)):
        return _graded(job, document, which, handed_in, began)


def _graded(job, document, which, handed_in, began):
    """The result of a notebook that answers a Lesson."""
    steps = material.steps(which.folder, document)
    found = verdict.grade(
        steps, which.exercises, job.seed, _warm_parent(job, steps).session, job.limits
    )
    for name, place in material.misplaced(document, which.exercises).items():
        wording.say_where(which.exercises[name], found.outcomes[name], *place)
    reported = policy.findings(which.exercises.values(), steps)
    result = record.graded(
        _header(job, handed_in, began),
        found,
        which.exercises,
        which.name,
        reported,
        list(_notes(steps, found, job.limits)),
    )
    return result, found.printed[0]


def failed(job, reason):
    """The result of a submission that the grader itself failed on."""
    handed_in = _handed_in(job)
    header = _header(job, handed_in, time.monotonic())
    reason = MESSAGES.say("grading", "failed", reason=one_line(reason, 1000))
    return record.refused(header, "stopped", reason)


def _handed_in(job):
    file = submission.printable(job.file)
    return {"name": job.name, "file": file, "sha256": None, "bytes": None}


def _header(job, handed_in, began):
    return record.header(
        handed_in,
        {
            "tlkeras": tlkeras.__version__,
            "seed": job.seed,
            "seconds": round(time.monotonic() - began, 3),
            "isolation": job.isolation.to_dict(),
        },
    )


def _lesson(job, document):
    if job.lesson is not None:
        return lesson(job.lesson)
    return material.lesson_of(document, Path(submission.printable(job.file)))


def _notes(steps, found, limits):
    for step in steps:
        if step.number < 0:
            first = step.text.strip().splitlines()[0]
            yield MESSAGES.say("grading", "put_back", line=first)
    failed = list(_failures(found))
    if failed:
        key = "raised_more" if len(failed) > NOTED else "raised"
        told = {"failures": "; ".join(failed[:NOTED]), "count": len(failed) - NOTED}
        yield MESSAGES.say("grading", key, **told)
    if found.printed[1] > limits.output:
        yield MESSAGES.say("grading", "printed", most=limits.output)


def _failures(found):
    for number, cell_run in sorted(found.cell_runs.items()):
        for failure in cell_run.failures:
            key = "cell" if number >= 0 else "own_cell"
            told = {"number": number + 1, "failure": failure.raised.headline}
            yield MESSAGES.say("grading", key, **told)


def _warm_parent(job, steps):
    imports = {name for step in steps for name in step.imports}
    heavy = {name.split(".")[0] for name in imports} & NEEDS_HEAVY
    heavy |= {name for name in imports if name.startswith(OWN_HEAVY)}
    return _warm(job.isolation.tier, HEAVY if heavy else PLAIN, home())


@cache
def _warm(tier, modules, hidden):
    parent = WarmParent(tier, modules, [hidden])
    atexit.register(parent.close)
    return parent
