"""Data between the verdict and a worker: frames of JSON and raw `.npy`, nothing else.

A frame is one byte of kind (`J` or `A`), eight bytes of length, and that many bytes. A
packet is one JSON frame, and after it as many arrays as its `arrays` says. What comes
from a worker is believed to be bytes and no more: lengths are capped before anything is
read, headers of arrays must have one exact form, and nothing is unpickled, unzipped or
imported.
"""

import io
import json
import re
import select
import struct
import time

import numpy as np

from tlkeras.grading.messages import say

HEAD = struct.Struct(">cQ")
JSON_BYTES = 1 << 20
ARRAY_BYTES = 16 << 20  # more than any right answer holds; the total of a packet
LARGEST = ARRAY_BYTES - (1 << 20)  # numbers alone; beyond it only shapes are sent
ARRAYS = 256
DEPTH = 32
DTYPES = frozenset(
    ["|b1", "|i1", "|u1"]
    + [f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)]
    + ["<f2", "<f4", "<f8", "<c8", "<c16"]
)
# The whole header of a `.npy` file of version 1.0; NumPy would evaluate any literal.
HEADER = re.compile(
    rb"\{'descr': '([^']{3,4})', 'fortran_order': (?:True|False), "
    rb"'shape': \(((?:\d{1,15},? ?){0,32})\), \} *\n"
)
MAGIC = b"\x93NUMPY\x01\x00"


class ChannelError(Exception):
    """The other side sent what is not allowed, or nothing in time, or has gone."""


def refuse(key, **values):
    """A ChannelError in the words of a key."""
    return ChannelError(say("channel", key, **values))


class Closed(ChannelError):  # noqa: N818
    """The other side has gone."""


class Late(ChannelError):  # noqa: N818
    """Nothing came in time."""


class Channel:
    """One end of a connection that carries packets.

    Args:
        connection: a connected stream socket.
        trusting: leave out the caps: the worker believes the verdict.
    """

    def __init__(self, connection, trusting=False):
        self._connection = connection
        self._trusting = trusting
        connection.setblocking(False)

    def send(self, table, arrays=(), until=None):
        """Send a packet.

        Args:
            table: JSON-ready.
            arrays: sent after it.
            until: by which time of `time.monotonic()`.

        Raises:
            Late: the other side does not read.
            Closed: the other side has gone.
        """
        frames = [_frame(b"J", _json(table | {"arrays": len(arrays)}))]
        frames += [_frame(b"A", encode(array)) for array in arrays]
        view = memoryview(b"".join(frames))
        while view:
            try:
                view = view[self._connection.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, until)
            except OSError:
                raise Closed(say("channel", "gone")) from None

    def receive(self, until=None):
        """The table and the arrays of the next packet.

        Raises:
            Late: it did not come by the time `until`.
            Closed: the other side has gone.
            ChannelError: it is not allowed.
        """
        table = _table(self._frame(b"J", JSON_BYTES, until))
        count = table.pop("arrays", None)
        if type(count) is not int or not 0 <= count <= ARRAYS:
            raise refuse("count", count=str(count)[:20])
        left, arrays = ARRAY_BYTES, []
        for _ in range(count):
            content = self._frame(b"A", left, until)
            left -= len(content)
            arrays.append(decode(content))
        return table, arrays

    def _frame(self, kind, cap, until):
        given, length = HEAD.unpack(self._read(HEAD.size, until))
        if given != kind:
            raise refuse("kind", given=repr(given), expected=repr(kind))
        if length > cap and not self._trusting:
            raise refuse("long", length=length, most=cap)
        return self._read(length, until)

    def _read(self, count, until):
        content = bytearray()
        while len(content) < count:
            try:
                piece = self._connection.recv(min(count - len(content), 1 << 20))
            except BlockingIOError:
                self._wait(select.POLLIN, until)
                continue
            except OSError:
                raise Closed(say("channel", "gone")) from None
            if not piece:
                raise Closed(say("channel", "gone"))
            content += piece
            if until is not None and time.monotonic() > until:  # a byte at a time
                raise Late(say("channel", "slow"))
        return bytes(content)

    def _wait(self, event, until):
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise Late(say("channel", "silent"))
        poll = select.poll()
        poll.register(self._connection, event)
        if not poll.poll(None if left is None else left * 1000 + 1):
            raise Late(say("channel", "silent"))


def encode(array) -> bytes:
    """An array as the bytes of a `.npy` file.

    Raises:
        ValueError: its type is none of those that may travel.
    """
    array = np.asarray(array, order="C")
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype.str not in DTYPES:
        raise ValueError(f"arrays of {array.dtype} do not travel")
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def decode(content) -> np.ndarray:
    """The array in the bytes of a `.npy` file.

    Raises:
        ChannelError: they are anything but one array of a plain type.
    """
    length = int.from_bytes(content[8:10], "little")
    header = HEADER.fullmatch(content[10 : 10 + length])
    if content[:8] != MAGIC or header is None:
        raise refuse("header")
    if header[1].decode("latin-1") not in DTYPES:
        raise refuse("type", type=repr(header[1]))
    shape = [int(n) for n in header[2].replace(b",", b" ").split()]
    item = np.dtype(header[1].decode()).itemsize
    size = item
    for n in shape:
        size *= n
    if size != len(content) - 10 - length:
        raise refuse("length")
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:
        raise refuse("unreadable", error=error) from None


def _frame(kind, content):
    return HEAD.pack(kind, len(content)) + content


def _json(table):
    return json.dumps(table, separators=(",", ":")).encode()


def _table(content):
    """A table of JSON that is not deep; the depth is looked at before it is read."""
    if _depth(content) > DEPTH:
        raise refuse("deep")
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise refuse("no_json", error=str(error)[:80]) from None
    if not isinstance(table, dict):
        raise refuse("no_table")
    return table


def _depth(content):
    """How deep brackets are nested, counting those in strings too."""
    if content.count(b"[") + content.count(b"{") <= DEPTH:
        return 0
    steps = np.frombuffer(content, np.uint8)
    opened = np.isin(steps, list(b"[{")).astype(np.int32)
    closed = np.isin(steps, list(b"]}")).astype(np.int32)
    return int((opened - closed).cumsum().max(initial=0))
