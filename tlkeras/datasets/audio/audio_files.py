"""Recordings become arrays at one sample rate; what cannot is named at once."""

import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio._wav import is_wav, read_wav
from tlkeras.extras import command

SILENCE = 1e-4  # −80 dB of full scale: nothing louder is there
CLIPPED = 1e-3  # the share of samples at the limit that is worth a word
CONTAINERS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"FORM": "AIFF"}


class AudioWarning(UserWarning):
    """A recording that can be read and is probably not what was meant."""


def read_audio(path: Path | str, sample_rate: int) -> np.ndarray:
    """Read one recording.

    Whatever the file holds, the result is one channel at one rate:

    | in the file | becomes |
    |---|---|
    | another sample rate | resampled, see `resample` |
    | several channels | their mean |
    | 8, 16, 24 or 32-bit integers | −1 to 1 |
    | 32 or 64-bit floats | float32, as they are |
    | FLAC, Ogg, AIFF, MP3 | the same, by the package soundfile |
    | WAV with several data chunks | one after the other |

    Args:
        path: of the file. WAV needs no other package.
        sample_rate: wanted, in Hz.

    Returns:
        Floats `(S,)`, float32.

    Raises:
        DataError: the file is missing, empty, no recording, corrupt or cut off, holds
            no samples, or values that are not finite; the message names it.
        ModuleNotFoundError: it is no WAV file, and soundfile is not installed.

    Warns:
        AudioWarning: it is silent, or clipped (a run of samples at the limit).
    """
    path = Path(path)
    samples, rate, step = _decoded(path)
    if not np.isfinite(samples).all():
        raise DataError(f"{path} holds values that are not finite.")
    _warn(path, samples, step)
    waveform = samples.mean(axis=1)  # (S,)
    return resample(waveform, rate, sample_rate).astype("float32")


def load_audio(
    paths: Iterable[Path | str], sample_rate: int, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """Read many recordings into one array, before a training that one would stop.

    Args:
        paths: of the files, N of them.
        sample_rate: wanted, in Hz.
        seconds: of every row: S = seconds · sample_rate. Longer recordings are cut,
            shorter ones padded with zeros.

    Returns:
        Floats `(N, S)`, float32, and a mask `(N, S)`, True at real samples.

    Raises:
        DataError: some files cannot be read; the message names every one of them.
    """
    waveforms, problems = [], []
    for path in paths:
        try:
            waveforms.append(read_audio(path, sample_rate))
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(
            f"{len(problems)} of {len(problems) + len(waveforms)} files cannot be "
            "read. Mend them, or leave them out:\n" + "\n".join(problems)
        )
    return pad(waveforms, round(seconds * sample_rate))


def pad(waveforms: Sequence[np.ndarray], samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Recordings of different lengths in one array, cut or filled with zeros.

    Args:
        waveforms: floats `(·,)` each, N of them.
        samples: S.

    Returns:
        Floats `(N, S)`, float32, and a mask `(N, S)`, True at real samples.

    Example:

    >>> waveforms, mask = pad([np.ones(2), np.ones(5)], 3)
    >>> waveforms.tolist(), mask.tolist()
    ([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], [[True, True, False], [True, True, True]])
    """
    rows = np.zeros((len(waveforms), samples), "float32")
    for row, waveform in zip(rows, waveforms, strict=True):
        row[: len(waveform)] = waveform[:samples]
    lengths = np.array([len(waveform) for waveform in waveforms], "int64")
    return rows, np.arange(samples) < lengths[:, None]


def resample(waveform: np.ndarray, old: float, new: float) -> np.ndarray:
    """The same sound at another sample rate, limited to the band that both hold.

    A polyphase filter: what lies above half of the new rate would come back as a wrong
    pitch, and is taken away first.

    Args:
        waveform: floats `(S,)`.
        old: its sample rate, in Hz, a whole number.
        new: the one wanted.

    Returns:
        Floats `(⌈S · new / old⌉,)`.

    Raises:
        ValueError: a rate is not a positive whole number.

    Example:

    >>> resample(np.ones(441), 44100, 8000).shape
    (80,)

    Reference:
        Crochiere & Rabiner (1983), *Multirate Digital Signal Processing*, chapter 3.
    """
    for name, rate in (("old", old), ("new", new)):
        if rate != int(rate) or rate < 1:
            raise ValueError(f"{name} must be a positive whole number; given {rate!r}.")
    if old == new:
        return waveform
    from scipy.signal import resample_poly

    common = math.gcd(int(old), int(new))
    return resample_poly(waveform, int(new) // common, int(old) // common)


def trim_silence(
    waveform: np.ndarray,
    sample_rate: float,
    threshold: float = 0.02,
    margin: float = 0.02,
) -> np.ndarray:
    """Without what is quiet before and after.

    Args:
        waveform: floats `(S,)`.
        sample_rate: in Hz.
        threshold: what counts as quiet, as a share of the loudest. Defaults to 0.02,
            −34 dB.
        margin: seconds that stay at either end. Defaults to 0.02.

    Returns:
        Floats `(·,)`, a part of the waveform; all of it where it is silent.

    Example:

    >>> quiet = np.zeros(8000)
    >>> trim_silence(np.concatenate([quiet, np.ones(800), quiet]), 8000).shape
    (1120,)
    """
    loud = np.flatnonzero(np.abs(waveform) > threshold * np.abs(waveform).max())
    if len(loud) == 0:
        return waveform
    around = round(margin * sample_rate)
    return waveform[max(0, loud[0] - around) : loud[-1] + 1 + around]


def _decoded(path):
    """Samples `(S, channels)`, their rate, and the value of one step."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if not data:
        raise DataError(f"{path} is empty.")
    if is_wav(data):
        return read_wav(path, data)
    if not any(data.startswith(sign) for sign in CONTAINERS) and data[0] != 0xFF:
        raise DataError(f"{path} is no recording: it begins {data[:8]!r}.")
    return _by_soundfile(path)


def _by_soundfile(path):
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is no WAV file, which needs soundfile. Run: {command('audio')}",
            name="soundfile",
        ) from error
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float32", always_2d=True)
            rate, promised, kind = file.samplerate, file.frames, file.subtype
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        raise DataError(f"{path} is corrupt or no recording: {error}") from error
    if len(samples) < promised:
        raise DataError(
            f"{path} is cut off: {len(samples)} of {promised} samples are there."
        )
    if len(samples) == 0:
        raise DataError(f"{path} holds no samples.")
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
    return samples, rate, 2.0 ** (1 - bits[kind]) if kind in bits else 0.0


def _warn(path, samples, step):
    loudest = np.abs(samples).max()
    if loudest <= SILENCE:
        warnings.warn(f"{path} is silent.", AudioWarning, stacklevel=3)
        return
    # At either limit, and so is the sample before or after: a peak was cut off.
    full = np.abs(samples) >= 1 - 1.5 * step
    run = full[1:] & full[:-1]
    share = (np.pad(run, ((0, 1), (0, 0))) | np.pad(run, ((1, 0), (0, 0)))).mean()
    if share >= CLIPPED:
        warnings.warn(
            f"{path} is clipped: {share:.1%} of its samples are in runs at the limit.",
            AudioWarning,
            stacklevel=3,
        )
