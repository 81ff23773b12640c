"""What a submission could have forged is handed on only when that is asked for."""

import random

import pytest
from synthetic import NO_SANDBOX, one

from tlkeras.grading import export
from tlkeras.grading.export import ExportError


def test_practice_is_refused_unless_it_is_asked_for(tmp_path):
    result = one("eve", random.Random(1), NO_SANDBOX)
    with pytest.raises(ExportError, match=r"eve is practice.*--allow-practice"):
        export.gradescope([result], tmp_path / "results.json")
    assert not list(tmp_path.iterdir())
    path = tmp_path / "results.json"
    data = export.gradescope([result], path, allow_practice=True)
    assert "not for marks" in data["output"]
