"""Log-mel features of speech: LogMelSpectrogram against transformers' extractor.

python benchmarks/speech.py

Both take turns in one process with one thread, on the same waveforms in memory, from
NumPy to NumPy. Times are of the processor, so that other work on the machine counts
little. The extractor of transformers uses PyTorch where it is installed (`torch`);
`numpy` is what it does without.
"""

import argparse
import os
import statistics
import time

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ |= {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}

import numpy as np  # noqa: E402

RATE = 16000
CASES = {"1 × 30 s": (1, 30), "8 × 30 s": (8, 30), "64 × 1 s": (64, 1)}


def audio(rows, seconds):
    """Gliding tones in noise, float32 `(rows, samples)`."""
    rng = np.random.default_rng(0)
    moments = np.arange(seconds * RATE) / RATE
    pitch = rng.uniform(100, 2000, (rows, 1))
    tones = 0.3 * np.sin(2 * np.pi * pitch * moments * (1 + 0.1 * np.sin(moments)))
    return (tones + 0.05 * rng.normal(size=tones.shape)).astype("float32")


def ours():
    """The layer, compiled as `predict` compiles it."""
    import keras
    import tensorflow as tf

    from tlkeras.layers import LogMelSpectrogram

    layer = LogMelSpectrogram(sample_rate=RATE)
    compiled = tf.function(lambda waveform: layer(waveform))
    return lambda waveform: keras.ops.convert_to_numpy(compiled(waveform))


def theirs():
    """Whisper's extractor with PyTorch, padded to nothing more than is there."""
    import torch
    from transformers import WhisperFeatureExtractor

    torch.set_num_threads(1)
    extractor = WhisperFeatureExtractor()

    def run(waveform):
        found = extractor(
            list(waveform), sampling_rate=RATE, padding="longest", return_tensors="np"
        )
        return found["input_features"]  # (B, M, F)

    return run


def theirs_in_numpy():
    """The same extractor as it runs where PyTorch is not installed."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()
    return lambda waveform: extractor._np_extract_fbank_features(waveform, "cpu")


PEERS = {"tlkeras": ours, "torch": theirs, "numpy": theirs_in_numpy}


def measure(rounds):
    """Rows of the table: case, peer, seconds of the processor, largest difference."""
    runs = {name: make() for name, make in PEERS.items()}
    for case, (rows, seconds) in CASES.items():
        waveform = audio(rows, seconds)
        found = {name: run(waveform) for name, run in runs.items()}
        times = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                start = time.process_time()
                run(waveform)
                times[name].append(time.process_time() - start)
        wanted = np.swapaxes(found["torch"], 1, 2)
        for name in runs:
            features = (
                found[name] if name == "tlkeras" else np.swapaxes(found[name], 1, 2)
            )
            error = np.abs(features - wanted).max()
            yield case, name, statistics.median(times[name]), error


def main():
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    print("| case | peer | median ms of the processor | ÷ tlkeras | from torch |")
    print("|---|---|---|---|---|")
    first = {}  # case to the seconds of tlkeras
    for case, peer, seconds, error in measure(parser.parse_args().rounds):
        ratio = seconds / first.setdefault(case, seconds)
        cells = [case, peer, f"{1e3 * seconds:.1f}", f"{ratio:.2f}"]
        print(f"| {' | '.join(cells)} | {error:.1e} |", flush=True)


if __name__ == "__main__":
    main()
