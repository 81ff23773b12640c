"""Grading a class of lesson 01: seconds a submission, beside nbgrader's autograde.

The same answers to the same exercises. nbgrader gets notebooks with nothing but the
answers and a test cell for each, and no more than NumPy to import: its best case. Ours
are whole lesson notebooks as handed in. One core, one job, one run.

python benchmarks/grade.py --nbgrader /path/to/an/environment/with/nbgrader
python benchmarks/grade.py --count 1000 --jobs 2      # time and memory of a large batch
python benchmarks/grade.py --kill 3 --count 200       # and it survives kill -9
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

from tlkeras.course import lesson
from tlkeras.course.build import build
from tlkeras.course.lesson_text import STUB
from tlkeras.grading.notebooks import notebook
from tlkeras.grading.submissions import result

ROOT = Path(__file__).resolve().parents[1]
LESSON = "01_attention"
# What learners really hand in, instead of each solution: text to replace in it.
MISTAKES = (
    ("axis=-1", "axis=0"),
    ("keepdims=True", "keepdims=False"),
    ("np.sqrt(", "("),
    ("-1e9", "-np.inf"),
    ("!= 0", "> 1"),
    ("return", "return 2 *"),
    ("np.exp", "np.expp"),
)
TESTS = {
    "softmax": "np.testing.assert_allclose(softmax(np.zeros((2, 4))), 0.25)",
    "scaled_dot_product_attention": "q = np.ones((2, 3, 4))\n"
    "np.testing.assert_allclose(scaled_dot_product_attention(q, q, q), q)",
    "causal_mask": "assert (causal_mask(3) == np.tri(3, dtype=bool)).all()",
    "padding_mask": "assert padding_mask(np.array([[1, 0]])).sum() == 1",
    "causal_self_attention": "x = np.ones((1, 3, 4))\n"
    "np.testing.assert_allclose(causal_self_attention(x, np.ones((1, 3), int)), x)",
    "attention_classifier": "i = np.eye(3)\n"
    "assert attention_classifier(i, i, np.arange(3), 0.1).shape == (3, 10)",
}


def main():
    """Measure what the options ask for."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="tlkeras-bench-"))
    try:
        cells = [vary(number) for number in range(options.count)]
        write_class(folder / "class", cells, options.tensorflow)
        if options.kill:
            survive(folder, options)
        else:
            ours = grade(folder / "class", folder / "results", options)
            report("tlkeras grade", ours, options.count)
        if options.nbgrader:
            theirs = autograde(folder / "nbgrader", cells, options.nbgrader)
            report("nbgrader autograde", theirs, options.count)
            print(
                f"nbgrader takes {theirs[0] / ours[0]:.1f} times as long, and "
                f"{theirs[2] / ours[2]:.1f} times the processor time"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--tensorflow", action="store_true", help="answers import it")
    parser.add_argument("--kill", type=int, default=0, help="kill -9 so many times")
    parser.add_argument("--nbgrader", help="an environment that has it")
    return parser.parse_args()


def vary(number):
    """The lesson's cells with the mistakes of one learner in them."""
    rng = random.Random(number)
    cells, blank = _lesson()
    made = []
    for cell, given in zip(cells, blank, strict=True):
        text = cell.source
        if STUB[0] in given.source and rng.random() < 0.4:
            text = rng.choice(
                [given.source, *(text.replace(*m) for m in MISTAKES if m[0] in text)]
            )
        made.append((text, sorted(cell.tags), STUB[0] in given.source))
    return made


@cache
def _lesson():
    texts = (build(lesson(LESSON), solved=True), build(lesson(LESSON)))
    return [notebook.parse(text).code for text in texts]


def write_class(folder, cells, tensorflow):
    """Whole notebooks, one a learner."""
    folder.mkdir(parents=True)
    first = "import tensorflow as tf\nimport keras\n" if tensorflow else ""
    for number, made in enumerate(cells):
        sources = [
            {"cell_type": "code", "source": text, "metadata": {"tags": tags}}
            for text, tags, _ in [(f"{first}# learner {number}", [], False), *made]
        ]
        metadata = {"tlkeras": {"lesson": LESSON}}
        data = {"cells": sources, "metadata": metadata, "nbformat": 4}
        (folder / f"learner-{number:04}.ipynb").write_text(json.dumps(data))


def grade(submissions, results, options, kill_after=None):
    """Seconds and peak megabytes of `tlkeras grade`, all its processes together."""
    command = [sys.executable, "-m", "tlkeras", "grade", submissions, "--out", results]
    command += ["--jobs", str(options.jobs), "--seed", "1"]
    return timed(command, options.cores, kill_after, {"PYTHONPATH": str(ROOT)})


def autograde(folder, cells, environment):
    """Seconds and peak megabytes of nbgrader on notebooks with the same answers."""
    source = folder / "source" / LESSON
    source.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'course'\n"
    )
    write_nbgrader(source / f"{LESSON}.ipynb", cells[0])
    nbgrader = str(Path(environment) / "bin" / "nbgrader")
    path = f"{Path(environment) / 'bin'}:{os.environ['PATH']}"
    extra = {"PATH": path, "HOME": str(folder)}
    timed([nbgrader, "generate_assignment", LESSON], 1, None, extra, folder)
    for number, made in enumerate(cells):
        own = folder / "submitted" / f"learner{number:04}" / LESSON
        own.mkdir(parents=True)
        write_nbgrader(own / f"{LESSON}.ipynb", made)
    return timed([nbgrader, "autograde", LESSON], 1, None, extra, folder)


