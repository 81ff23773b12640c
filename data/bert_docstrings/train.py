"""Pretrain the small BERT by masked language modelling: `make bert-docstrings`.

python data/bert_docstrings/train.py CORPUS [--steps N] [--folder FOLDER]

The learning rate rises, stays, and falls in the last fifth of the steps. What was
reached is kept beside the corpus now and then: a run that is cut off goes on, also with
another number of steps, as long as its rate has not begun to fall.
"""

import argparse
import csv
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from start import start

from tlkeras.checkpoints import save_to_preset
from tlkeras.datasets.text import chosen_positions, mask_tokens
from tlkeras.models import Bert, BertMaskedLM

HERE = Path(__file__).resolve().parent
SHAPE = {
    "num_layers": 4,
    "num_heads": 2,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "max_sequence_length": 128,
    "use_pooler": False,
}
CLS, SEP, MASK = 2, 3, 4
SPECIAL = range(5)
WIDTHS = (32, 64, 128)  # lengths of rows; each batch has one
SHARES = (0.3, 0.5, 0.2)  # of docstrings: by single sentences, in rows of 64, of 128
TOKENS = 2048  # a batch, padding included
STEPS, RATE, WEIGHT_DECAY, SEED = 6250, 1e-3, 0.01, 0
RISE, FALL = 200, 0.2  # steps at the beginning, a share at the end
EVERY = 250  # steps between two lines of the log
HELD_OUT = 0.01  # of the docstrings


def documents(corpus):
    """The corpus as integers: a list of docstrings, each a list of sentences."""
    from tokenizers import BertWordPieceTokenizer

    text = Path(corpus).read_text("utf-8")
    parts = [part.split("\n") for part in text.strip().split("\n\n")]
    lines = [line for part in parts for line in part]
    tokenizer = BertWordPieceTokenizer(str(HERE / "vocab.txt"), lowercase=True)
    rows = tokenizer.encode_batch(lines, add_special_tokens=False)
    ids = iter([np.array(row.ids, "int16") for row in rows])
    return [[next(ids) for _ in part] for part in parts]


def rows(documents, rng):
    """Rows of token ids without [CLS] and the last [SEP], in random order.

    Of some docstrings each sentence is a row by itself, as in the task; others follow
    each other, [SEP] between them, and are cut where a row is full.

    Reference:
        Liu et al. (2019), arXiv:1907.11692, section 4.2 (full sentences).
    """
    streams: dict[int, np.ndarray] = {width: np.array([], int) for width in WIDTHS}
    for number in rng.permutation(len(documents)):
        width = int(rng.choice(WIDTHS, p=SHARES))
        if width == WIDTHS[0]:
            yield from (sentence[: WIDTHS[-1] - 2] for sentence in documents[number])
            continue
        stream = np.concatenate([streams[width], *documents[number], [SEP]])
        while len(stream) >= width - 2:
            yield stream[: width - 2]
            stream = stream[width - 2 :]
        streams[width] = stream


def batches(documents, seed, epochs=None):
    """Batches of one width, `(rows, width)`, of `TOKENS` tokens, without end."""
    waiting: dict[int, list] = {width: [] for width in WIDTHS}
    epoch = 0
    while epochs is None or epoch < epochs:
        rng = np.random.default_rng((seed, epoch))
        for tokens in rows(documents, rng):
            width = min(w for w in WIDTHS if w >= len(tokens) + 2)
            batch = waiting[width]
            batch.append(np.concatenate(([CLS], tokens, [SEP])))
            if len(batch) == TOKENS // width:
                yield np.stack([np.pad(row, (0, width - len(row))) for row in batch])
                batch.clear()
        epoch += 1


def masked(token_ids, vocabulary_size, seed):
    """Inputs, labels and weights of one step."""
    hidden, chosen = mask_tokens(token_ids, MASK, vocabulary_size, SPECIAL, seed=seed)
    positions, weights = chosen_positions(chosen, round(0.15 * token_ids.shape[1]))
    inputs = {
        "token_ids": hidden.astype("int32"),
        "segment_ids": np.zeros_like(hidden, "int32"),
        "padding_mask": (token_ids != 0).astype("int32"),
        "positions": positions,
    }
    return inputs, np.take_along_axis(token_ids, positions, 1), weights


