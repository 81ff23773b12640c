"""Every exercise of the course can be asked of another process."""

import pytest

from tlkeras.course import lessons
from tlkeras.grading.sandbox import channel, packing, probes

EXERCISES = [exercise for each in lessons() for exercise in each.exercises.values()]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_its_inputs_and_its_probe_can_be_sent(exercise):
    for case in exercise.cases:
        arrays: list = []
        classes: list = []
        data = packing.pack(tuple(case.draw(3)), arrays, classes)
        names: dict = {}
        exec(probes.source(exercise, classes), names)
        sent = [channel.decode(channel.encode(array)) for array in arrays]
        back = packing.unpack(data, sent, names)
        if classes:  # they come back as classes made of text
            kinds = [type(each).__name__ for each in back]
            assert kinds == [type(each).__name__ for each in case.draw(3)]
        else:
            again: list = []
            assert packing.pack(back, again, []) == data
            assert len(again) == len(arrays)
        assert sum(array.nbytes for array in arrays) < channel.LARGEST
