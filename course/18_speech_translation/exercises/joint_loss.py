"""One number from two losses: letters by CTC, characters by attention."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import END, PAD, log_softmax, written_rows


def next_tokens(log_probs, tokens):
    """What is said at a place is the token after it: log-probabilities and tokens."""
    return log_probs[:, :-1], tokens[:, 1:]


def all_but_padding(wanted):
    """True where a token counts."""
    return wanted != PAD


def over_all(losses, counts):
    """Nats of all rows for each of their symbols."""
    return losses.sum() / counts.sum()


def fitting(losses, letters):
    """Only recordings that are long enough for their text."""
    fits = np.isfinite(losses)
    return losses[fits], letters[fits]


def shares(ctc, attention, share):
    """So much of the one, the rest of the other."""
    return share * ctc + (1 - share) * attention


def joint_loss(
    ctc,
    letters,
    log_probs,
    tokens,
    share,
    *,
    pairs=next_tokens,
    counts=all_but_padding,
    value=lambda x: -x,
    clean=fitting,
    rows=lambda real, ctc: real,
    mean_ctc=over_all,
    mean_attention=over_all,
    mix=shares,
):
    """The joint loss, a number."""
    ctc, log_probs = np.asarray(ctc, "float64"), np.asarray(log_probs, "float64")
    said, wanted = pairs(log_probs, tokens)  # (B, T, V), (B, T)
    each = np.take_along_axis(said, wanted[..., None], 2)[..., 0]
    real = rows(counts(wanted), ctc)  # (B, T)
    losses = np.where(real, value(each), 0.0).sum(axis=1)  # (B,)
    with np.errstate(invalid="ignore", divide="ignore"):
        attention = mean_attention(losses, real.sum(axis=1))
        kept, many = clean(ctc, np.asarray(letters))
        heard = mean_ctc(kept, many) if len(kept) else 0.0
        return np.float64(mix(heard, attention, share))


def as_number(answer, *inputs):
    """What is returned as a number."""
    with np.errstate(all="ignore"):
        return np.asarray(answer(*inputs), "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────


def batch(lengths, share, letters=None, too_short=(), room=None, vocabulary=7):
    """Losses of letters, log-probabilities, and rows of tokens."""

    def draw(rng):
        tokens = written_rows(rng, lengths, vocabulary, room)
        x = 2 * rng.normal(size=(*tokens.shape, vocabulary))
        many = rng.integers(3, 30, len(lengths)) if letters is None else letters
        losses = np.array(many) * rng.uniform(0.2, 2.5, len(lengths))
        losses[list(too_short)] = np.inf
        log_probs = log_softmax(x).astype(np.float32)
        return losses.astype(np.float32), np.array(many), log_probs, tokens, share

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def mean_of_rows(losses, counts):
    """Each row by itself, then their mean (wrong)."""
    return np.mean(losses / counts)


def infinite_as_zero(losses, letters):
    """No loss, but its letters still count (wrong)."""
    return np.where(np.isfinite(losses), losses, 0.0), letters


wrong = mistakes("joint", section="joint")

EXERCISE = Exercise(
    name="joint_loss",
    section="joint",
    points=4,
    reference=joint_loss,
    probe=as_number,
    cases=(
        Case("even", batch((3, 5, 2), 0.5)),
        Case("mostly-letters", batch((4, 2, 6, 1), 0.8)),
        Case("mostly-attention", batch((2, 7), 0.3)),
        Case("letters-only", batch((3, 1, 4), 1.0)),
        Case("attention-only", batch((5, 3), 0.0)),
        Case("too-short", batch((3, 6, 2, 4), 0.6, too_short=(1,))),
        Case("two-too-short", batch((2, 3, 5, 1, 4), 0.35, too_short=(0, 3))),
        Case("all-too-short", batch((4, 2), 0.7, too_short=(0, 1))),
        Case("too-short-unused", batch((4, 2, 3), 0.0, too_short=(2,))),
        Case("much-padding", batch((1, 2, 1), 0.4, room=9)),
        Case("no-padding", batch((4, 4, 4), 0.45)),
        Case("no-character", batch((0, 3), 0.55)),
        Case("one", batch((5,), 0.25)),
        Case("uneven", batch((1, 12), 0.65, letters=(2, 310))),
    ),
    misconceptions=(
        wrong("not-shifted", pairs=lambda x, y: (x, y)),
        wrong("padding-counted", counts=lambda y: np.ones(y.shape, bool)),
        wrong("end-left-out", counts=lambda y: (y != PAD) & (y != END)),
        wrong("shares-swapped", mix=lambda c, a, s: (1 - s) * c + s * a),
        wrong("attention-whole", mix=lambda c, a, s: s * c + a),
        wrong("added", mix=lambda c, a, s: c + a),
        wrong("ctc-per-recording", mean_ctc=lambda x, n: x.mean()),
        wrong("attention-per-recording", mean_attention=lambda x, n: x.mean()),
        wrong("ctc-summed", mean_ctc=lambda x, n: x.sum()),
        wrong("attention-summed", mean_attention=lambda x, n: x.sum()),
        wrong("ctc-mean-of-rows", mean_ctc=mean_of_rows),
        wrong("attention-mean-of-rows", mean_attention=mean_of_rows),
        wrong("infinite-kept", clean=lambda x, n: (x, n)),
        wrong("infinite-as-zero", clean=infinite_as_zero),
        wrong("row-left-out", rows=lambda real, ctc: real & np.isfinite(ctc)[:, None]),
        wrong("probabilities", value=lambda x: 1 - np.exp(x)),
        wrong("sign", value=lambda x: x),
    ),
    accepted={
        "loop": lambda *a: _loop(*a),
        "one hot": lambda *a: _one_hot(*a),
        "keras": lambda *a: _keras(*a),
        "masked arrays": lambda *a: _masked_arrays(*a),
    },
)


def _loop(ctc, letters, log_probs, tokens, share):
    heard, many = 0.0, 0
    for loss, count in zip(ctc, letters, strict=True):
        if loss != np.inf:
            heard, many = heard + float(loss), many + int(count)
    written, places = 0.0, 0
    for row, chances in zip(tokens, log_probs, strict=True):
        for t in range(len(row) - 1):
            if row[t + 1]:
                written -= float(chances[t, row[t + 1]])
                places += 1
    return share * heard / max(many, 1) + (1 - share) * written / places


def _one_hot(ctc, letters, log_probs, tokens, share):
    wanted = np.eye(log_probs.shape[-1])[tokens[:, 1:]]
    wanted[..., 0] = 0
    written = -(wanted * log_probs[:, :-1]).sum() / wanted.sum()
    fits = ctc < 1e30
    heard = ctc[fits].sum() / letters[fits].sum() if fits.any() else 0
    return written + share * (heard - written)


def _keras(ctc, letters, log_probs, tokens, share):
    from keras import ops

    wanted = ops.one_hot(tokens[:, 1:], log_probs.shape[-1])
    each = -ops.sum(wanted * log_probs[:, :-1], axis=-1)
    real = ops.cast(tokens[:, 1:] != 0, "float32")
    fits = np.isfinite(ctc)
    heard = ops.sum(np.where(fits, ctc, 0)) / max(1, np.sum(fits * letters))
    written = ops.sum(each * real) / ops.sum(real)
    return float(share * heard + (1 - share) * written)


def _masked_arrays(ctc, letters, log_probs, tokens, share):
    rows, places = np.nonzero(tokens[:, 1:])
    written = -log_probs[rows, places, tokens[rows, places + 1]].astype(float).mean()
    fits = ~np.isinf(ctc)
    weights = letters[fits]
    heard = np.average(ctc[fits] / weights, weights=weights) if len(weights) else 0.0
    return np.dot([share, 1 - share], [heard, written])
