"""Recordings of every kind become the same array; broken ones are named."""

import struct
import sys
import warnings

import numpy as np
import pytest

from tlkeras.datasets import AudioWarning, DataError
from tlkeras.datasets.audio_files import (
    load_audio,
    pad,
    read_audio,
    resample,
    trim_silence,
)

RATE = 8000


def tone(frequency=440, seconds=0.5, rate=RATE, size=0.5):
    return size * np.sin(2 * np.pi * frequency * np.arange(seconds * rate) / rate)


def coded(samples, bits, kind):
    """Samples as the bytes of a WAV file."""
    if kind == "float":
        return samples.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (np.round(samples * 127) + 128).astype("u1").tobytes()
    whole = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i8")
    return whole.reshape(-1, 1).view("u1")[:, : bits // 8].tobytes()


def wav(samples, rate=RATE, bits=16, kind="int", channels=1, code=None, extra=b""):
    """The bytes of a WAV file; `samples` has its channels side by side."""
    data = coded(np.ravel(samples), bits, kind)
    code = code or {"int": 1, "float": 3}[kind]
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)
    if code == 0xFFFE:
        form += struct.pack("<HHIH", 22, bits, 0, {"int": 1, "float": 3}[kind])
        form += bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra
    chunks += b"data" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.fixture
