"""Two numbers for a model's text: perplexity of a token, and bits of a byte."""

import math

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def mean_of_all(nats):
    """The mean over the tokens of all texts."""
    return np.concatenate(nats).mean()


def of_all(nats, texts, size):
    """All nats, divided by the size of all texts."""
    return sum(n.sum() for n in nats) / sum(size(text) for text in texts)


def in_utf8(text):
    """The bytes of a text."""
    return len(text.encode("utf-8"))


def perplexity_and_bits(
    nats,
    texts,
    *,
    surprise=mean_of_all,
    power=np.exp,
    rate=of_all,
    size=in_utf8,
    bits=lambda nats: nats / np.log(2),
    order=identity,
):
    """Two numbers for a model's text: perplexity of a token, and bits of a byte."""
    nats = [np.asarray(n, dtype=np.float64) for n in nats]
    return order((power(surprise(nats)), bits(rate(nats, texts, size))))


LETTERS = "abcdefghijklmnopqrstuvwxyz  ..,"
SPECIAL = "äéñ中文字…→π😀"


def some_texts(lengths, alphabet=LETTERS, extra="", least=0.1):
    """Texts of some lengths, in tokens; nats differ from text to text."""

    def draw(rng):
        nats, texts = [], []
        for number, length in enumerate(lengths):
            level = least + 4 * rng.random() + number
            nats.append((level * rng.uniform(0.2, 1.8, length)).astype(np.float32))
            letters = rng.choice(list(alphabet), size=3 * length + number)
            texts.append("".join(letters) + extra)
        return nats, texts

    return draw


def sure_and_unsure(rng):
    """One text that the model knows by heart, and one that it does not expect."""
    nats = [np.full(9, 0.01, np.float32), rng.uniform(5, 7, 4).astype(np.float32)]
    return nats, ["Return the axis.", "Ouagadougou"]


def means_of_texts(nats):
    """The mean of the texts' means (wrong)."""
    return np.mean([n.mean() for n in nats])


def text_by_text(nats, texts, size):
    """The mean of the texts' own rates (wrong)."""
    return np.mean([n.sum() / size(t) for n, t in zip(nats, texts, strict=True)])


def a_token(nats, texts, size):
    """For each token and not for each byte (wrong)."""
    return np.concatenate(nats).mean()


wrong = mistakes("bits", section="measure")

EXERCISE = Exercise(
    name="perplexity_and_bits",
    section="measure",
    points=3,
    reference=perplexity_and_bits,
    cases=(
        Case("one-text", some_texts((7,))),
        Case("texts", some_texts((9, 3, 5))),
        Case("other-letters", some_texts((6, 4, 8), SPECIAL)),
        Case("lines", some_texts((5, 2), extra="\n  x ")),
        Case("one-token", some_texts((1, 6))),
        Case("sure-and-unsure", sure_and_unsure),
    ),
    misconceptions=(
        wrong("texts-weigh-alike", surprise=means_of_texts),
        wrong(
            "mean-of-perplexities",
            surprise=lambda nats: np.array([np.exp(n.mean()) for n in nats]),
            power=np.mean,
        ),
        wrong(
            "token-by-token",
            surprise=lambda nats: np.exp(np.concatenate(nats)),
            power=np.mean,
        ),
        wrong("of-the-whole", surprise=lambda nats: np.concatenate(nats).sum()),
        wrong("power-of-two", power=np.exp2),
        wrong("nats-themselves", power=identity),
        wrong("inverse", power=lambda nats: np.exp(-nats)),
        wrong("rates-averaged", rate=text_by_text),
        wrong("of-a-token", rate=a_token),
        wrong("not-divided", rate=lambda nats, texts, size: sum(n.sum() for n in nats)),
        wrong(
            "of-a-text",
            rate=lambda nats, texts, size: sum(n.sum() for n in nats) / len(texts),
        ),
        wrong("characters", size=len),
        wrong("words", size=lambda text: max(1, len(text.split()))),
        wrong("stripped", size=lambda text: in_utf8(text.strip())),
        wrong("bits-as-bytes", size=lambda text: 8 * in_utf8(text)),
        wrong("nats", bits=identity),
        wrong("multiplied-by-ln-2", bits=lambda nats: nats * np.log(2)),
        wrong("logarithm-of-ten", bits=lambda nats: nats / np.log(10)),
        wrong("swapped", order=lambda pair: pair[::-1]),
    ),
    accepted={
        "sums": lambda *a: _by_sums(*a),
        "loops": lambda *a: _by_loops(*a),
        "from the perplexity": lambda *a: _from_the_perplexity(*a),
        "keras": lambda *a: _with_keras(*a),
    },
)


def _by_sums(nats, texts):
    total = sum(float(n.sum()) for n in nats)
    count = sum(len(n) for n in nats)
    return math.exp(total / count), total / math.log(2) / len("".join(texts).encode())


def _by_loops(nats, texts):
    total = count = size = 0
    for row, text in zip(nats, texts, strict=True):
        for surprise in row:
            total += float(surprise)
            count += 1
        size += len(bytes(text, "utf8"))
    return [math.e ** (total / count), total * math.log2(math.e) / size]


def _from_the_perplexity(nats, texts):
    tokens = np.concatenate(nats)
    perplexity = np.exp(np.mean(tokens, dtype=float))
    size = sum(len(text.encode()) for text in texts)
    return perplexity, np.log2(perplexity) * len(tokens) / size


def _with_keras(nats, texts):
    import keras

    ops = keras.ops
    tokens = ops.concatenate([ops.convert_to_tensor(n) for n in nats])
    size = sum(len(text.encode()) for text in texts)
    return ops.exp(ops.mean(tokens)), ops.sum(tokens) / np.log(2) / size
