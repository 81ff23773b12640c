"""Real notebooks, damaged in every way that files and people damage them.

    python tests/grading/fuzz.py --count 200 --seed 0

Each mutant is graded; the grader must not fail, and each must have a result with a
reason or a message for every exercise.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path

from tlkeras.course import grade, lesson
from tlkeras.course.build import build
from tlkeras.course.syllabus import home
from tlkeras.grading.sandbox import Limits, choose
from tlkeras.grading.submissions import result

LIMITS = Limits(wall=30, cell=5, exercise=5)
LINES = (
    "!pip install -q keras",
    "%matplotlib inline",
    "%%bash\nls",
    "%load_ext autoreload",
    "raise RuntimeError('in the middle')",
    "import nothing_of_that_name",
    "def broken(:",
    "input('?')",
    "from google.colab import drive; drive.mount('/content')",
    "from IPython.display import display; display(1)",
    "await thing()",
    "print('x' * 100_000)",
    "softmax = None",
    "del np",
    "exit()",
    "\x00",
    "x = '\ud800'",
    "𝒇 = 1",
)
KERNELS = ({"name": "ir", "language": "R"}, {"name": "xpython"}, None, 3, {})


def cells_of(data):
    return data["cells"]


def any_cell(data, rng):
    return rng.choice(cells_of(data) or [{"source": ""}])


def shuffle(data, rng):
    rng.shuffle(cells_of(data))


def delete(data, rng):
    for _ in range(rng.randint(1, len(cells_of(data)) or 1)):
        if cells_of(data):
            cells_of(data).pop(rng.randrange(len(cells_of(data))))


def repeat(data, rng):
    for _ in range(rng.randint(1, 5)):
        cells_of(data).insert(rng.randint(0, 5), dict(any_cell(data, rng)))


def insert(data, rng):
    source = rng.choice(LINES)
    place = rng.randint(0, len(cells_of(data)))
    cells_of(data).insert(place, {"cell_type": "code", "source": source})


def prefix(data, rng):
    cell = any_cell(data, rng)
    cell["source"] = rng.choice(LINES) + "\n" + "".join(map(str, cell["source"]))


def cut_source(data, rng):
    cell = any_cell(data, rng)
    text = "".join(map(str, cell["source"]))
    cell["source"] = text[: rng.randint(0, len(text))]


def as_lines(data, rng):
    for cell in cells_of(data):
        cell["source"] = "".join(map(str, cell["source"])).splitlines(True)


def no_metadata(data, rng):
    data.pop("metadata", None)
    for cell in cells_of(data):
        cell.pop("metadata", None)


def strange_metadata(data, rng):
    data["metadata"] = rng.choice([3, [], {"tlkeras": []}, {"tlkeras": {"lesson": 1}}])


def kernel(data, rng):
    if isinstance(data.get("metadata"), dict):
        data["metadata"]["kernelspec"] = rng.choice(KERNELS)


def colab(data, rng):
    data["metadata"] = {"colab": {"provenance": []}, "accelerator": "GPU"}
    for cell in cells_of(data):
        cell["metadata"] = {"id": "x", "outputId": "y"}
        cell["execution_count"] = None


def format_3(data, rng):
    for cell in cells_of(data):
        if cell.get("cell_type") == "code":
            cell["input"] = cell.pop("source", "")
            cell["language"] = "python"
    data["worksheets"] = [{"cells": data.pop("cells"), "metadata": {}}]
    data["nbformat"] = 3


def wrong_types(data, rng):
    cell = any_cell(data, rng)
    key = rng.choice(["source", "cell_type", "metadata", "outputs", "id"])
    cell[key] = rng.choice([None, 3, [], {}, [1, None, "x"], True, "code"])


def no_cells(data, rng):
    data["cells"] = rng.choice([[], [None], ["x"], [[]], [{}]])


def outputs(data, rng):
    text = "x" * rng.choice([10, 1_000_000])
    any_cell(data, rng)["outputs"] = [{"output_type": "stream", "text": text}]


MUTATIONS = (
    *(shuffle, delete, repeat, insert, prefix, cut_source, as_lines, no_metadata),
    *(strange_metadata, kernel, colab, format_3, wrong_types, no_cells, outputs),
)


def damaged_bytes(content, rng):
    """Damage to the file itself; often none."""
    kind = rng.randint(0, 11)
    place = rng.randrange(len(content))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == 2:
        return b"\xef\xbb\xbf" + content
    if kind == 3:
        return content.decode("utf-8", "surrogatepass").encode(
            "utf-16", "surrogatepass"
        )
    if kind == 4:
        return rng.choice([b"", b"{}", b"null", b"[" * 100_000, b"<html>", b"\0" * 99])
    if kind == 5:
        return content.replace(b"\n", b"\r\n")
    return content


def mutant(text, rng):
    """The bytes of a damaged notebook."""
    data = json.loads(text)
    for _ in range(rng.randint(1, 4)):
        with contextlib.suppress(TypeError, KeyError, AttributeError, ValueError):
            rng.choice(MUTATIONS)(data, rng)  # some do not fit what others left
    dumped = json.dumps(data, ensure_ascii=rng.random() < 0.7)
    return damaged_bytes(dumped.encode("utf-8", "surrogatepass"), rng)


def problems(found):
    """What a result lacks."""
    if found["state"] == "graded":
        unsaid = [e["name"] for e in found["exercises"] if not e["message"]]
        return (
            [f"nothing is said of {unsaid}"] if unsaid or not found["exercises"] else []
        )
    return [] if found["reason"] else ["no reason"]


def run(count, seed, folder):
    """Grade mutants; how they ended, and what was wrong with which."""
    lessons = [lesson("01_attention")]
    texts = [build(each, solved=True) for each in lessons] + [build(lessons[0])]
    isolation = choose([home()])
    ended: dict[str, int] = {}
    wrong = []
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")
        path = Path(folder) / "01_attention.ipynb"
        if rng.random() < 0.3:
            path = Path(folder) / "homework.ipynb"
        path.write_bytes(mutant(rng.choice(texts), rng))
        job = grade.Job("mutant", str(path), 1, isolation, LIMITS)
        try:
            found, _ = grade.grade(job)
            result.write(found, Path(folder) / "result.json")
            lacks = problems(found)
        except Exception as error:
            found, lacks = {"state": "crash"}, [f"{type(error).__name__}: {error}"]
        passed = sum(e["state"] == "passed" for e in found.get("exercises", ()))
        key = f"{found['state']}, {passed} right"
        ended[key] = ended.get(key, 0) + 1
        if lacks:
            wrong.append((number, lacks))
    return ended, wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        ways, bad = run(options.count, options.seed, place)
    for way, number in sorted(ways.items()):
        print(f"{number:4} {way}")
    for number, lacks in bad:
        print(f"mutant {number}: {'; '.join(lacks)}")
    sys.exit(bool(bad))
