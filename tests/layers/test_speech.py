"""Spectrograms, subsampling and augmentation against float64 NumPy and loops."""

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, padding, randomize
from keras import ops

from tlkeras.layers import (
    ConvSubsampling,
    LogMelSpectrogram,
    SpecAugment,
    UtteranceNormalization,
)
from tlkeras.layers._mel import SCALES, mel_filters
from tlkeras.masks import strided_mask

AUDIO_TOLERANCE = 1e-4  # float32 Fourier transforms and logarithms against float64


def speech(rng, rows=2, samples=4321):
    """Tones that glide, with a little noise; the second half is quiet."""
    time = np.arange(samples) / 16000
    pitch = rng.uniform(100, 3000, size=(rows, 5, 1))
    tones = np.sin(2 * np.pi * pitch * time * (1 + time)).mean(axis=1)
    loudness = np.where(np.arange(samples) < samples // 2, 1.0, 1e-3)
    noise = rng.normal(size=(rows, samples))
    return ((tones + 0.01 * noise) * loudness).astype("float32")


# The reference: one frame, one frequency and one triangle at a time.


def triangle_weights(frequency, left, centre, right, norm):
    rising = (frequency - left) / (centre - left)
    falling = (right - frequency) / (right - centre)
    height = 2 / (right - left) if norm == "slaney" else 1.0
    return max(0.0, min(rising, falling)) * height


def reference_edges(scale, lowest, highest, count):
    """The edges of the triangles in Hz, by bisection of the scale, in float64."""

    def mel(f):
        if scale == "htk":
            return 2595 * np.log10(1 + f / 700)
        return 3 * f / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)

    edges = []
    for wanted in np.linspace(mel(lowest), mel(highest), count + 2):
        low, high = lowest, highest
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if mel(middle) < wanted else (low, middle)
        edges.append(high)
    return edges


