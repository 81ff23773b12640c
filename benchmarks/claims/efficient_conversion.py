"""What cheaper attention and smaller weights cost a small pretrained GPT.

python benchmarks/claims/efficient_conversion.py --measure

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. Bits per byte of Matplotlib's docstrings, joined to
one text, of source files that nothing was learned from.

Converted: `tlkeras://gpt_docstrings` with a window of 32 tokens in each layer, or with
linear attention, trained on for 200 steps; beside it the same model from random
weights, and both with the softmax over all that came before. Each chose its rate from
one grid, with a seed of its own, on validation files. The needle: a passage, and the
same passage 80 tokens later; how many bits a token the second copy needs. As they are:
the pretrained weights with windows from 8 to 512 tokens, and quantised, on five pieces
of text.
"""

import functools
import os
import sys
import tempfile
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
PRESET, END = "tlkeras://gpt_docstrings", 0
ATTENTION = {
    "all before": {},
    "window 32": {"sliding_window": 32},
    "linear": {"implementation": "linear"},
}
STARTS = ("converted", "from scratch")
RATES, TUNING_SEED, SEEDS, STEPS = (3e-4, 1e-3, 3e-3, 1e-2), 100, range(5), 200
ROWS, LENGTH = 4, 128  # of a step
PIECE, PIECES = 1024, 5  # of the text that is read
COPIES, COPY, BETWEEN = 24, 40, 40  # passages, their tokens, tokens between the copies
WINDOWS = (8, 16, 32, 64, 96, 128, 192, 256, 512)
QUANTISED = ("float32", "int8", "int4", "int4, blocks of 32")
RUN, FILE = ("attention", "start", "split", "rate", "seed"), HERE.with_suffix(".csv")
AS_IT_IS = ("change", "piece")
FILE_AS_IT_IS = HERE.with_name("efficient_as_it_is.csv")


@functools.cache
def texts():
    """Token ids of each split, as one text."""
    import numpy as np

    from tlkeras.checkpoints import load_tokenizer
    from tlkeras.datasets import whole_docstrings

    tokenizer = load_tokenizer(PRESET)
    found = {}
    for name, split in zip(
        ("train", "validation", "test"), whole_docstrings.load_data(), strict=True
    ):
        ids = [np.append(tokenizer.encode(t, special=False), END) for t in split]
        found[name] = np.concatenate(ids).astype("int32")
    return found, tokenizer


def pieces(split, count=PIECES):
    """Pieces of a text, and the bytes of what is counted in each."""
    found, tokenizer = texts()
    ids = found[split]
    step = (len(ids) - PIECE - 1) // (count - 1)
    rows = [ids[i * step : i * step + PIECE + 1] for i in range(count)]
    sizes = [len(tokenizer.decode(row[1:][row[1:] != END]).encode()) for row in rows]
    return rows, sizes


def bits_per_byte(model, rows, sizes):
    """Over all pieces."""
    import numpy as np
    from keras import ops

    total = 0.0
    for row in rows:
        logits = ops.convert_to_numpy(model(row[None, :-1]))[0].astype("float64")
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        total -= log_p[np.arange(PIECE), row[1:]].sum() / np.log(2)
    return total / sum(sizes)


