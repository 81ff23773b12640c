"""What several exercises of this lesson use."""

LAYERS = ("tlkeras.layers", "tlkeras.models")
SPECTRA = (
    "keras.ops.stft",
    "scipy.signal.spectrogram",
    "scipy.signal.stft",
    "tensorflow.signal",
)
