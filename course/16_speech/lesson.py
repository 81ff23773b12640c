# %% [markdown]
# # 16
#
# ## 2. Cut into frames
#
# ### Why a window
#
# ## 3. The spectrum of a frame
# ## 4. Mels: steps as the ear takes them
# ## 5. The logarithm
# ## 7. Recordings of different lengths
# ## 8. The transfer step
# ## 9. Hide stripes: SpecAugment

# %%
import keras
import numpy as np


# %% exercise="frames"
def frames(waveform, length, step):
    # BEGIN SOLUTION
    count = (waveform.shape[1] - length) // step + 1
    places = step * np.arange(count)[:, None] + np.arange(length)  # (F, L)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return waveform[:, places] * window  # (B, F, L)
    # END SOLUTION


# %%
check(frames)


# %% exercise="mel_filters"
def to_mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def to_hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(num_mels, fft_length, sample_rate):
    # BEGIN SOLUTION
    top = sample_rate / 2
    edges = to_hertz(np.linspace(to_mel(0), to_mel(top), num_mels + 2))  # (M + 2,)
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    frequencies = np.linspace(0, top, fft_length // 2 + 1)[:, None]  # (K, 1)
    rising = (frequencies - left) / (peak - left)
    falling = (right - frequencies) / (right - peak)
    return np.maximum(0, np.minimum(rising, falling))  # (K, M)
    # END SOLUTION


# %%
check(mel_filters)


# %% exercise="log_mel"
def log_mel(frames, filters):
    # BEGIN SOLUTION
    power = np.abs(np.fft.rfft(frames)) ** 2  # (B, F, K)
    return np.log(np.maximum(power @ filters, 1e-10))
    # END SOLUTION


# %%
check(log_mel)


# %% exercise="pooled_mean"
def pooled_mean(x, mask):
    # BEGIN SOLUTION
    count = np.maximum(mask.sum(axis=1), 1)[:, None]  # (B, 1)
    return (x * mask[..., None]).sum(axis=1) / count
    # END SOLUTION


# %%
check(pooled_mean)


# %% exercise="hide_stripes"
def hide_stripes(features, time_start, time_width, mel_start, mel_width):
    # BEGIN SOLUTION
    def inside(start, width, size):
        place = np.arange(size)
        start, end = start[..., None], (start + width)[..., None]  # (B, Q, 1)
        return ((place >= start) & (place < end)).any(axis=1)  # (B, size)

    _, count, mels = features.shape
    time = inside(time_start, time_width, count)
    mel = inside(mel_start, mel_width, mels)
    return np.where(time[:, :, None] | mel[:, None, :], 0, features)
    # END SOLUTION


# %%
check(hide_stripes)


# %% exercise="adapt"
def adapt(encoder, head, train, head_rate, body_rate):
    # BEGIN SOLUTION
    model = keras.Model(encoder.input, head(encoder.output["pooled_output"]))
    learned = [layer for layer in encoder.layers if layer.trainable]
    for rate, thawed in ((head_rate, False), (body_rate, True)):
        for layer in learned:
            layer.trainable = thawed
        train(model, rate)
    return model
    # END SOLUTION


# %%
check(adapt)