def write(tmp_path):
    def file(data, name="sound.wav"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return file


@pytest.mark.parametrize(
    ("bits", "kind"),
    [(8, "int"), (16, "int"), (24, "int"), (32, "int"), (32, "float"), (64, "float")],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_kind_of_wav(write, bits, kind, extensible):
    code = 0xFFFE if extensible else None
    path = write(wav(tone(), bits=bits, kind=kind, code=code))
    found = read_audio(path, RATE)
    assert found.dtype == np.float32
    tolerance = 2.0 ** (2 - min(bits, 24))
    np.testing.assert_allclose(found, tone(), atol=tolerance)


def test_the_range_is_one(write):
    path = write(wav(np.array([-1.0, 0, 1, 0] * 20)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_audio(path, RATE)
    np.testing.assert_allclose(found[:4], [-1, 0, 1, 0], atol=1e-4)


def test_stereo_becomes_the_mean(write):
    both = np.stack([tone(440), tone(700)], axis=1)
    found = read_audio(write(wav(both, channels=2)), RATE)
    np.testing.assert_allclose(found, both.mean(1), atol=1e-4)


def test_other_chunks_are_passed_over(write):
    note = b"LIST" + struct.pack("<I", 5) + b"INFO!" + b"\0"  # of odd size, padded
    found = read_audio(write(wav(tone(), extra=note)), RATE)
    np.testing.assert_allclose(found, tone(), atol=1e-4)


def test_a_wav_from_a_pipe_does_not_know_its_size(write):
    data = bytearray(wav(tone()))
    data[40:44] = struct.pack("<I", 0x7FFFF000)
    np.testing.assert_allclose(read_audio(write(data), RATE), tone(), atol=1e-4)


def sized(size, riff=None):
    """A file whose data chunk says another size than it has."""
    data = bytearray(wav(tone()))
    data[40:44] = struct.pack("<I", size)
    data[4:8] = data[4:8] if riff is None else struct.pack("<I", riff)
    return bytes(data)


def big_endian(bits):
    """The same file as RIFX."""
    data = coded(tone(), bits, "int")
    data = np.frombuffer(data, "u1").reshape(-1, bits // 8)[:, ::-1].tobytes()
    form = struct.pack(">HHIIHH", 1, 1, RATE, RATE * bits // 8, bits // 8, bits)
    chunks = b"fmt " + struct.pack(">I", 16) + form
    chunks += b"data" + struct.pack(">I", len(data)) + data
    return b"RIFX" + struct.pack(">I", 4 + len(chunks)) + b"WAVE" + chunks


def large(samples, said=None):
    """The same file as RF64, which keeps sizes in a chunk of its own."""
    data = wav(samples)
    size = len(data) - 44 if said is None else said
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, len(data) - 8, size, size // 2, 0)
    form = data[12:36]
    return (
        b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + data[44:]
    )


NOTE = b"LIST" + struct.pack("<I", 400) + b"INFOISFT"


@pytest.mark.parametrize(
    ("data", "bits"),
    [
        (wav(tone()) + NOTE, 16),  # a note that is cut off
        (wav(tone()) + b"LIST\xff\xff\xff\xff", 16),
        (wav(tone()) + b"LI", 16),
        (wav(tone()) + b"\0", 16),
        (wav(tone()) + b"LIST" + struct.pack("<I", 5) + b"INFO!", 16),  # not padded
        (wav(tone(), extra=b"LIST" + struct.pack("<I", 5) + b"INFO!"), 16),
        (sized(0), 16),  # a recorder that was stopped
        (sized(0, riff=0), 16),
        (sized(0xFFFFFFFF, riff=0xFFFFFFFF), 16),  # a stream
        (sized(0xFFFFFFFF) + b"\x01", 16),  # stopped in the middle of a sample
        (sized(8001) + b"\0", 16),  # padding that was counted
        (sized(8001), 16),
        (big_endian(8), 8),
        (big_endian(16), 16),
        (big_endian(24), 24),
        (big_endian(32), 32),
        (large(tone()), 16),
        (large(tone()) + NOTE, 16),
        (large(tone()).replace(b"RF64", b"BW64"), 16),
    ],
)
def test_what_has_all_its_samples_is_read(write, data, bits):
    found = read_audio(write(data), RATE)
    assert found.shape == tone().shape
    np.testing.assert_allclose(found, tone(), atol=2.0 ** (2 - min(bits, 24)))


def test_two_data_chunks_are_one_after_the_other(write):
    first, second = wav(tone(440)), wav(tone(700))
    note = b"LIST" + struct.pack("<I", 4) + b"INFO"
    found = read_audio(write(first + note + second[36:]), RATE)
    wanted = np.concatenate([tone(440), tone(700)])
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 11025])
def test_another_rate_is_resampled(write, rate):
    found = read_audio(write(wav(tone(440, rate=rate), rate=rate)), RATE)
    assert abs(len(found) - RATE / 2) <= 1
    middle = slice(200, 3700)
    np.testing.assert_allclose(found[middle], tone(440)[middle], atol=5e-3)


def test_what_a_rate_cannot_hold_is_gone_and_not_another_pitch():
    high = tone(3000 + RATE / 2, seconds=1, rate=44100)  # would come back as 1000 Hz
    assert np.abs(resample(high, 44100, RATE)[200:-200]).max() < 0.01 * 0.5
    naive = high[:: 44100 // RATE]
    assert np.abs(naive).max() > 0.4


def test_resampling_there_and_back():
    there = resample(tone(), RATE, 22050)
    assert len(there) == 11025
    np.testing.assert_allclose(
        resample(there, 22050, RATE)[100:-100], tone()[100:-100], atol=5e-3
    )
    assert resample(tone(), RATE, RATE) is not None
    for old, new in ((0, 8000), (8000, -1), (8000, 44.1)):
        with pytest.raises(ValueError, match="positive whole number"):
            resample(tone(), old, new)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b"not a recording at all", "is no recording"),
        (lambda data: b"\x89PNG\r\n\x1a\n" + data, "is no recording"),
        (lambda data: data[:2000], "is cut off: its data chunk has 8000 bytes"),
        (lambda data: large(tone())[:5000], "is cut off: its data chunk has 8000"),
        (lambda data: large(tone(), 8002), "is cut off: its data chunk has 8002"),
        (lambda data: big_endian(16)[:5000], "is cut off: its data chunk has 8000"),
        (lambda data: data + data[36:5000], "is cut off: its data chunk has 8000"),
        (lambda data: wav(np.zeros(0)) + NOTE[:4] + b"\4\0\0\0INFO", "no samples"),
        (lambda data: data[:30], "is cut off: its fmt chunk"),
        (lambda data: data[:36], "has no data chunk"),
        (lambda data: data[:12], "has no format chunk"),
        (lambda data: wav(np.zeros(0)), "holds no samples"),
        (lambda data: wav(tone()[:-1], channels=2), "its last sample is not whole"),
        (lambda data: wav(tone(), code=7, bits=8), "holds µ-law of 8 bits"),
        (lambda data: wav(tone(), code=2), "holds ADPCM"),
        (lambda data: wav(tone(), rate=0), "1 channels at 0 Hz"),
        (
            lambda data: wav(np.array([0.1, np.nan]), kind="float", bits=32),
            "not finite",
        ),
    ],
)
def test_broken_files_are_named(write, spoil, message):
    path = write(spoil(wav(tone())), "broken.wav")
    with pytest.raises(DataError, match=message) as error:
        read_audio(path, RATE)
    assert str(path) in str(error.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.wav is not there"):
        read_audio(tmp_path / "nowhere.wav", RATE)
    with pytest.raises(DataError, match="cannot be read"):
        read_audio(tmp_path, RATE)


def test_all_broken_files_of_a_batch_are_named_at_once(write):
    paths = [
        write(wav(tone()), "good.wav"),
        write(b"", "empty.wav"),
        write(b"text", "text.wav"),
    ]
    with pytest.raises(DataError, match=r"2 of 3 files") as error:
        load_audio(paths, RATE, 1.0)
    assert "empty.wav" in str(error.value)
    assert "text.wav" in str(error.value)
    assert "good.wav" not in str(error.value)


def test_a_batch_has_one_length_and_a_mask(write):
    paths = [write(wav(tone(seconds=s)), f"{s}.wav") for s in (0.25, 0.5, 1.5)]
    waveforms, mask = load_audio(paths, RATE, 1.0)
    assert waveforms.shape == mask.shape == (3, 8000)
    assert mask.sum(1).tolist() == [2000, 4000, 8000]
    assert np.abs(waveforms[~mask]).max() == 0
    rows, mask = pad([], 5)
    assert rows.shape == mask.shape == (0, 5)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_silence_and_clipping_are_worth_a_warning(write, bits):
    with pytest.warns(AudioWarning, match=r"quiet\.wav is silent"):
        read_audio(write(wav(np.zeros(4000), bits=bits), "quiet.wav"), RATE)
    loud = np.clip(3 * tone(size=1.0), -1, 1)
    with pytest.warns(AudioWarning, match=r"loud\.wav is clipped: \d\d\.\d%"):
        read_audio(write(wav(loud, bits=bits), "loud.wav"), RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_audio(write(wav(tone(size=0.9999), bits=bits), "full.wav"), RATE)


def test_without_soundfile_a_flac_says_what_to_install(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[audio\]") as error:
        read_audio(write(b"fLaC\0\0\0\x22", "sound.flac"), RATE)
    assert "sound.flac" in str(error.value)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_S8"])
def test_flac(tmp_path, subtype):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "sound.flac"
    both = np.stack([tone(440, rate=16000), tone(700, rate=16000)], axis=1)
    soundfile.write(path, both, 16000, subtype=subtype)
    wanted = resample(both.mean(1), 16000, RATE)
    np.testing.assert_allclose(read_audio(path, RATE), wanted, atol=1e-2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"sound\.flac is (cut off|corrupt)"):
        read_audio(path, RATE)
    path.write_bytes(b"fLaC" + b"\x07" * 100)
    with pytest.raises(DataError, match=r"sound\.flac is corrupt"):
        read_audio(path, RATE)


def test_trimming():
    quiet = np.full(4000, 1e-3)
    found = trim_silence(np.concatenate([quiet, tone(), quiet]), RATE)
    assert abs(len(found) - (4000 + 2 * 160)) < 10
    np.testing.assert_array_equal(trim_silence(np.zeros(9), RATE), np.zeros(9))
