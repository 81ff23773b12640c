"""WAV files, sample by sample, with NumPy alone.

Lenient where every sample is there all the same: sizes that a recorder never filled in,
damaged notes behind the samples, a spare byte. Strict where samples are missing.

Reference:
    EBU Tech 3306 (2009), *MBWF / RF64*, for sizes above 4 GiB.
"""

import re
import struct

import numpy as np

from tlkeras.datasets._fetch import DataError

ORDERS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}  # of bytes
INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
OTHERS = {2: "ADPCM", 6: "A-law", 7: "µ-law", 17: "IMA ADPCM", 85: "MP3"}
UNKNOWN_SIZE = 0x7FFFF000  # from here on a size stands for "until the end"
NAME = re.compile(rb"[A-Za-z][A-Za-z0-9 ]{3}")


def is_wav(data):
    """Whether bytes begin as a WAV file does."""
    return data[:4] in ORDERS and data[8:12] == b"WAVE"


def read_wav(path, data):
    """The samples of a WAV file.

    Args:
        path: of the file, for messages.
        data: its bytes.

    Returns:
        Floats `(S, channels)`, float32, of which whole numbers lie from −1 to 1; the
        sample rate in Hz; and the value of one step of whole numbers, 0 for floats.

    Raises:
        DataError: the file is cut off, holds no samples, or is coded in another way.
    """
    order = ORDERS[data[:4]]
    form, parts = None, []
    for name, size, content in _chunks(data, order):
        if name == b"fmt " and form is None:
            form = _format(path, content, size, order)
        elif name == b"data":
            parts.append((size, content))
    if form is None or not parts:
        missing = "format" if form is None else "data"
        raise DataError(f"{path} is corrupt or cut off: it has no {missing} chunk.")
    code, channels, rate, bits = form
    _check_format(path, *form)
    block = channels * bits // 8
    content = b"".join(_whole(path, *part, block, bits) for part in parts)
    samples, step = _samples(content, code, bits, order)
    if len(samples) == 0:
        raise DataError(f"{path} holds no samples.")
    return samples.reshape(-1, channels), rate, step


def _chunks(data, order):
    """Name, size and content of each part, from byte 12 on.

    The size is what the file says, and `None` where it does not know: written to a
    pipe, or by a recorder that was stopped.
    """
    at, large = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from(order + "I", data, at + 4)[0]
        at += 8
        rest = len(data) - at
        if name == b"ds64" and min(size, rest) >= 16:
            large = struct.unpack_from(order + "Q", data, at + 8)[0]
        if name == b"data" and size >= UNKNOWN_SIZE:
            size = large if size == 0xFFFFFFFF and large else None
        elif name == b"data" and size == 0 and rest and not _is_chain(data, at, order):
            size = None
        length = rest if size is None else min(size, rest)
        yield name, size, data[at : at + length]
        at += length
        if length % 2 and not NAME.fullmatch(data[at : at + 4]):
            at += 1  # padded to an even place, as it should be


def _is_chain(data, at, order):
    """Whether nothing but further chunks follows, to the very end."""
    while at + 8 <= len(data) and NAME.fullmatch(data[at : at + 4]):
        size = struct.unpack_from(order + "I", data, at + 4)[0]
        at += 8 + size + size % 2
    return at in (len(data), len(data) + 1)


def _format(path, chunk, size, order):
    if len(chunk) < min(size, 16):
        raise DataError(
            f"{path} is cut off: its fmt chunk has {size} bytes, of which {len(chunk)} "
            "are there."
        )
    if len(chunk) < 16:
        raise DataError(f"{path} is corrupt: its format chunk is too short.")
    code, channels, rate, _, _, bits = struct.unpack_from(order + "HHIIHH", chunk)
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from(order + "H", chunk, 24)[0]
    return code, channels, rate, bits


def _check_format(path, code, channels, rate, bits):
    if bits not in {INTEGERS: (8, 16, 24, 32), FLOATS: (32, 64)}.get(code, ()):
        kind = {INTEGERS: "integers", FLOATS: "floats"}.get(
            code, OTHERS.get(code, f"format {code}")
        )
        raise DataError(
            f"{path} holds {kind} of {bits} bits, which is not read: save it with 8, "
            "16, 24 or 32-bit integers, or 32 or 64-bit floats."
        )
    if channels == 0 or rate == 0:
        raise DataError(f"{path} is corrupt: {channels} channels at {rate} Hz.")


def _whole(path, size, content, block, bits):
    """The bytes of a data chunk that make whole samples of every channel."""
    if size is not None and size // block > len(content) // block:
        raise DataError(
            f"{path} is cut off: its data chunk has {size} bytes, of which "
            f"{len(content)} are there."
        )
    spare = len(content) % block
    # One byte is padding that was counted; of 8 bits it would be a sample.
    if size is not None and spare > (bits > 8):
        raise DataError(f"{path} is corrupt or cut off: its last sample is not whole.")
    return content[: len(content) - spare]


def _samples(data, code, bits, order):
    """All samples in a row, and the value of one step."""
    if code == FLOATS:
        return np.frombuffer(data, f"{order}f{bits // 8}").astype("float32"), 0.0
    step = 2.0 ** (1 - bits)
    if bits == 8:  # the only one without a sign
        samples = np.frombuffer(data, "u1").astype("float32") - 128
    elif bits == 24:
        padded = np.zeros((len(data) // 3, 4), "u1")
        places = slice(1, 4) if order == "<" else slice(0, 3)  # the lowest byte is 0
        padded[:, places] = np.frombuffer(data, "u1").reshape(-1, 3)
        return padded.view(f"{order}i4")[:, 0].astype("float64") / 2**31, step
    else:
        samples = np.frombuffer(data, f"{order}i{bits // 8}").astype("float64")
    return samples * step, step
