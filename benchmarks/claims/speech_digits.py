"""From synthetic voices to human ones: what the encoder is worth, five seeds.

python benchmarks/claims/speech_digits.py zero-shot
python benchmarks/claims/speech_digits.py 1 5 20      # labels a class

`known`: the authors' split, the same six speakers in training and test. `unseen`: seed
i leaves out speaker i altogether, and is tested on all that this one says. The same
rates and numbers of steps are tried for both starts and for each number of labels, on
training recordings of the authors' split whose labels were not used, with two other
seeds; then the test split is read once a seed. Both starts learn from the same
recordings and spoilt copies of them. Lines are those of `speech_digits.csv`. Needs the
recordings: see `tlkeras.datasets.spoken_digits`.
"""

import csv
import functools
import itertools
import sys
from pathlib import Path

import keras
import numpy as np

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import spoken_digits
from tlkeras.models import SpeechClassifier, SpeechEncoder
from tlkeras.transfer import Retrainer, draw_labels

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "data" / "speech_digits"))

from augment import spoil  # noqa: E402
from train import SHAPE, features_of  # noqa: E402

PRESET = "tlkeras://speech_digits"
RATES, STEPS = (3e-4, 1e-3, 3e-3), (50, 150, 450)
COPIES = 7  # spoilt ones of each labelled recording
TUNING_SEEDS, TEST_SEEDS = (100, 101), range(5)


@functools.cache
def recordings(split, unseen=None):
    """A split, with what the encoder reads of it."""
    found = spoken_digits.load_data(split, unseen_speaker=unseen)
    sounds = [found.sound(i) for i in range(len(found.labels))]
    return found, features_of(encoder(), sounds)


@functools.cache
def encoder():
    """Any encoder of this shape: the front end has no weights."""
    return SpeechEncoder(**SHAPE)


@functools.cache
def trainer():
    """One compiled classifier for all runs."""
    model = SpeechClassifier(SpeechEncoder(**SHAPE, dropout=0.1), 10)
    return Retrainer(model, batch_size=16, jit_compile=False)


@functools.cache
def start(kind, seed):
    """The first weights of a run."""
    keras.utils.set_random_seed(seed)
    if kind == "scratch":
        return SpeechClassifier(SpeechEncoder(**SHAPE), 10).get_weights()
    return from_preset(PRESET).get_weights()


def inputs(features):
    """As the model takes them."""
    values, mask = features
    return {"features": values.astype("float32"), "padding_mask": mask}


@functools.cache
def lesson(count, seed, unseen):
    """What is learned from: labelled recordings and copies; the others' indices."""
    found, _ = recordings("train", unseen)
    chosen = draw_labels(found.labels, 10 * count, seed)
    rng = np.random.default_rng(seed)
    sounds = [found.sound(i) for i in chosen]
    spoilt = [spoil(x, rng) for _ in range(COPIES) for x in sounds]
    labels = np.tile(found.labels[chosen], 1 + COPIES)
    others = np.setdiff1d(np.arange(len(found.labels)), chosen)
    rest = rng.choice(others, 500, replace=False)
    return inputs(features_of(encoder(), sounds + spoilt)), labels, rest


def run(kind, count, seed, rate, steps, unseen=None, tuning=False):
    """Train once; the accuracy on unused training recordings, or on the test split."""
    known, labels, rest = lesson(count, seed, unseen)
    trainer().run(known, labels, rate, steps, seed, start(kind, seed))
    found, features = recordings("train" if tuning else "test", unseen)
    chosen = rest if tuning else np.arange(len(found.labels))
    new = inputs(tuple(array[chosen] for array in features))
    return trainer().accuracy(new, found.labels[chosen])


def measure(kind, count):
    """Two rows: speakers, start, labels a class, choice, accuracies, the grid."""
    grid = {
        choice: np.mean(
            [run(kind, count, s, *choice, tuning=True) for s in TUNING_SEEDS]
        )
        for choice in itertools.product(RATES, STEPS)
    }
    best = max(grid, key=grid.get)
    tried = " ".join(f"{r:g}/{s}:{a:.3f}" for (r, s), a in grid.items())
    for split in ("known", "unseen"):
        left_out = spoken_digits.SPEAKERS if split == "unseen" else [None] * 6
        found = [run(kind, count, s, *best, left_out[s]) for s in TEST_SEEDS]
        yield split, kind, count, *best, *(f"{x:.4f}" for x in found), tried


def zero_shot():
    """The classifier as it comes, by speaker, on the test split."""
    found, features = recordings("test")
    trainer().model.set_weights(start("pretrained", 0))
    said = trainer().logits(inputs(features)).argmax(-1) == found.labels
    yield "zero-shot", "all", f"{said.mean():.4f}"
    for speaker in spoken_digits.SPEAKERS:
        yield "zero-shot", speaker, f"{said[found.speakers == speaker].mean():.4f}"


def main(*arguments):
    """Print the lines of what is asked for."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    if arguments == ("zero-shot",):
        rows.writerows(zero_shot())
        return
    for count, kind in itertools.product(arguments, ("scratch", "pretrained")):
        rows.writerows(measure(kind, int(count)))
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
