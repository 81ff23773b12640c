"""The best isolation that works here is chosen, and why no better one is told."""

import pytest

from tlkeras.grading.sandbox import SandboxError, isolation


@pytest.fixture
def only(monkeypatch):
    """Let only some tiers work."""

    def work(*tiers):
        def attempt(tier, hidden):
            if tier not in tiers:
                raise SandboxError("of the weather")

        monkeypatch.setattr(isolation, "_try", attempt)

    return work


@pytest.mark.parametrize(("tiers", "chosen"), [("ABC", "A"), ("BC", "B"), ("C", "C")])
def test_the_best_that_works_is_chosen(only, tiers, chosen):
    only(*tiers)
    found = isolation.choose()
    assert found.tier == chosen
    assert len(found.why) == "ABC".index(chosen)
    assert all(reason.endswith("of the weather") for reason in found.why)
    assert found.for_marks == (chosen != "C")


def test_what_is_insisted_on_and_does_not_work_is_an_error(only):
    only("A", "C")
    assert isolation.choose(wanted="C").to_dict() == {
        "tier": "C",
        "name": "limits only: practice, not for marks",
        "for_marks": False,
    }
    with pytest.raises(SandboxError, match=r"tier B \(container, user dropped\): of"):
        isolation.choose(wanted="B")
