"""Run the benchmarks and write their tables to benchmarks/RESULTS.md.

make bench
python benchmarks/run.py encoder attention   # only some; the others' tables stay
"""

import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "RESULTS.md"
PEERS = (
    *("tensorflow", "keras", "keras-hub", "jax", "torch", "transformers", "diffusers"),
    "numpy",
)
# What is run, with what arguments: what a laptop can do in minutes. A list of lists is
# several runs.
ATTENTION = [
    *("--clock", "processor", "--rounds", "3", "--peers", "chunked", "keras", "torch"),
    *("--cases", "512", "512 gradient", "1024", "1024 gradient", "2048"),
    *("2048 gradient", "4096", "4096 gradient", "8192", "8192 gradient"),
]
ENCODER = ["--cases", "forward", "training step"]
ENCODER += [f"{width} wide, training step" for width in (48, 96, 192)]
RUNS = {
    "parity": [],
    "parity_vit": [],
    "attention": [["--threads", threads, *ATTENTION] for threads in "12"],
    "memory": [],
    "encoder": [["--clock", "processor", "--threads", n, *ENCODER] for n in "12"],
    "first_call": ["--clock", "processor"],
    "vit": [],
    "detector": ["--clock", "processor"],
    "dit": ["--clock", "processor"],
    "decode": [[], ["--backend", "jax", "--clock", "processor"]],
    "grade": [],
    "transfer_text": [],  # shows the runs kept; to measure, name a data set
    "transfer_caching": [],
    "transfer_cifar10": [],  # shows the runs kept; to measure, --measure
    "translation_transfer": [],  # shows the runs kept; to measure, --measure
    "summaries_transfer": [],  # shows the runs kept; to measure, --measure
    "qa_transfer": [],  # shows the runs kept; to measure, --measure
    "detection_transfer": [],  # shows the runs kept; to measure, --measure
    "generation_transfer": [],  # shows the runs kept; to measure, --measure
    "gpt_adaptation": [],  # shows the runs kept; to measure, --measure
    "efficient_conversion": [],  # shows the runs kept; to measure, --measure
    "induction_heads": [],  # shows the runs kept; to measure, --measure
    "speech": [],
    "transcribe": ["--clock", "processor"],
    "emoji_chinese": [],  # shows the runs kept; to measure, --measure
    "speech_letters": [],  # shows the runs kept; to measure, --measure
    "speech_translation": [],  # shows the runs kept; to measure, --measure
    "choosing": [],  # shows the runs kept; to measure, --measure
}


def versions():
    """The versions of what was compared, as far as it is installed."""
    for name in PEERS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"


def measure(name):
    """The section of one script: what it is, how it was run, what it printed, notes."""
    (script,) = HERE.rglob(f"{name}.py")  # some stand in claims/
    arguments = RUNS[name]
    several = arguments and isinstance(arguments[0], list)
    about = re.match(r'"""(.*?)\n', script.read_text("utf-8"))[1]
    parts = [_run(script, x) for x in (arguments if several else [arguments])]
    note = HERE / "notes" / f"{name}.md"
    if note.is_file():
        parts.append(note.read_text("utf-8").strip())
    return f"{about} " + "\n\n".join(parts)


def _run(script, arguments):
    """The command and what it printed."""
    print(f"── {script.stem} ──", flush=True)
    run = subprocess.run(
        [sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True
    )
    print(run.stdout, flush=True)
    text = run.stdout.strip() or "no output"
    if run.returncode:
        text += f"\n\nIt failed with exit status {run.returncode}."
    quoted = " ".join(f"'{x}'" if " " in x else x for x in arguments)
    command = f"python {script.relative_to(HERE.parent)} {quoted}".rstrip()
    return f"`{command}`\n\n{text}"


def main(wanted):
    """Run the scripts named, all of them by default, and write the page."""
    unknown = sorted(set(wanted) - set(RUNS))
    if unknown:
        sys.exit(
            f"No benchmark named {', '.join(unknown)}; there is {', '.join(RUNS)}."
        )
    old = PAGE.read_text("utf-8") if PAGE.is_file() else ""
    sections = dict(re.findall(r"^## (\w+)\n\n(.*?)\s*(?=^## |\Z)", old, re.M | re.S))
    for name in wanted or RUNS:
        sections[name] = measure(name)
        _write(sections)


def _write(sections):
    head = (
        "# Results\n\nMedians and ratios. Each table is one run unless a note says "
        "otherwise; contestants take turns in it, and the machine may have been busy.\n"
        f"{platform.machine()}, {platform.system()}, Python "
        f"{platform.python_version()}; {', '.join(versions())}.\n"
    )
    body = [f"## {name}\n\n{sections[name]}\n" for name in RUNS if name in sections]
    PAGE.write_text("\n".join([head, *body]), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
