"""Train the small translator of lesson 10: `make translator`, some minutes of one core.

From English into seven languages, with phrases that Babel writes. Danish and Chinese,
the children of lesson 10, are not among them; nor are the pairs of choices, the dates,
times and numbers that `tlkeras.datasets.languages` keeps for tests.
"""

import csv
import json
import sys
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from tlkeras.checkpoints import save_to_preset
from tlkeras.datasets import languages, text
from tlkeras.datasets.text.byte_pairs import learn_merges, pretokens
from tlkeras.generation import generate, jit
from tlkeras.models import LabelSmoothedCrossEntropy, Transformer, WarmUp

HERE = Path(__file__).resolve().parent
LANGUAGES = ("sv", "nl", "de", "fr", "es", "it", "pt")
TAGS = [f"<{code}>" for code in LANGUAGES]
MERGES, WIDTHS = 200, (16, 44)
SHAPE = {
    "hidden_dim": 64,
    "num_heads": 4,
    "num_encoder_layers": 2,
    "num_decoder_layers": 2,
    "intermediate_dim": 256,
    "dropout": 0.0,
    "max_sequence_length": WIDTHS[-1],
    "normalize_first": True,
}
PAIRS, TESTS = 10_000, 100  # of each language
STEPS, BATCH, WARMUP, SCALE, SEED = 900, 128, 250, 0.5, 0


def phrases():
    """Language → phrases to train with, in seen formats, in held-out ones."""
    return {
        code: languages.load_data(code, PAIRS, TESTS, seed=place + 1)
        for place, code in enumerate(LANGUAGES)
    }


def vocabularies(data):
    """English pieces, and pieces of the seven languages together."""

    def merges(side):
        texts = [getattr(p, side) for train, _, _ in data.values() for p in train]
        return learn_merges(
            [word for text in texts for word in pretokens(text)], MERGES
        )

    english = text.BytePairs(merges("english"))
    return english, text.BytePairs(merges("translation"), TAGS)


def train(data, english, pieces):
    """The translator and its losses, one each hundred steps."""
    source, target = [], []
    for code, (phrases_of_it, _, _) in data.items():
        source.append(english.encode([p.english for p in phrases_of_it], WIDTHS[-1]))
        translations = [p.translation for p in phrases_of_it]
        target.append(pieces.encode(translations, WIDTHS[-1], begin=f"<{code}>"))
    keras.utils.set_random_seed(SEED)
    model = Transformer(len(english), len(pieces), **SHAPE, name="translator")
    model.compile(
        keras.optimizers.Adam(
            WarmUp(SHAPE["hidden_dim"], WARMUP, SCALE),
            beta_2=0.98,
            use_ema=True,
            ema_momentum=0.99,
        ),
        LabelSmoothedCrossEntropy(0.1),
        jit_compile=True,
    )
    history = model.fit(
        text.by_length(np.concatenate(source), np.concatenate(target), WIDTHS, BATCH),
        epochs=STEPS // 100,
        steps_per_epoch=100,
        shuffle=False,
        verbose=2,
    )
    return model, history.history["loss"]


def exact(model, english, pieces, data):
    """Language → shares of exact translations: in seen formats, in held-out ones."""

    def write(source_ids, begin):
        cache = model.initial_cache(source_ids, max_length=WIDTHS[-1])
        return generate(model.step, begin, WIDTHS[-1], end_id=text.END, cache=cache)

    write, shares = jit(write, model), {}
    for code, splits in data.items():
        shares[code] = []
        for phrases_of_it in splits[1:]:
            ids = english.encode([p.english for p in phrases_of_it], WIDTHS[-1])
            begin = np.full((len(ids), 1), pieces.specials.index(f"<{code}>"))
            written = pieces.decode(write(ops.array(ids), ops.array(begin)))
            right = [
                w == p.translation for w, p in zip(written, phrases_of_it, strict=True)
            ]
            shares[code].append(np.mean(right))
    return shares


def main(folder=HERE):
    """Train; write the preset in half precision, merges, the log, shares and curve."""
    folder, data = Path(folder), phrases()
    english, pieces = vocabularies(data)
    model, losses = train(data, english, pieces)
    save_to_preset(model, folder, dtype="float16")
    merges = {"english": english.merges, "translation": pieces.merges, "tags": TAGS}
    (folder / "pieces.json").write_text(json.dumps(merges) + "\n", "utf-8")
    steps = range(100, STEPS + 1, 100)
    _write(folder / "log.csv", ("step", "loss"), zip(steps, losses, strict=True))
    shares = exact(model, english, pieces, data)
    rows = ((code, *both) for code, both in shares.items())
    _write(folder / "exact.csv", ("language", "seen formats", "held-out formats"), rows)
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    axes.plot(steps, losses)
    axes.set(xlabel="step", ylabel="smoothed cross-entropy (nats)")
    figure.savefig(folder / "curve.png", metadata={"Software": None})


def _write(path, heads, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows((first, *(f"{x:.4f}" for x in rest)) for first, *rest in rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
