"""A few damaged notebooks; `fuzz.py` makes as many as one likes."""

import os
import shutil

import fuzz
import pytest


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("bwrap") and "CI" not in os.environ, reason="no bubblewrap"
)
def test_no_damage_to_a_notebook_is_the_graders(tmp_path):
    ended, wrong = fuzz.run(25, seed="test", folder=tmp_path)
    assert wrong == []
    assert len(ended) > 2
