"""Lesson 13 at full scale, on a few steps of the part of CIFAR-10 in a mirror."""

import os
import runpy
from pathlib import Path

import pytest

from tlkeras.datasets import cifar10

MIRROR = Path(os.environ.get("TLKERAS_MIRROR", "nowhere"))
SCRIPT = Path(__file__).parents[2] / "course" / "13_vit" / "full_scale.py"
SIZES = {
    "vit": {"patch_size": 16, "num_layers": 1, "num_heads": 2, "hidden_dim": 8},
    "source_steps": 3,
    "rates": (1e-3, 3e-3),
    "steps": {10: (1, 2)},
    "jit_compile": False,
}


@pytest.mark.slow
@pytest.mark.skipif(
    not (MIRROR / cifar10.REPOSITORY).is_dir(), reason="needs TLKERAS_MIRROR"
)
def test_photographs(tmp_path, capsys):
    main = runpy.run_path(str(SCRIPT))["main"]
    arguments = {"part": True, "seeds": 2, "counts": (10,)}
    found = main(tmp_path, sizes=SIZES, **arguments)
    assert len(found.results) == 2 * 4
    assert len(list((tmp_path / "grid").glob("*-10-100.json"))) == 2 * 4
    table = rows(capsys)
    assert (
        "| labels a class | raw pixels | from scratch | frozen | fine-tuned |"
        in table[0]
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    main(tmp_path, sizes=SIZES, **arguments)  # nothing is run again
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json")} == before
    assert rows(capsys) == table


def rows(capsys):
    """The lines of the table among what was printed."""
    return [x for x in capsys.readouterr().out.splitlines() if x.startswith("| ")]
