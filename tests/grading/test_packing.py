"""Inputs of all kinds come back as they were, and others are refused."""

import numpy as np
import pytest

from tlkeras.grading.sandbox import channel, packing


def test_inputs_of_all_kinds_come_back():
    value = (
        None,
        True,
        3,
        0.1,
        "text",
        np.float32(0.5),
        {"a": np.arange(3), 2: [np.zeros((1, 2)), (4, {})]},
    )
    arrays: list = []
    data = packing.pack(value, arrays, [])
    back = packing.unpack(data, [channel.decode(channel.encode(a)) for a in arrays], {})
    assert repr(back) == repr(value)
    assert isinstance(back[5], np.float32)


def test_what_cannot_be_sent_is_named():
    with pytest.raises(packing.PackingError, match="function cannot be sent"):
        packing.pack((lambda x: x,), [], [])
