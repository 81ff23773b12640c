"""WAV files, sample by sample, with NumPy alone."""

import struct

import numpy as np

from tlkeras.datasets._fetch import DataError

INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
OTHERS = {2: "ADPCM", 6: "A-law", 7: "µ-law", 17: "IMA ADPCM", 85: "MP3"}
UNKNOWN_SIZE = 0x7FFFF000  # from here on a size stands for "until the end"


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
    chunks = dict(_chunks(path, data))
    if "fmt " not in chunks or "data" not in chunks:
        missing = "format" if "fmt " not in chunks else "data"
        raise DataError(f"{path} is corrupt or cut off: it has no {missing} chunk.")
    code, channels, rate, bits = _format(path, chunks["fmt "])
    samples, step = _samples(path, chunks["data"], code, bits)
    if channels == 0 or rate == 0:
        raise DataError(f"{path} is corrupt: {channels} channels at {rate} Hz.")
    if len(samples) == 0:
        raise DataError(f"{path} holds no samples.")
    if len(samples) % channels:
        raise DataError(f"{path} is corrupt or cut off: its last sample is not whole.")
    return samples.reshape(-1, channels), rate, step


def _chunks(path, data):
    """Name and content of each part, from byte 12 on."""
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4].decode("latin-1"), _integer(data, at + 4)
        rest = len(data) - at - 8
        if name == "data" and size >= UNKNOWN_SIZE:  # written to a pipe
            size = rest
        if size > rest:
            raise DataError(
                f"{path} is cut off: its {name.strip()} chunk has {size} bytes, of "
                f"which {rest} are there."
            )
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _integer(data, at):
    return struct.unpack_from("<I", data, at)[0]


def _format(path, chunk):
    if len(chunk) < 16:
        raise DataError(f"{path} is corrupt: its format chunk is too short.")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack_from("<H", chunk, 24)[0]
    return code, channels, rate, bits


def _samples(path, data, code, bits):
    """All samples in a row, and the value of one step."""
    known = {INTEGERS: (8, 16, 24, 32), FLOATS: (32, 64)}.get(code, ())
    if bits not in known:
        kind = {INTEGERS: "integers", FLOATS: "floats"}.get(
            code, OTHERS.get(code, f"format {code}")
        )
        raise DataError(
            f"{path} holds {kind} of {bits} bits, which is not read: save it with 8, "
            "16, 24 or 32-bit integers, or 32 or 64-bit floats."
        )
    if len(data) % (bits // 8):
        raise DataError(f"{path} is corrupt or cut off: its last sample is not whole.")
    if code == FLOATS:
        return np.frombuffer(data, f"<f{bits // 8}").astype("float32"), 0.0
    step = 2.0 ** (1 - bits)
    if bits == 8:  # the only one without a sign
        samples = np.frombuffer(data, "u1").astype("float32") - 128
    elif bits == 24:
        padded = np.zeros((len(data) // 3, 4), "u1")
        padded[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
        return padded.view("<i4")[:, 0].astype("float64") / 2**31, step
    else:
        samples = np.frombuffer(data, f"<i{bits // 8}").astype("float64")
    return samples * step, step