def build(vocabulary_size, dropout=0.0):
    """The model, and one around it that also takes the positions."""
    model = BertMaskedLM(Bert(vocabulary_size, **SHAPE, dropout=dropout, name="bert"))
    positions = keras.Input((None,), dtype="int32", name="positions")
    logits = model(model.input, positions=positions)
    trainer = keras.Model({**model.input, "positions": positions}, logits)
    optimizer = keras.optimizers.AdamW(
        RATE, weight_decay=WEIGHT_DECAY, beta_2=0.98, global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    trainer.compile(
        optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=["accuracy"],
        jit_compile=True,
    )
    optimizer.build(trainer.trainable_variables)
    return model, trainer


def rate_at(step, steps, highest):
    """The learning rate: up, level, down."""
    left = (steps - step) / (FALL * steps)
    return highest * min(1.0, (step + 1) / RISE, left)


def score(trainer, held):
    """Loss and accuracy on held-out batches, masked the same way each time."""
    loss = right = count = 0.0
    for inputs, labels, weights in held:
        logits = trainer.predict_on_batch(inputs).astype("float64")
        top = logits.max(-1, keepdims=True)
        total = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
        own = np.take_along_axis(logits, labels[..., None].astype(int), -1)[..., 0]
        loss += (weights * (total - own)).sum()
        right += (weights * (logits.argmax(-1) == labels)).sum()
        count += weights.sum()
    return loss / count, right / count


def split(everything):
    """What is trained on, and what is held out: one docstring in a hundred."""
    order = np.random.default_rng(SEED).permutation(len(everything))
    count = int(HELD_OUT * len(order))
    return [everything[i] for i in order[count:]], [
        everything[i] for i in order[:count]
    ]


def train(corpus, steps, highest):
    """The trained model and its log: step, training loss, held-out loss, accuracy."""
    keras.utils.set_random_seed(SEED)
    known, other = split(documents(corpus))
    size = len((HERE / "vocab.txt").read_text("utf-8").split())
    held = [masked(x, size, i) for i, x in enumerate(batches(other, SEED, 1))]
    model, trainer = build(size)
    start(model, known, SPECIAL)
    state = Path(corpus).with_suffix(".state.npz")
    log = restore(trainer, state)
    done = log[-1][0] if log else 0
    losses: list[float] = []
    print(f"{len(known)} docstrings, {len(held)} batches held out, step {done}")
    for step, token_ids in enumerate(batches(known, SEED)):
        if step < done:
            continue
        trainer.optimizer.learning_rate = rate_at(step, steps, highest)
        inputs, labels, weights = masked(token_ids, size, (SEED, step))
        loss, _ = trainer.train_on_batch(inputs, labels, sample_weight=weights)
        trainer.reset_metrics()
        losses.append(float(loss))
        if (step + 1) % EVERY == 0:
            log.append((step + 1, np.mean(losses), *score(trainer, held)))
            losses = []
            print("step {}  loss {:.3f}  held out {:.3f} {:.3f}".format(*log[-1]))
            if step + 1 <= (1 - FALL) * steps:
                keep(trainer, state, log)
        if step + 1 == steps:
            return model, log


def keep(trainer, state, log):
    """Put weights, optimizer and log into a file."""
    variables = (*trainer.variables, *trainer.optimizer.variables)
    arrays = {str(i): keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    np.savez(state, log=np.array(log), **arrays)


def restore(trainer, state):
    """Take up what was kept; its log, empty if there is none."""
    if not state.is_file():
        return []
    with np.load(state) as arrays:
        variables = (*trainer.variables, *trainer.optimizer.variables)
        for number, variable in enumerate(variables):
            variable.assign(arrays[str(number)])
        return [(int(row[0]), *row[1:]) for row in arrays["log"].tolist()]


def write(model, log, folder):
    """The preset in half precision, the log and the curve."""
    weights = model.get_weights()
    final, _ = build(model.backbone.get_config()["vocabulary_size"], dropout=0.1)
    final.set_weights(weights)
    save_to_preset(final, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "training loss", "held-out loss", "held-out accuracy"))
        rows.writerows((step, *(f"{x:.4f}" for x in rest)) for step, *rest in log)
    steps, losses, held, accuracy = zip(*log, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    left.plot(steps, losses, label="training")
    left.plot(steps, held, label="held out")
    left.set(xlabel="step", title="Loss of hidden tokens (nats)")
    left.legend()
    right.plot(steps, accuracy, color="C1")
    right.set(xlabel="step", title="Hidden tokens found, held out", ylim=(0, None))
    figure.savefig(folder / "curve.png", metadata={"Software": None})


def main():
    """Train, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--folder", type=Path, default=HERE)
    arguments = parser.parse_args()
    write(*train(arguments.corpus, arguments.steps, arguments.rate), arguments.folder)


if __name__ == "__main__":
    main()
