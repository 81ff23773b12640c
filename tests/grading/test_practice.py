"""A process that runs a notebook may fail, crash or hang: the rest still counts."""

import sys

import pytest

from tlkeras.grading.running import practice

# Each step is told first; one that is not left out then crashes or hangs.
PROCESS = """
import json, os, sys, time
skip = json.load(sys.stdin)["skip"]
def tell(**event): print(json.dumps(event), flush=True)
if 0 not in skip:
    tell(step=0, seconds=0)
    {fate}
if "f" not in skip:
    tell(step="f", seconds=9)
    tell(step="f", outcome={{"points": 3}})
tell(done=True)
"""


def command(text):
    return [sys.executable, "-c", text]


@pytest.mark.parametrize("fate", ["os._exit(3)", "time.sleep(60)", "sys.exit(1)"])
def test_a_step_that_never_ends_is_left_out_and_the_rest_counts(fate, monkeypatch):
    monkeypatch.setattr(practice, "GRACE", 0.2)
    words, events = command(PROCESS.format(fate=fate)), []
    found = practice.outcomes(words, {}, 60, events.append)
    assert found == {"f": {"points": 3}}
    assert [event["step"] for event in events] == [0, "f", "f"]


def test_a_process_that_does_not_start_is_an_error_with_its_last_words():
    words = command("import sys; sys.exit('first\\nno such package')")
    with pytest.raises(practice.PracticeError, match="not be run: no such package"):
        practice.outcomes(words, {}, 60)


def test_all_the_time_there_is_may_be_none():
    assert practice.outcomes(command("1 / 0"), {}, 0) == {}


def test_one_that_ends_before_it_reads_its_job_is_the_same_error(monkeypatch):
    start = practice.subprocess.Popen

    def slowly(*arguments, **keywords):
        process = start(*arguments, **keywords)
        process.wait()
        return process

    monkeypatch.setattr(practice.subprocess, "Popen", slowly)
    words = command("import sys; sys.exit('no such package')")
    with pytest.raises(practice.PracticeError, match="not be run: no such package"):
        practice.outcomes(words, {}, 60)
