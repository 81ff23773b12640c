"""Run every benchmark and write its table to benchmarks/RESULTS.md.

make bench
python benchmarks/run.py encoder attention   # only some
"""

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ("tensorflow", "keras", "keras-hub", "jax", "torch", "transformers", "numpy")


def versions():
    """The versions of what was compared, as far as it is installed."""
    for name in PEERS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"


def main(wanted):
    """Run the scripts named, all of them by default, and write the page."""
    scripts = sorted(p for p in HERE.glob("[a-z]*.py") if p.stem != "run")
    unknown = set(wanted) - {path.stem for path in scripts}
    if unknown:
        known = ", ".join(path.stem for path in scripts)
        sys.exit(f"No benchmark named {', '.join(sorted(unknown))}; there is {known}.")
    page = [
        "# Results",
        "Medians and ratios of one run on a machine that may have been busy.",
        f"Machine: {platform.machine()}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}. Versions: {', '.join(versions())}.",
    ]
    for path in scripts:
        if wanted and path.stem not in wanted:
            continue
        print(f"── {path.stem} ──", flush=True)
        run = subprocess.run([sys.executable, path], stdout=subprocess.PIPE, text=True)
        print(run.stdout)
        text = run.stdout.rstrip() or "no output"
        if run.returncode:
            text += f"\nfailed with exit status {run.returncode}"
        page.append(f"## {path.stem}\n\n```\n{text}\n```")
    (HERE / "RESULTS.md").write_text("\n\n".join(page) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
