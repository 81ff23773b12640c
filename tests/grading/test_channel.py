"""Frames carry arrays and JSON faithfully, and nothing else at all."""

import io
import pickle
import socket
import struct
import threading
import time

import numpy as np
import pytest

from tlkeras.grading.sandbox import channel
from tlkeras.grading.sandbox.channel import Channel, ChannelError, Closed, Late

ARRAYS = [
    np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array([True, False]),
    np.array(3.5),
    np.zeros((0, 4), np.uint8),
    np.arange(3, dtype=">i4"),
    np.array([1 + 2j]),
    np.array([np.nan, np.inf], np.float16),
]


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    with near, far:
        yield Channel(near), far


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_come_back_as_they_were(array):
    back = channel.decode(channel.encode(array))
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


def test_a_message_and_its_arrays_arrive_together(ends):
    near, far = ends
    sent = threading.Thread(target=Channel(far).send, args=({"a": [1]}, ARRAYS))
    sent.start()
    message, arrays = near.receive(time.monotonic() + 5)
    sent.join()
    assert message == {"a": [1]}
    for got, wanted in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", [object, "S3", "U3", "V4", "M8[s]", [("a", "f4")]])
def test_other_types_do_not_travel(dtype):
    with pytest.raises(ValueError, match="do not travel"):
        channel.encode(np.zeros(2, dtype))
    file = io.BytesIO()
    np.save(file, np.zeros(2, dtype), allow_pickle=True)
    with pytest.raises(ChannelError):
        channel.decode(file.getvalue())


def changed(content, at, to):
    return content[:at] + to + content[at + len(to) :]


GOOD = channel.encode(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04N.",
        pickle.dumps(np.zeros(3)),
        GOOD[:-1],
        GOOD + b"\0",
        changed(GOOD, 6, b"\x02"),
        changed(GOOD, 8, b"\xff\xff"),
        GOOD.replace(b"(2, 3)", b"(2,-3)"),
        GOOD.replace(b"(2, 3)", b"(3, 3)"),
        GOOD.replace(b"'<f4'", b"'|O4'"),
        GOOD.replace(b"False, 's", b"None , 's"),
        GOOD.replace(b"{'descr'", b"{'desc '"),
    ],
)
def test_damaged_arrays_are_refused(content):
    with pytest.raises(ChannelError):
        channel.decode(content)


def frame(kind, content, length=None):
    return (
        kind + struct.pack(">Q", len(content) if length is None else length) + content
    )


@pytest.mark.parametrize(
    "content",
    [
        frame(b"A", b"{}"),
        frame(b"J", b"[]"),
        frame(b"J", b"{"),
        frame(b"J", b"\xff"),
        frame(b"J", b"{}"),
        frame(b"J", b'{"arrays": true}'),
        frame(b"J", b'{"arrays": -1}'),
        frame(b"J", b'{"arrays": 100000}'),
        frame(b"J", b'{"arrays": 0, "x":' + b"[" * 99 + b"]" * 99 + b"}"),
        frame(b"J", b"[" * 200_000),
        frame(b"J", b'{"arrays":' + b"9" * 5000 + b"}"),
        frame(b"J", b"", 1 << 40),
        frame(b"J", b'{"arrays": 1}') + frame(b"J", b"{}"),
        frame(b"J", b'{"arrays": 1}') + frame(b"A", b"", 1 << 40),
    ],
)
def test_strange_frames_are_refused_at_once(ends, content):
    near, far = ends
    threading.Thread(target=far.sendall, args=(content,), daemon=True).start()
    with pytest.raises(ChannelError) as found:
        near.receive(time.monotonic() + 5)
    assert not isinstance(found.value, Late | Closed)


def test_the_total_of_arrays_is_limited(ends, monkeypatch):
    monkeypatch.setattr(channel, "ARRAY_BYTES", 1000)
    near, far = ends
    Channel(far).send({}, [np.zeros(50), np.zeros(50), np.zeros(50)])
    with pytest.raises(ChannelError, match="more than"):
        near.receive(time.monotonic() + 5)


def test_silence_and_dripping_are_late_and_an_end_is_an_end(ends):
    near, far = ends
    with pytest.raises(Late):
        near.receive(time.monotonic() + 0.1)
    stop = threading.Event()

    def drip():
        far.sendall(b"J" + (1000).to_bytes(8, "big"))
        while not stop.wait(0.02):
            far.sendall(b" ")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    with pytest.raises(Late):
        near.receive(began + 0.3)
    assert time.monotonic() - began < 1
    stop.set()
    dripping.join()
    far.close()
    with pytest.raises(Closed):
        near.receive(time.monotonic() + 1)


def test_sending_to_nobody_who_reads_is_late(ends):
    near, _ = ends
    with pytest.raises(Late):
        near.send({}, [np.zeros(1 << 20)], until=time.monotonic() + 0.2)