def needle(model):
    """Bits a token of passages, and of the same passages when they come again."""
    import numpy as np
    from keras import ops

    ids, length = texts()[0]["test"], 2 * COPY + BETWEEN
    places = np.linspace(0, len(ids) - length, COPIES).astype(int)
    rows = np.stack([ids[place : place + COPY + BETWEEN] for place in places])
    rows = np.concatenate([np.full((COPIES, 1), END), rows, rows[:, :COPY]], axis=1)
    logits = ops.convert_to_numpy(model(rows[:, :-1])).astype("float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    bits = -np.take_along_axis(log_p, rows[:, 1:, None], -1)[..., 0] / np.log(2)
    return {"first": bits[:, :COPY].mean(), "again": bits[:, -COPY:].mean()}


def pretrained(**arguments):
    """The GPT, for texts of any length."""
    from tlkeras.checkpoints import from_preset

    return from_preset(PRESET, max_sequence_length=PIECE, dropout=0, **arguments)


# ── trained on ────────────────────────────────────────────────────────────────────────


@functools.cache
def learner(attention):
    """One compiled model for all runs of a kind, and the pretrained weights."""
    import keras

    model = pretrained(**ATTENTION[attention])
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=0.1, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    model.optimizer.build(model.trainable_variables)
    return model, model.get_weights()


@once(FILE, RUN, ("bits", "first", "again"))
def run(attention, start, split, rate, seed):
    """Bits per byte after training, and the needle."""
    import keras
    import numpy as np

    model, weights = learner(attention)
    keras.utils.set_random_seed(seed)
    if start != "converted":
        weights = type(model).from_config(model.get_config()).get_weights()
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    ids, rng = texts()[0]["train"], np.random.default_rng(seed)
    for step in range(STEPS):
        model.optimizer.learning_rate = rate * min(
            1.0, (step + 1) / 20, (STEPS - step) / 50
        )
        places = rng.integers(len(ids) - LENGTH - 1, size=ROWS)
        rows = np.stack([ids[i : i + LENGTH + 1] for i in places])
        model.train_on_batch(rows[:, :-1], rows[:, 1:])
    return {"bits": bits_per_byte(model, *pieces(split))} | needle(model)


def chosen(attention, start):
    """The best rate on the validation files."""
    return min(
        RATES,
        key=lambda rate: float(
            run(attention, start, "validation", rate, TUNING_SEED)["bits"]
        ),
    )


# ── as it is ──────────────────────────────────────────────────────────────────────────


@functools.cache
def changed(change):
    """The pretrained GPT with a window or quantised, and its megabytes."""
    from keras.quantizers import Int4QuantizationConfig

    window = int(change.split()[1]) if change.startswith("window") else None
    model = pretrained(sliding_window=window)
    if change == "int8":
        model.quantize("int8")
    elif change.startswith("int4"):
        block = 32 if change.endswith("32") else None
        model.quantize(config=Int4QuantizationConfig(block_size=block))
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/model.weights.h5")
        return model, os.path.getsize(f"{folder}/model.weights.h5") / 1e6


@once(FILE_AS_IT_IS, AS_IT_IS, ("bits", "megabytes"))
def as_it_is(change, piece):
    """Bits per byte of one piece; quantised weights in pieces of 128 tokens."""
    model, megabytes = changed(change)
    rows, sizes = pieces("test")
    if change in QUANTISED:
        return {"bits": _in_short(model, rows[piece]), "megabytes": megabytes}
    one = slice(piece, piece + 1)
    return {"bits": bits_per_byte(model, rows[one], sizes[one]), "megabytes": megabytes}


def _in_short(model, row):
    """Of 128 tokens at a time, as it was trained."""
    import numpy as np
    from keras import ops

    _, tokenizer = texts()
    inputs, targets = (x.reshape(-1, LENGTH) for x in (row[:-1], row[1:]))
    logits = ops.convert_to_numpy(model(inputs)).astype("float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    bits = -np.take_along_axis(log_p, targets[..., None], -1).sum() / np.log(2)
    return bits / len(tokenizer.decode(row[1:][row[1:] != END]).encode())


def measure():
    """Every run that is not kept yet."""
    for change in (*QUANTISED, "all before", *(f"window {w}" for w in WINDOWS)):
        for piece in range(PIECES):
            as_it_is(change, piece)
    for attention in ("linear", "window 32", "all before"):
        rates = {start: chosen(attention, start) for start in STARTS}
        for seed in SEEDS:
            for start in STARTS:
                run(attention, start, "test", rates[start], seed)


# ── the tables ────────────────────────────────────────────────────────────────────────


def trained_on(attention, start, score="bits"):
    """One number a seed."""
    return {
        int(key[4]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:3] == (attention, start, "test")
    }


def of_pieces(change, score="bits"):
    """One number a piece."""
    rows = kept(FILE_AS_IT_IS, AS_IT_IS)
    keys = [(change, str(piece)) for piece in range(PIECES)]
    return {key[1]: float(rows[key][score]) for key in keys if key in rows}


def _cell(found, less=None):
    """A mean with its 95 % interval, of differences where something is taken away."""
    from tlkeras.transfer import estimate

    numbers = [
        x - (less[k] if less else 0) for k, x in found.items() if not less or k in less
    ]
    return str(estimate(numbers)) if len(numbers) > 1 else ""


def show():
    """The section of RESULTS.md."""
    measured = [name for name in ATTENTION if trained_on(name, "converted")]
    print(
        f"Bits per byte after {STEPS} steps of {ROWS} × {LENGTH} tokens, five seeds:\n"
    )
    print("| attention | converted | from scratch | converted − from scratch |")
    print("|---|---|---|---|")
    for attention in measured:
        ours, theirs = (trained_on(attention, start) for start in STARTS)
        cells = (_cell(ours), _cell(theirs), _cell(ours, theirs))
        print(f"| {attention} | " + " | ".join(cells) + " |")
    print(
        f"\nThe needle, after the same steps: bits a token of {COPIES} passages of "
        f"{COPY} tokens, and of the same passages after {BETWEEN} others:\n"
    )
    print("| attention | converted: first | again | less | from scratch: less |")
    print("|---|---|---|---|---|")
    for attention in measured:
        (first, again), (old, new) = (
            [trained_on(attention, start, score) for score in ("first", "again")]
            for start in STARTS
        )
        cells = (_cell(first), _cell(again), _cell(first, again), _cell(old, new))
        print(f"| {attention} | " + " | ".join(cells) + " |")
    print(
        f"\nThe pretrained weights as they are, {PIECES} pieces of {PIECE:,} tokens:\n"
    )
    print("| window | bits per byte | minus that of all before |\n|---|---|---|")
    whole = of_pieces("all before")
    for change in ("all before", *(f"window {w}" for w in WINDOWS)):
        found = of_pieces(change)
        print(f"| {change} | {_cell(found)} | {_cell(found, whole)} |")
    print("\nQuantised, in texts of 128 tokens:\n")
    print("| weights | MB | bits per byte | lost |\n|---|---|---|---|")
    whole = of_pieces("float32")
    for change in QUANTISED:
        found, size = of_pieces(change), of_pieces(change, "megabytes").get("0", 0.0)
        print(f"| {change} | {size:.2f} | {_cell(found)} | {_cell(found, whole)} |")
    rates = {k[:2]: k[3] for k in kept(FILE, RUN) if k[2] == "test"}
    print(
        "\n95 % intervals; differences seed by seed, or piece by piece. Rates, of "
        f"{', '.join(map(str, RATES))}: "
        + "; ".join(f"{a}, {s} {rate}" for (a, s), rate in rates.items())
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
    show()
