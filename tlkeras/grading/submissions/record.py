"""From a Verdict to the data of a `result.json`."""

from datetime import UTC, datetime

from tlkeras.grading.judge.card import card
from tlkeras.grading.messages import say
from tlkeras.grading.submissions.result import SCHEMA
from tlkeras.grading.submissions.verdict import STARTS


def graded(header, verdict, exercises, lesson, policy, notes):
    """The result of a submission that could be read.

    Args:
        header: as `header` makes it.
        verdict: a Verdict.
        exercises: Exercises by name.
        lesson: name of the lesson.
        policy: findings of `policy.findings`.
        notes: sentences.
    """
    entries = [
        entry(exercise, verdict.outcomes[name], verdict.seconds[name])
        for name, exercise in exercises.items()
    ]
    reason = None
    if verdict.unfinished:
        reason = say("unfinished", verdict.unfinished, starts=STARTS)
    return header | {
        "lesson": lesson,
        "state": "stopped" if verdict.unfinished else "graded",
        "reason": reason,
        "points": round(sum(entry["points"] for entry in entries), 2),
        "max_points": sum(entry["max_points"] for entry in entries),
        "exercises": entries,
        "policy": policy,
        "notes": notes,
    }


def refused(header, state, reason):
    """The result of a submission of which nothing could be graded."""
    return header | {
        "lesson": None,
        "state": state,
        "reason": reason,
        "points": 0,
        "max_points": 0,
        "exercises": [],
        "policy": [],
        "notes": [],
    }


def header(submission, graded):
    """What every result begins with.

    Args:
        submission: table `{"name", "file", "sha256", "bytes"}`.
        graded: table `{"tlkeras", "seed", "seconds", "isolation"}`.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "schema": SCHEMA,
        "submission": submission,
        "graded": {"at": now, **graded},
    }


def entry(exercise, outcome, seconds):
    """An outcome as it stands in `result.json`."""
    say = exercise.messages.say
    sections = {m.id: m.section for m in exercise.misconceptions}
    return {
        "name": exercise.name,
        "section": say("sections", exercise.section),
        "state": outcome.state.value,
        "points": outcome.points,
        "max_points": outcome.max_points,
        "cases": outcome.cases,
        "misconceptions": [
            {
                "id": name,
                "idea": say("misconceptions", name),
                "section": say("sections", sections[name]),
            }
            for name in outcome.diagnoses
        ],
        "headline": outcome.headline,
        "message": outcome.message,
        "card": card(outcome, links=False),
        "seconds": round(seconds, 3),
    }
