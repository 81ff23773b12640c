"""Lesson 05 at full scale: real sentences, a larger model, BLEU and chrF.

python course/05_transformer/full_scale.py multi30k --steps 4000

The data come from the folder named by `TLKERAS_MIRROR`, or from GitHub. It needs
sacrebleu: pip install 'tlkeras[scores]'. Writing is greedy, in batches of one shape.
"""

import argparse
from time import perf_counter

import keras
import numpy as np
from keras import ops

from tlkeras.datasets import multi30k, tatoeba, text
from tlkeras.generation import generate, jit
from tlkeras.models import LabelSmoothedCrossEntropy, Transformer, WarmUp

# Data set → its module, how its target is split, and sacrebleu's name for the latter.
TASKS = {
    "multi30k": (multi30k, text.spaced_words, "13a"),
    "tatoeba": (tatoeba, text.characters, "zh"),
}
LONGEST = 48  # tokens, begin and end included; longer pairs are not trained on


def translate(
    name,
    steps=4000,
    hidden_dim=256,
    num_layers=3,
    batch_size=128,
    warmup_steps=1000,
    tests=None,
):
    """Train on a data set, translate its test split, and print and return the scores.

    Args:
        name: `"multi30k"` or `"tatoeba"`.
        steps: of training.
        hidden_dim, num_layers: of the model; heads have 64 numbers each.
        batch_size: sentences a step.
        warmup_steps: of the learning rate.
        tests: how many test sentences. Defaults to `None`: all.

    Returns:
        A dictionary with `bleu`, `chrf`, `loss` and `seconds`.
    """
    module, split, tokenizer = TASKS[name]
    train, test = module.load_data("train"), module.load_data("test")[:tests]
    source = text.Vocabulary([s for s, _ in train], text.spaced_words, min_count=2)
    target = text.Vocabulary([t for _, t in train], split, min_count=2)
    print(f"{name}: {len(train)} pairs, {len(source)} and {len(target)} tokens")
    keras.utils.set_random_seed(0)
    model = Transformer(
        len(source),
        len(target),
        hidden_dim,
        max(1, hidden_dim // 64),
        num_layers,
        num_layers,
        4 * hidden_dim,
        dropout=0.1,
        max_sequence_length=LONGEST,
        normalize_first=True,
    )
    seconds, loss = _train(
        model, train, source, target, steps, batch_size, warmup_steps
    )
    start = perf_counter()
    written = _write(model, [s for s, _ in test], source, target)
    references = [t for _, t in test]
    scores = _scores(written, references, tokenizer) | {
        "loss": loss,
        "seconds": seconds,
    }
    print({key: round(value, 2) for key, value in scores.items()})
    print(f"{len(test)} translations in {perf_counter() - start:.0f} s, such as")
    for (english, reference), given in list(zip(test, written, strict=True))[:5]:
        print(f"   {english} → {given} ({reference})")
    return scores


def _train(model, pairs, source, target, steps, batch_size, warmup_steps):
    rows = [
        vocabulary.encode(texts)
        for vocabulary, texts in zip(
            (source, target), zip(*pairs, strict=True), strict=True
        )
    ]
    short = (rows[0] != 0).sum(1) <= LONGEST
    short &= (rows[1] != 0).sum(1) <= LONGEST
    batches = text.by_length(
        rows[0][short], rows[1][short], (12, 20, LONGEST), batch_size
    )
    model.compile(
        keras.optimizers.Adam(
            WarmUp(model.hidden_dim, warmup_steps), beta_2=0.98, use_ema=True
        ),
        LabelSmoothedCrossEntropy(0.1),
        jit_compile=True,
    )
    start = perf_counter()
    round_ = min(100, steps)
    history = model.fit(
        batches,
        epochs=steps // round_,
        steps_per_epoch=round_,
        shuffle=False,
        verbose=2,
    )
    return perf_counter() - start, history.history["loss"][-1]


def _write(model, sentences, source, target, batch_size=100):
    @lambda function: jit(function, model)
    def write(source_ids):
        cache = model.initial_cache(source_ids, max_length=LONGEST)
        begin = np.full((batch_size, 1), text.BEGIN)
        return generate(model.step, begin, LONGEST, end_id=text.END, cache=cache)

    written = []
    for start in range(0, len(sentences), batch_size):
        some = sentences[start : start + batch_size]
        ids = source.encode(some)
        ids = np.pad(ids, ((0, batch_size - len(ids)), (0, LONGEST)))[:, :LONGEST]
        ids[len(some) :, 0] = text.END  # rows that nobody reads
        written += target.decode(ops.convert_to_numpy(write(ops.array(ids))))[
            : len(some)
        ]
    return written


def _scores(written, references, tokenizer):
    from sacrebleu.metrics import BLEU, CHRF

    bleu = BLEU(tokenize=tokenizer).corpus_score(written, [references])
    return {
        "bleu": bleu.score,
        "chrf": CHRF().corpus_score(written, [references]).score,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=TASKS)
    for option, default in (
        ("steps", 4000),
        ("hidden_dim", 256),
        ("num_layers", 3),
        ("batch_size", 128),
        ("warmup_steps", 1000),
        ("tests", None),
    ):
        flag = "--" + option.replace("_", "-")
        parser.add_argument(flag, type=int, default=default, dest=option)
    translate(**vars(parser.parse_args()))
