"""Learning rates and steps of lesson 16: tried on recordings that it does not test on.

cd benchmarks/claims
python speech_settings.py > speech_settings.csv

Both starts get the same grid, with two seeds that the lesson does not use. What is
learned from and what is tried on are both of the authors' training split. Needs the
recordings: see `tlkeras.datasets.spoken_digits`.
"""

import csv
import itertools
import sys

import keras
import numpy as np

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import spoken_digits
from tlkeras.models import SpeechClassifier, SpeechEncoder
from tlkeras.transfer import Retrainer, draw_labels

RATES, STEPS, COUNTS, SEEDS = (
    (3e-4, 1e-3, 3e-3),
    (40, 80, 160),
    (10, 50, 200),
    (100, 101),
)


def main(preset="tlkeras://speech_digits", seconds=0.8):
    """Print a line for each start, number of labels, rate and number of steps."""
    known = spoken_digits.load_data("train", seconds=seconds)
    model = from_preset(preset)
    features = model.backbone.features(known.waveforms, known.padding_mask)
    features = {k: keras.ops.convert_to_numpy(x) for k, x in features.items()}
    pretrained, config = model.get_weights(), model.backbone.get_config()
    order = np.random.default_rng(9).permutation(len(known.labels))
    held, pool = order[:400], order[400:]
    trainer = Retrainer(model, batch_size=16, jit_compile=False)

    def part(chosen):
        return {k: x[chosen] for k, x in features.items()}, known.labels[chosen]

    def weights(start, seed):
        if start == "pretrained":
            return pretrained
        keras.utils.set_random_seed(seed)
        return SpeechClassifier(SpeechEncoder.from_config(config), 10).get_weights()

    def run(start, count, rate, steps, seed):
        x, y = part(pool[draw_labels(known.labels[pool], count, seed)])
        trainer.run(x, y, rate, steps, seed, weights(start, seed))
        return trainer.accuracy(*part(held))

    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("start", "labels", "rate", "steps", "accuracy"))
    for choice in itertools.product(("scratch", "pretrained"), COUNTS, RATES, STEPS):
        found = np.mean([run(*choice, seed) for seed in SEEDS])
        rows.writerow((*choice, f"{found:.4f}"))
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
