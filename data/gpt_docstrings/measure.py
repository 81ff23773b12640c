"""Bits per byte on packages that were held out, beside a 5-gram of the same text.

python data/gpt_docstrings/measure.py CORPUS [--packages NAME …] > held_out.csv

The 5-gram has counted the corpus. The last line of a package is a mixture: of each
token's probability one half as the GPT says, one half as the 5-gram says. Of each
docstring the first 128 tokens count, its end among them; bytes are those of the text.
"""

import argparse
import csv
import sys

import numpy as np
from train import HELD_OUT, HERE, LENGTH, documents, rows_of

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import docstrings, whole_docstrings
from tlkeras.datasets.text.ngrams import NGrams


def cut(tokenizer, texts):
    """Token ids of some texts, and the bytes of what counts of them."""
    ids = [np.array(row.ids) for row in tokenizer.encode_batch(texts)]
    said = tokenizer.decode_batch([list(row[:LENGTH]) for row in ids])
    return ids, np.array([len(text.encode()) for text in said])


def log_probabilities(model, ids, batch=16):
    """Natural logarithms of each token that counts, a list of arrays."""
    tokens, counts = rows_of(ids)
    found = []
    for start in range(0, len(ids), batch):
        rows = tokens[start : start + batch]
        rows = np.pad(rows, ((0, batch - len(rows)), (0, 0)))
        logits = model.predict_on_batch(rows[:, :-1]).astype("float64")
        logits -= logits.max(-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        own = np.take_along_axis(log_p, rows[:, 1:, None], -1)[..., 0]
        part = counts[start : start + batch]
        found += [x[: int(c.sum())] for x, c in zip(own, part, strict=False)]
    return found


def mixed(first, second, share):
    """Logarithms of the mean of two probabilities, the first with a share."""
    with np.errstate(divide="ignore"):
        shares = np.log(share), np.log(1 - share)
    return [
        np.logaddexp(shares[0] + a, shares[1] + b)
        for a, b in zip(first, second, strict=True)
    ]


def main():
    """Print a line for each package and model."""
    from tokenizers import Tokenizer

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus")
    parser.add_argument("--preset", default=str(HERE))
    parser.add_argument("--packages", nargs="+", default=docstrings.CLASSES)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    known = documents(arguments.corpus)[0][HELD_OUT:]
    counts = NGrams(known, size)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("package", "docstrings", "bytes", "model", "bits per byte"))
    gpt = from_preset(arguments.preset)
    for name in arguments.packages:
        texts = [t for split in whole_docstrings.load_data(name) for t in split]
        ids, sizes = cut(tokenizer, texts)
        found = {
            "5-gram": [counts.log_probabilities(x)[:LENGTH] for x in ids],
            "GPT": log_probabilities(gpt, ids),
        }
        found["GPT and 5-gram"] = mixed(found["GPT"], found["5-gram"], 0.5)
        for label, log_p in found.items():
            bits = -sum(x.sum() for x in log_p) / np.log(2) / sizes.sum()
            rows.writerow((name, len(ids), sizes.sum(), label, f"{bits:.4f}"))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