def reference_log_mel(waveform, config):
    length, step = config["fft_length"], config["frame_step"]
    window_length = config["window_length"]
    before = (length - window_length) // 2
    turn = 2 * np.pi * np.arange(window_length) / window_length
    window = np.zeros(length)
    window[before : before + window_length] = 0.5 - 0.5 * np.cos(turn)
    rows = waveform.astype("float64")
    count = (rows.shape[1] - length) // step + 1
    if config["centered"]:
        count = rows.shape[1] // step
        rows = np.pad(rows, ((0, 0), (length // 2, length // 2)), mode="reflect")
    frames = np.stack([rows[:, f * step : f * step + length] for f in range(count)], 1)
    power = np.abs(np.fft.rfft(frames * window)) ** 2  # (B, F, frequencies)
    frequencies = np.arange(length // 2 + 1) * config["sample_rate"] / length
    edges = reference_edges(
        config["mel_scale"],
        config["min_frequency"],
        config["max_frequency"],
        config["num_mels"],
    )
    weights = [
        [
            triangle_weights(f, *edges[m : m + 3], config["mel_norm"])
            for f in frequencies
        ]
        for m in range(config["num_mels"])
    ]
    mels = np.maximum(power @ np.array(weights).T, config["min_power"])
    if config["scaling"] == "log":
        return np.log(mels)
    decades = np.log10(mels)
    floor = decades.max(axis=(1, 2), keepdims=True) - 8
    return (np.maximum(decades, floor) + 4) / 4


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_mels": 128},
        {"scaling": "log"},
        {"mel_scale": "htk", "mel_norm": None, "scaling": "log"},
        {"mel_scale": "htk", "centered": False},
        {"fft_length": 512, "window_length": 401, "centered": False},
        {
            "sample_rate": 8000,
            "num_mels": 23,
            "fft_length": 256,
            "frame_step": 77,
            "window_length": 200,
            "min_frequency": 60.0,
            "max_frequency": 3700.0,
            "mel_scale": "htk",
            "scaling": "log",
            "min_power": 1e-6,
        },
    ],
    ids=str,
)
def test_log_mel_equals_float64_numpy(rng, arguments):
    waveform = speech(rng)
    layer = LogMelSpectrogram(**arguments)
    expected = reference_log_mel(waveform, layer.get_config())
    assert layer.compute_output_shape(waveform.shape) == expected.shape
    close(layer(waveform), expected, AUDIO_TOLERANCE)


@pytest.mark.parity
@pytest.mark.parametrize(("num_mels", "samples"), [(80, 480_000), (128, 20_123)])
def test_log_mel_equals_whisper(rng, num_mels, samples):
    from transformers import WhisperFeatureExtractor

    waveform = speech(rng, samples=samples)
    extractor = WhisperFeatureExtractor(feature_size=num_mels)
    theirs = extractor(
        list(waveform), sampling_rate=16000, padding="longest", return_tensors="np"
    )["input_features"]  # (B, M, F)
    ours = LogMelSpectrogram(num_mels=num_mels)(waveform)  # (B, F, M)
    close(ours, np.swapaxes(theirs, 1, 2), AUDIO_TOLERANCE)


def test_a_tone_is_loudest_in_the_triangle_around_it():
    time = np.arange(16000) / 16000
    layer = LogMelSpectrogram(mel_norm=None)
    for frequency in (300.0, 1000.0, 5000.0):
        waveform = np.sin(2 * np.pi * frequency * time)[None].astype("float32")
        loudest = numpy(layer(waveform))[0, 50].argmax()
        triangle = mel_filters(16000, 80, 400, 0.0, 8000.0, "slaney", None)[:, loudest]
        assert triangle[round(frequency / 40)] > 0


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales_are_inverted(scale):
    to_mel, to_hertz = SCALES[scale]
    hertz = np.array([0.0, 10.0, 999.0, 1000.0, 1001.0, 8000.0])
    np.testing.assert_allclose(to_hertz(to_mel(hertz)), hertz, rtol=1e-12, atol=1e-9)
    assert round(float(to_mel(np.array(1000.0)))) == {"htk": 1000, "slaney": 15}[scale]


@pytest.mark.parametrize("centered", [True, False])
def test_padded_samples_change_nothing_and_frames_are_masked(rng, centered):
    waveform, lengths = speech(rng, 3), np.array([4321, 2560, 1000])
    layer = LogMelSpectrogram(centered=centered)
    mask = padding(lengths, 4321)
    outputs = layer(waveform, mask=mask)
    noisy = np.where(mask, waveform, 7.0).astype("float32")
    close(layer(noisy, mask=mask), outputs, 0)
    close(layer(np.where(mask, waveform, 0).astype("float32")), outputs, 0)
    frames = numpy(keras.src.backend.get_keras_mask(outputs))
    assert frames.shape == outputs.shape[:2]
    alone = [layer.compute_output_shape((1, length))[1] for length in lengths]
    assert frames.sum(axis=1).tolist() == alone


def test_frames_of_a_padded_row_are_those_of_the_row_alone(rng):
    waveform = speech(rng, 1, 1840)
    layer = LogMelSpectrogram(centered=False, scaling="log")
    padded = np.pad(waveform, ((0, 0), (0, 700)))
    alone = numpy(layer(waveform))
    outputs = layer(padded, mask=padding([1840], 2540))
    kept = numpy(keras.src.backend.get_keras_mask(outputs))[0]
    close(numpy(outputs)[:, kept], alone, AUDIO_TOLERANCE)


# Subsampling


def reference_subsampling(inputs, weights, strides):
    """Convolutions with zeros at both edges, one frame at a time."""
    x = inputs.astype("float64")
    for kernel, bias, stride in zip(weights[::2], weights[1::2], strides, strict=True):
        size = len(kernel)
        edges = ((0, 0), ((size - 1) // 2, size - 1 - (size - 1) // 2), (0, 0))
        padded = np.pad(x, edges)
        windows = [padded[:, t : t + size] for t in range(0, x.shape[1], stride)]
        x = np.tanh(
            np.stack([np.einsum("bkm,kmd->bd", w, kernel) + bias for w in windows], 1)
        )
    return x


@pytest.mark.parametrize(
    ("kernel_size", "strides", "frames"),
    [(3, (1, 2), 8), (3, (1, 2), 9), (5, (2, 2), 11), (4, (3,), 10), (3, 2, 1)],
)
def test_subsampling_equals_numpy(rng, kernel_size, strides, frames):
    layer = ConvSubsampling(6, kernel_size, strides, activation="tanh")
    inputs = floats(rng, 2, frames, 4)
    layer.build(inputs.shape)
    weights = [w.astype("float64") for w in randomize(layer, rng).get_weights()]
    expected = reference_subsampling(inputs, weights, layer.strides)
    close(layer(inputs), expected)
    assert layer.compute_output_shape(inputs.shape) == expected.shape


@pytest.mark.parity
def test_subsampling_equals_whisper(rng):
    import torch
    from transformers.models.whisper import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(d_model=8, encoder_layers=0, num_mel_bins=4)
    theirs = WhisperEncoder(config)
    inputs = floats(rng, 2, 10, 4)
    layer = ConvSubsampling(hidden_dim=8)
    layer.build(inputs.shape)
    weights = [p for c in (theirs.conv1, theirs.conv2) for p in (c.weight, c.bias)]
    weights = [w.detach().cpu().numpy() for w in weights]
    # PyTorch's kernels are (filters, channels, size); Keras's the other way round.
    layer.set_weights([w.T if w.ndim == 3 else w for w in weights])
    x = torch.from_numpy(inputs.swapaxes(1, 2))  # (B, M, F)
    for convolution in (theirs.conv1, theirs.conv2):
        x = torch.nn.functional.gelu(convolution.cpu()(x))  # (B, D, F)
    close(layer(inputs), x.detach().numpy().swapaxes(1, 2))


@pytest.mark.parametrize("strides", [(1, 2), (2, 2), (3, 1, 2)])
def test_a_padded_row_is_subsampled_as_the_row_alone(rng, strides):
    inputs, lengths = floats(rng, 3, 13, 4), [13, 8, 5]
    layer = ConvSubsampling(hidden_dim=6, strides=strides)
    layer.build(inputs.shape)
    randomize(layer, rng)
    outputs = layer(inputs, mask=padding(lengths, 13))
    kept = numpy(keras.src.backend.get_keras_mask(outputs))
    for row, length in enumerate(lengths):
        alone = numpy(layer(inputs[row : row + 1, :length]))[0]
        assert kept[row].tolist() == [n < len(alone) for n in range(kept.shape[1])]
        close(numpy(outputs)[row, kept[row]], alone)


def test_masks_of_a_whole_front_end(rng):
    waveform, lengths = speech(rng, 2, 3200), [3200, 1600]
    frames = LogMelSpectrogram()(waveform, mask=padding(lengths, 3200))
    outputs = ConvSubsampling(hidden_dim=6)(frames)
    mask = numpy(keras.src.backend.get_keras_mask(outputs))
    assert mask.tolist() == padding([10, 5], 10).tolist()


def test_strided_mask_counts_from_first():
    mask = np.array([[True, True, True, False, False]])
    assert numpy(strided_mask(mask, 2)).tolist() == [[True, True, False]]
    assert numpy(strided_mask(mask, 2, first=1)).tolist() == [[True, False]]
    assert strided_mask(None, 2) is None


# Augmentation

FRAMES, MELS = 200, 40


def hidden(outputs):
    """Which frames and which mels of each row are wholly hidden (inputs are ones)."""
    zero = numpy(outputs) == 0
    return zero.all(axis=2), zero.all(axis=1)


def runs(flags):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def test_spec_augment_is_the_identity_at_inference(rng):
    inputs = floats(rng, 2, 7, 5)
    close(SpecAugment()(inputs), inputs, 0)
    close(SpecAugment()(inputs, training=False), inputs, 0)


def test_stripes_have_the_widths_that_were_asked_for():
    ones = np.ones((300, FRAMES, MELS), "float32")
    layer = SpecAugment(20, 1, 6, 1, seed=0)
    time, frequency = hidden(layer(ones, training=True))
    for flags, widest, size in [(time, 20, FRAMES), (frequency, 6, MELS)]:
        lengths = [runs(row) for row in flags]
        assert max(map(len, lengths)) == 1  # one stripe, in one piece
        widths = [sum(row) for row in lengths]
        assert set(widths) <= set(range(widest + 1))
        assert {0, widest} <= set(widths)
        assert abs(np.mean(widths) - widest / 2) < 4 * widest / np.sqrt(12 * 300)
        assert flags[:, :4].any()
        assert flags[:, -4:].any()
        middle = flags[:, size // 3 : 2 * size // 3].mean()
        assert abs(middle - widest / 2 / (size - widest / 2)) < 0.03


def test_stripes_of_time_lie_on_real_frames_alone():
    ones = np.ones((100, FRAMES, MELS), "float32")
    lengths = np.arange(1, 101)
    layer = SpecAugment(80, 2, 0, 0, max_time_fraction=0.3, seed=0)
    time, frequency = hidden(layer(ones, training=True, mask=padding(lengths, FRAMES)))
    assert not frequency.any()
    for row, length in zip(time, lengths, strict=True):
        assert not row[length:].any()
        assert row.sum() <= 2 * int(0.3 * length)
    assert time.any()


def test_spec_augment_repeats_with_a_seed_and_keeps_the_mask():
    ones = np.ones((4, FRAMES, MELS), "float32")
    first, second = SpecAugment(seed=5), SpecAugment(seed=5)
    mask = padding([200, 150, 100, 50], FRAMES)
    outputs = first(ones, training=True, mask=mask)
    again = first(ones, training=True, mask=mask)
    close(second(ones, training=True, mask=mask), outputs, 0)
    assert np.any(numpy(again) != numpy(outputs))
    assert numpy(keras.src.backend.get_keras_mask(outputs)).tolist() == mask.tolist()


def test_a_hidden_stripe_holds_the_mask_value(rng):
    inputs = floats(rng, 20, 30, 8)
    outputs = numpy(SpecAugment(10, 1, 3, 1, mask_value=-5.0)(inputs, training=True))
    assert set(np.unique(outputs[outputs != inputs])) == {-5.0}


# Wrong inputs

WAVE = np.zeros((2, 1600), "float32")
FEATURES = np.zeros((2, 10, 4), "float32")
BROKEN = np.where(np.arange(1600) == 7, np.nan, WAVE).astype("float32")


def test_normalisation_counts_real_frames_alone(rng):
    x = rng.normal(3, 2, (2, 6, 5)).astype("float32")
    mask = padding([6, 4], 6)
    found = numpy(UtteranceNormalization(epsilon=1e-12)(x, mask=mask))
    for row, real in ((0, x[0]), (1, x[1, :4])):
        wanted = (real - real.mean()) / real.std()
        close(found[row, : len(real)], wanted)
    close(found[1, 4:], 0, 0)


@pytest.mark.parametrize(
    ("make", "inputs", "message"),
    [
        (lambda: LogMelSpectrogram(0), WAVE, "sample_rate .* given 0"),
        (lambda: LogMelSpectrogram(-16000), WAVE, "sample_rate .* given -16000"),
        (lambda: LogMelSpectrogram("16k"), WAVE, "sample_rate .* given '16k'"),
        (lambda: LogMelSpectrogram(np.nan), WAVE, "sample_rate .* given nan"),
        (lambda: LogMelSpectrogram(num_mels=0), WAVE, "num_mels .* given 0"),
        (lambda: LogMelSpectrogram(num_mels=300), WAVE, "num_mels .* 201 .* given 300"),
        (
            lambda: LogMelSpectrogram(fft_length=401),
            WAVE,
            "fft_length .* even; given 401",
        ),
        (lambda: LogMelSpectrogram(frame_step=0.5), WAVE, "frame_step .* given 0.5"),
        (
            lambda: LogMelSpectrogram(window_length=401),
            WAVE,
            "window_length .* 400; given 401",
        ),
        (lambda: LogMelSpectrogram(window_length=0), WAVE, "window_length .* given 0"),
        (
            lambda: LogMelSpectrogram(max_frequency=9000),
            WAVE,
            "max_frequency <= sample_rate / 2 = 8000 Hz; given 0.0 and 9000",
        ),
        (
            lambda: LogMelSpectrogram(min_frequency=500, max_frequency=400),
            WAVE,
            "min_frequency < max_frequency .* given 500 and 400",
        ),
        (lambda: LogMelSpectrogram(min_frequency=-1), WAVE, "min_frequency.* given -1"),
        (lambda: LogMelSpectrogram(mel_scale="bark"), WAVE, "mel_scale .* 'bark'"),
        (lambda: LogMelSpectrogram(mel_norm="l2"), WAVE, "mel_norm .* given 'l2'"),
        (lambda: LogMelSpectrogram(scaling="db"), WAVE, "scaling .* given 'db'"),
        (lambda: LogMelSpectrogram(min_power=0), WAVE, "min_power .* given 0"),
        (LogMelSpectrogram, WAVE[0], r"waveform must have 2 axes, \(B, S\); .*1600"),
        (LogMelSpectrogram, FEATURES, r"waveform must have 2 axes, \(B, S\)"),
        (LogMelSpectrogram, WAVE[:, :0], "waveform .* at least 201 samples.* given 0"),
        (LogMelSpectrogram, WAVE[:, :150], "waveform .* 201 samples.* given 150"),
        (
            lambda: LogMelSpectrogram(centered=False),
            WAVE[:, :399],
            "waveform .* 400 samples.* given 399",
        ),
        (
            LogMelSpectrogram,
            WAVE.astype("int16"),
            "waveform must be floats; given int16",
        ),
        (LogMelSpectrogram, BROKEN, r"waveform must be finite; given nan .* \(0, 7\)"),
        (LogMelSpectrogram, BROKEN * np.inf, "waveform must be finite; given nan"),
        (lambda: ConvSubsampling(0), FEATURES, "hidden_dim .* given 0"),
        (lambda: ConvSubsampling(4, 0), FEATURES, "kernel_size .* given 0"),
        (lambda: ConvSubsampling(4, strides=()), FEATURES, r"strides .* given \(\)"),
        (lambda: ConvSubsampling(4, strides=(1, 0)), FEATURES, "strides .* given 0"),
        (lambda: ConvSubsampling(4), WAVE, r"inputs must have 3 axes, \(B, F, M\)"),
        (lambda: ConvSubsampling(4), FEATURES[:, :0], "inputs must not be empty"),
        (
            lambda: ConvSubsampling(4),
            FEATURES.astype(int),
            "inputs must be floats; given",
        ),
        (lambda: SpecAugment(-1), FEATURES, "time_width .* at least 0; given -1"),
        (lambda: SpecAugment(time_width=0.5), FEATURES, "time_width .* given 0.5"),
        (
            lambda: SpecAugment(num_time_masks=-2),
            FEATURES,
            "num_time_masks .* given -2",
        ),
        (
            lambda: SpecAugment(frequency_width=-2),
            FEATURES,
            "frequency_width .* given -2",
        ),
        (
            lambda: SpecAugment(max_time_fraction=2),
            FEATURES,
            "max_time_fraction .* given 2",
        ),
        (SpecAugment, WAVE, r"inputs must have 3 axes, \(B, F, M\)"),
        (SpecAugment, FEATURES.astype(int), "inputs must be floats"),
        (lambda: UtteranceNormalization(0), FEATURES, "epsilon must be .* above 0"),
        (UtteranceNormalization, WAVE, r"inputs must have 3 axes, \(B, F, M\)"),
        (UtteranceNormalization, FEATURES.astype(int), "inputs must be floats"),
    ],
)
def test_wrong_inputs(make, inputs, message):
    with pytest.raises(ValueError, match=message):
        make()(inputs)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (LogMelSpectrogram, WAVE),
        (lambda: ConvSubsampling(4), FEATURES),
        (SpecAugment, FEATURES),
        (UtteranceNormalization, FEATURES),
    ],
)
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_wrong_masks(make, inputs, dtype):
    if dtype == "float32":  # what is added to logits, not what is kept
        mask = ops.full(inputs.shape[:2], -1e9, dtype)
    else:
        mask = ops.ones((2, inputs.shape[1] + 1), dtype)
    with pytest.raises(ValueError, match=r"mask must .* given"):
        make()(inputs, mask=mask)