def write_nbgrader(path, made):
    """The answers and a test for each, with nbgrader's metadata."""
    cells = [_nbgrader_cell("imports", "import numpy as np", {})]
    answers = [text for text, _, is_answer in made if is_answer]
    for (name, test), text in zip(TESTS.items(), answers, strict=True):
        cells.append(_nbgrader_cell(name, text, {"solution": True}))
        grading = {"grade": True, "points": 1, "locked": True}
        cells.append(_nbgrader_cell(f"test-{name}", test, grading))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    data = {"cells": cells, "metadata": {"kernelspec": kernel}}
    path.write_text(json.dumps(data | {"nbformat": 4, "nbformat_minor": 5}))


def _nbgrader_cell(name, text, flags):
    own = {"schema_version": 3, "grade_id": name, "grade": False, "locked": False}
    own |= {"solution": False, "task": False, **flags}
    return {
        "cell_type": "code",
        "id": name.replace("_", "-"),
        "source": text,
        "metadata": {"nbgrader": own} if flags else {},
        "outputs": [],
        "execution_count": None,
    }


def timed(command, cores, kill_after, extra, folder=None):
    """Run a command on some cores: seconds, peak megabytes and processor seconds.

    The last two are of all its processes. The last is the fairer one on a machine that
    does other things too; it is NaN where there are no control groups to count it.
    """
    group = Path("/sys/fs/cgroup/cpuacct") / f"tlkeras-{os.getpid()}-{time.time_ns()}"
    counts = os.access(group.parent, os.W_OK) and not group.mkdir()
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    began = time.monotonic()
    process = subprocess.Popen(
        list(map(str, command)),
        env=os.environ | extra,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: _enter(allowed, group if counts else None),
    )
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    peak = 0
    while process.poll() is None:
        peak = max(peak, _megabytes(process.pid))
        time.sleep(0.2)
        if kill_after is not None and time.monotonic() - began > kill_after:
            os.kill(process.pid, signal.SIGKILL)
            break
    code = process.wait()
    reader.join()
    if code not in (0, -signal.SIGKILL):
        print(errors[0].decode()[-1000:], file=sys.stderr)
    seconds, processor = time.monotonic() - began, float("nan")
    if counts:
        processor = int((group / "cpuacct.usage").read_text()) / 1e9
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            group.rmdir()
    return seconds, peak, processor


def _enter(cores, group):
    os.sched_setaffinity(0, cores)
    if group is not None:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def _megabytes(root):
    """Proportional memory of a process and its descendants."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            parents[int(name)] = int(fields[1])
        except OSError:
            continue
    tree = [root]
    for parent in tree:  # grows
        tree.extend(child for child, own in parents.items() if own == parent)
    total = 0
    for process in tree:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += int(next(x for x in lines if x.startswith("Pss:")).split()[1])
        except (OSError, StopIteration):
            continue
    return total / 1024


def survive(folder, options):
    """Kill a batch at random moments, let it end, and compare with one left alone."""
    measured = grade(folder / "class", folder / "whole", options)
    report("left alone", measured, options.count)
    rng = random.Random()
    for _ in range(options.kill):
        after = rng.uniform(0.1, 0.9) * measured[0] / options.kill
        grade(folder / "class", folder / "killed", options, after)
        done = len(result.paths(folder / "killed"))
        print(
            f"killed after {after:.1f} s: {done} of {options.count} graded", flush=True
        )
    grade(folder / "class", folder / "killed", options)
    pairs = zip(
        result.read_all(folder / "whole"),
        result.read_all(folder / "killed"),
        strict=True,
    )
    same = [result.without_times(a) == result.without_times(b) for a, b in pairs]
    print(f"identical results: {sum(same)} of {len(same)}")
    if not all(same):
        sys.exit(1)


def report(name, measured, count):
    """A line of figures."""
    seconds, peak, processor = measured
    print(
        f"{name}: {count} submissions in {seconds:.1f} s ({seconds / count:.3f} each); "
        f"{processor / count:.3f} s of processor time each; peak {peak:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
