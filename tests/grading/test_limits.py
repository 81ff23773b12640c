"""Limits travel to the process that they hold for, as JSON."""

import json
from dataclasses import asdict, fields

from tlkeras.grading.sandbox import Limits


def test_limits_arrive_as_they_were():
    numbers = {field.name: 2 * n + 1 for n, field in enumerate(fields(Limits))}
    limits = Limits(**numbers)
    assert Limits(**json.loads(json.dumps(asdict(limits)))) == limits


def test_a_part_may_take_no_longer_than_the_whole():
    limits = Limits()
    assert max(limits.cell, limits.exercise) <= limits.wall
