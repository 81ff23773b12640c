"""An outcome is plain data."""

from answers import ATTENTION

from tlkeras.grading import check


def test_an_outcome_is_plain_data():
    import json

    outcome = check(ATTENTION, lambda q, k, v, mask=None: v[..., :1, :])
    data = json.loads(json.dumps(outcome.to_dict()))
    assert data["state"] == "wrong"
    assert data["passed"] is False
    assert data["message"] == str(outcome)
    assert set(data) >= {"points", "max_points", "diagnoses", "cases", "exercise"}
