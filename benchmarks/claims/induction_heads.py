"""What it costs to take out the two strongest induction heads, beside random pairs.

python benchmarks/claims/induction_heads.py [PRESET --texts 16 --seeds 5] > file.csv

Thirty random tokens, twice; the loss of the second copy from its second token on, in
nats a token; mean ablation, the mean over other such texts. The two heads are those of
the largest induction score; twenty pairs are drawn from all others. PRESET is
tlkeras://gpt_docstrings, or the GGUF file of a Llama such as SmolLM2 (which ran once,
with --texts 1 --seeds 1 --first 20 --no-start and without zeros).
"""

import argparse
import csv
import sys

import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset
from tlkeras.interpret import (
    ablate_heads,
    head_means,
    induction_scores,
    repeated_tokens,
)

LENGTH, PAIRS = 30, 20
COLUMNS = ("preset", "seed", "first_copy", "second_copy", "strongest", "second")
COLUMNS += ("scores", "two_strongest", "zeros", "random_mean", "random_most", "factor")


def losses(model, tokens):
    """Nats a token of both copies."""
    logits = ops.convert_to_numpy(model(tokens)).astype("float64")[:, :-1]
    logits -= logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    own = -np.take_along_axis(log_p, tokens[:, 1:, None], axis=-1)[..., 0]
    return own[:, : 1 - LENGTH].mean(), own[:, 1 - LENGTH :].mean()


def measured(model, seed, texts, first, start):
    """One line of the table."""
    draw = (texts, LENGTH, model.vocabulary_size)
    more = {"first": first, "start_token": 0 if start else None}
    tokens = repeated_tokens(*draw, seed, **more)
    means = head_means(model, repeated_tokens(*draw, 1000 + seed, **more))
    given = model(tokens, return_attention_scores=True)["attention_scores"]
    scores = induction_scores(given, tokens)
    order = np.argsort(-scores, axis=None)
    heads = [tuple(map(int, np.unravel_index(i, scores.shape))) for i in order]
    before = losses(model, tokens)

    def damage(which, means=means):
        with ablate_heads(model, which, means):
            return losses(model, tokens)[1] - before[1]

    rng = np.random.default_rng(seed)
    drawn = [rng.choice(len(heads) - 2, 2, replace=False) + 2 for _ in range(PAIRS)]
    others = [damage([heads[a], heads[b]]) for a, b in drawn]
    both = damage(heads[:2])
    names = [f"{layer}.{head}" for layer, head in heads[:2]]
    strong = " ".join(f"{scores[head]:.3f}" for head in heads[:2])
    numbers = (both, damage(heads[:2], None), np.mean(others), max(others))
    rest = [f"{x:.3f}" for x in (*numbers, both / np.mean(others))]
    return [f"{before[0]:.3f}", f"{before[1]:.3f}", *names, strong, *rest]


def main():
    """Print a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", nargs="?", default="tlkeras://gpt_docstrings")
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="smallest token drawn")
    parser.add_argument("--no-start", action="store_true", help="no token 0 in front")
    given = parser.parse_args()
    model = from_preset(given.preset)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    for seed in range(given.seeds):
        row = measured(model, seed, given.texts, given.first, not given.no_start)
        out.writerow([given.preset.rsplit("/", 1)[-1], seed, *row])


if __name__ == "__main__":
    main()
