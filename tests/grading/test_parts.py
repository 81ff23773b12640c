"""Pieces of pages say in words what they show in signs."""

from types import SimpleNamespace

import pytest

from tlkeras.grading import State
from tlkeras.grading.report import parts


@pytest.mark.parametrize("state", State)
def test_each_state_has_a_sign_of_its_own_and_a_name(state):
    others = [parts.SIGNS[other] for other in State if other is not state]
    assert parts.SIGNS[state] not in others
    spoken = parts.chip(state, spoken=True)
    assert f'aria-label="{parts.state_name(state)}"' in spoken
    assert " " not in parts.state_class(state)
    assert 'aria-hidden="true"' in parts.chip(state)


def test_a_link_leads_to_the_page_whatever_it_is_called():
    found = parts.link(SimpleNamespace(name="<b>", page="a b?.html"))
    assert found == '<a href="feedback/a%20b%3F.html"><bdi>&lt;b&gt;</bdi></a>'


def test_shares_follow_each_other_and_empty_ones_are_left_out():
    found = parts.bar([("right", 0.5), ("wrong", 0.0), ("raised", 0.25)], "half")
    assert found.count("<rect") == 2
    assert 'x="0.00" width="49.50"' in found
    assert 'x="50.00" width="24.50"' in found
    assert 'aria-label="half"' in found


def test_numbers_are_sorted_by_the_largest_first():
    heads = [("name", "text"), ("points", "number"), ("picture", "plain")]
    found = parts.sortable("a table", heads, [], sorted_by=1)
    assert found.count("<button") == 2
    assert found.count('data-first="descending"') == 1
    assert 'aria-sort="descending"' in found
    assert "<caption>a table</caption>" in found
