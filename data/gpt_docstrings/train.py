"""Pretrain the small GPT to say what comes next: `make gpt-docstrings`.

python data/gpt_docstrings/train.py CORPUS [--steps N] [--folder FOLDER]

The learning rate rises, stays, and falls in the last quarter of the steps. What was
reached is kept beside the corpus now and then: a run that is cut off goes on, also with
another number of steps, as long as its rate has not begun to fall.
"""

import argparse
import csv
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import save_to_preset
from tlkeras.models import GPT

HERE = Path(__file__).resolve().parent
SHAPE = {
    "num_layers": 4,
    "num_heads": 4,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "max_sequence_length": 128,
    "positions": "rotary",
}
LENGTH, ROWS = 128, 16  # tokens of a row, rows of a batch
STEPS, RATE, WEIGHT_DECAY, SEED = 8000, 3e-3, 0.1, 0
RISE, FALL = 200, 0.25  # steps at the beginning, a share at the end
SCALE = 3.0  # of all first kernels: a deviation of 0.02 suits wider models
EVERY = 100  # steps between two lines of the log
HELD_OUT = 400  # docstrings


def documents(corpus):
    """Each docstring of the corpus as token ids, and its length in bytes."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    texts = Path(corpus).read_text("utf-8").strip().split("\n\n")
    ids = [np.array(row.ids, "int16") for row in tokenizer.encode_batch(texts)]
    return ids, np.array([len(text.encode()) for text in texts])


def batches(known, seed):
    """Rows of LENGTH + 1 tokens, `(ROWS, LENGTH + 1)`, without end.

    Docstrings follow each other in random order, token 0 between them; each row begins
    with the last token of the one before, so that every token is predicted once.
    """
    left, epoch = np.array([0], "int16"), 0
    while True:
        order = np.random.default_rng((seed, epoch)).permutation(len(known))
        pieces = (np.append(known[i], np.int16(0)) for i in order)
        stream = np.concatenate([left, *pieces])
        take = ROWS * LENGTH
        while len(stream) > take:
            rows = [stream[i : i + LENGTH + 1] for i in range(0, take, LENGTH)]
            yield np.stack(rows).astype("int32")
            stream = stream[take:]
        left, epoch = stream, epoch + 1


def build(size, dropout=0.0, rate=RATE, shape=SHAPE):
    """The model, ready for training."""
    model = GPT(size, **shape, dropout=dropout, name="gpt")
    for weight in model.trainable_weights:
        if weight.name == "kernel":
            weight.assign(SCALE * weight)
    optimizer = keras.optimizers.Muon(
        rate,
        weight_decay=WEIGHT_DECAY,
        adam_weight_decay=WEIGHT_DECAY,
        adam_beta_2=0.98,
        global_clipnorm=1.0,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss, jit_compile=True)
    optimizer.build(model.trainable_variables)
    return model


def rate_at(step, steps, highest):
    """The learning rate: up, level, down."""
    left = (steps - step) / (FALL * steps)
    return highest * min(1.0, (step + 1) / RISE, left)


def rows_of(texts):
    """Each text in a row of its own, `(N, LENGTH + 1)`, and what counts of it."""
    tokens = np.zeros((len(texts), LENGTH + 1), "int32")
    counts = np.zeros((len(texts), LENGTH))
    for row, text in enumerate(texts):
        tokens[row, 1 : len(text) + 1] = text[:LENGTH]
        counts[row, : len(text) + 1] = 1
    return tokens, counts


def nats(model, texts):
    """The sum of −log p over the first LENGTH tokens of each text, ends included."""
    tokens, counts = rows_of(texts)
    total = np.zeros(len(texts))
    for start in range(0, len(texts), ROWS):
        rows = tokens[start : start + ROWS]
        rows = np.pad(rows, ((0, ROWS - len(rows)), (0, 0)))
        logits = model.predict_on_batch(rows[:, :-1]).astype("float64")
        logits -= logits.max(-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        own = np.take_along_axis(log_p, rows[:, 1:, None], -1)[..., 0]
        part = counts[start : start + ROWS]
        total[start : start + ROWS] = -(own[: len(part)] * part).sum(-1)
    return total


def train(corpus, steps, highest, shape=SHAPE):
    """The trained model and its log: step, training and held-out loss, a token."""
    keras.utils.set_random_seed(SEED)
    everything, _ = documents(corpus)
    other, known = everything[:HELD_OUT], everything[HELD_OUT:]
    count = sum(min(len(text) + 1, LENGTH) for text in other)
    size = 1 + max(int(text.max()) for text in everything)
    model = build(size, rate=highest, shape=shape)
    state = Path(corpus).with_suffix(f".{shape['positions']}.npz")
    log = restore(model, state)
    done = log[-1][0] if log else 0
    losses: list[float] = []
    tokens = sum(len(text) + 1 for text in known)
    print(f"{len(known)} docstrings, {tokens} tokens, step {done}", flush=True)
    for step, rows in enumerate(batches(known, SEED)):
        if step < done:
            continue
        model.optimizer.learning_rate = rate_at(step, steps, highest)
        losses.append(float(model.train_on_batch(rows[:, :-1], rows[:, 1:])))
        model.reset_metrics()
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            log.append((step + 1, np.mean(losses), nats(model, other).sum() / count))
            losses = []
            print("step {}  loss {:.3f}  held out {:.3f}".format(*log[-1]), flush=True)
            if step + 1 <= (1 - FALL) * steps:
                keep(model, state, log)
        if step + 1 == steps:
            return model, log


def keep(model, state, log):
    """Put weights, optimizer and log into a file."""
    variables = (*model.variables, *model.optimizer.variables)
    arrays = {str(i): keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    np.savez(state, log=np.array(log), **arrays)


def restore(model, state):
    """Take up what was kept; its log, empty if there is none."""
    if not state.is_file():
        return []
    with np.load(state) as arrays:
        variables = (*model.variables, *model.optimizer.variables)
        for number, variable in enumerate(variables):
            variable.assign(arrays[str(number)])
        return [(int(row[0]), *row[1:]) for row in arrays["log"].tolist()]


def write(model, log, folder):
    """The preset in half precision, the log and the curve."""
    final = GPT(**{**model.get_config(), "dropout": 0.1})
    final.set_weights(model.get_weights())
    save_to_preset(final, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "training loss", "held-out loss"))
        rows.writerows((step, *(f"{x:.4f}" for x in rest)) for step, *rest in log)
    steps, losses, held = zip(*log, strict=True)
    figure, axes = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
    axes.plot(steps, losses, label="training")
    axes.plot(steps, held, label="held out")
    axes.set(xlabel="step", title="Loss of a token (nats)")
    axes.legend()
    figure.savefig(folder / "curve.png", metadata={"Software": None})


def main():
    """Train, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--positions", default=SHAPE["positions"])
    parser.add_argument("--folder", type=Path, default=HERE)
    arguments = parser.parse_args()
    shape = {**SHAPE, "positions": arguments.positions}
    model, log = train(arguments.corpus, arguments.steps, arguments.rate, shape)
    write(model, log, arguments.folder)


if __name__ == "__main__":
    main()
