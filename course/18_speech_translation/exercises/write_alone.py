"""How right a decoder is with the truth behind it, and how right alone."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import END, PAD, TAG, written_rows


def own_token(truth, own, t):
    """What a decoder that is alone looks back on: the token it wrote itself."""
    return own


def true_token(truth, own, t):
    """What a decoder looks back on that is put right after every token."""
    return truth


def same_tag(truth, own, t):
    """Every row begins with one tag (wrong)."""
    return own if t else np.full_like(own, TAG)


def go_on(ended, token):
    """The end is a token like others."""
    return token


def stop(ended, token):
    """Behind the end stands padding."""
    return np.where(ended, PAD, token)


def all_but_padding(wanted):
    """True where a token counts."""
    return wanted != PAD


def over_all(right, real):
    """The share of all tokens of all rows."""
    return right[real].mean()


def up_to_the_end(right, real):
    """Right at every place that counts."""
    return np.all(right | ~real, axis=1).mean()


def write(log_probs, tokens, behind, after_end):
    """Tokens (B, T), each the likeliest after the one that is looked back on."""
    rows = np.arange(len(tokens))
    own, ended = tokens[:, 0], np.zeros(len(tokens), bool)
    written = []
    for t in range(log_probs.shape[1]):
        before = behind(tokens[:, t], own, t)
        own = after_end(ended, log_probs[rows, t, before].argmax(axis=-1))
        ended = ended | (own == END)
        written.append(own)
    return np.stack(written, axis=1)


def write_alone(
    log_probs,
    tokens,
    *,
    forced_behind=true_token,
    forced_end=go_on,
    behind=own_token,
    after_end=stop,
    counts=all_but_padding,
    share=over_all,
    free_share=None,
    exact=up_to_the_end,
):
    """Shares of right tokens with the truth behind, alone, and of right rows alone."""
    log_probs, wanted = np.asarray(log_probs, "float64"), tokens[:, 1:]
    real = counts(wanted)
    forced = write(log_probs, tokens, forced_behind, forced_end)
    free = write(log_probs, tokens, behind, after_end)
    shares = (
        share(forced == wanted, real),
        (free_share or share)(free == wanted, real),
        exact(free == wanted, real),
    )
    return tuple(np.float64(x) for x in shares)


def as_three(answer, log_probs, tokens):
    """Three numbers."""
    forced, free, exact = answer(log_probs, tokens)
    return tuple(np.asarray(x, "float64") for x in (forced, free, exact))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def decoder(lengths, sure=3.0, slips=(), room=None, vocabulary=8, again=0.6):
    """Logits in which the truth is likely after the truth, and less so after a slip.

    Args:
        lengths: characters of each row.
        sure: how much is added to the right token's logit.
        slips: (row, place) at which another token is likeliest, whatever came before.
        room: T + 1.
        vocabulary: V.
        again: the part of `sure` that holds behind a wrong token.
    """

    def draw(rng):
        tokens = written_rows(rng, lengths, vocabulary, room)
        tokens[1:, 0] = rng.integers(TAG, TAG + 2, len(lengths) - 1)  # of two languages
        rows, places = len(tokens), tokens.shape[1] - 1
        x = rng.normal(size=(rows, places, vocabulary, vocabulary))
        for b in range(rows):
            for t in range(places):
                if tokens[b, t + 1] == PAD:
                    continue
                x[b, t, :, tokens[b, t + 1]] += again * sure
                x[b, t, tokens[b, t], tokens[b, t + 1]] += (1 - again) * sure + 3
        for b, t in slips:
            other = 3 + (tokens[b, t + 1] - 2) % (vocabulary - 3)
            x[b, t, :, other] += 20
        x -= np.logaddexp.reduce(x, axis=-1, keepdims=True)
        return x.astype(np.float32), tokens

    return draw


def early_end(draw, row, place):
    """A decoder that wants to end too soon, and would be right if it went on."""

    def change(rng):
        x, tokens = draw(rng)
        x[row, place] -= 30
        x[row, place, :, END] = 0
        right = tokens[row, place + 2]
        if place + 1 < x.shape[1] and right != PAD:
            x[row, place + 1, END] -= 30
            x[row, place + 1, END, right] = 0
        return x, tokens

    return change


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def mean_of_rows(right, real):
    """Each row with a share of its own (wrong)."""
    rows = zip(right, real, strict=True)
    return np.mean([a[b].mean() if b.any() else 0.0 for a, b in rows])


def until_first_error(right, real):
    """What stands behind the first error is not counted as right (wrong)."""
    whole = np.logical_and.accumulate(right | ~real, axis=1)
    return (right & whole)[real].mean()


wrong = mistakes("alone", section="alone")

EXERCISE = Exercise(
    name="write_alone",
    section="alone",
    points=4,
    reference=write_alone,
    probe=as_three,
    cases=(
        Case("one-slip", decoder((5, 3, 4), slips=((0, 1),))),
        Case("long", decoder((14, 4, 9, 3), sure=9.0, slips=((0, 3),), again=1.0)),
        Case("two-slips", decoder((6, 2, 5, 4), slips=((0, 0), (2, 2)), again=0.1)),
        Case("goes-astray", decoder((7, 4, 6), slips=((0, 0),), again=0.0)),
        Case("astray-twice", decoder((3, 8, 5), slips=((1, 1), (2, 0)), again=0.0)),
        Case("unsure", decoder((4, 6, 3), sure=0.5, again=0.2)),
        Case("unsure-long", decoder((9, 7), sure=0.8, again=0.1, vocabulary=6)),
        Case("ends-early", early_end(decoder((5, 4, 6)), 0, 2)),
        Case("ends-at-once", early_end(decoder((4, 3)), 1, 0)),
        Case("end-missed", decoder((3, 5, 2), slips=((0, 3),))),
        Case("last-character", decoder((4, 4, 6), slips=((2, 5),), again=0.0)),
        Case("all-right", decoder((3, 5, 4), sure=9.0)),
        Case("much-padding", decoder((1, 2, 3), slips=((1, 0),), room=11, again=0.1)),
        Case("no-character", decoder((0, 4), slips=((1, 1),), again=0.0)),
        Case("one", decoder((6,), slips=((0, 2),), again=0.0)),
    ),
    misconceptions=(
        wrong("truth-behind", behind=true_token, after_end=go_on),
        wrong("alone-twice", forced_behind=own_token, forced_end=stop),
        wrong("swapped", forced_behind=own_token, behind=true_token, after_end=go_on),
        wrong("one-tag", behind=same_tag),
        wrong("end-ignored", after_end=go_on),
        wrong("padding-counted", counts=lambda y: np.ones(y.shape, bool)),
        wrong("end-left-out", counts=lambda y: (y != PAD) & (y != END)),
        wrong("mean-of-rows", share=mean_of_rows),
        wrong("until-first-error", free_share=until_first_error),
        wrong("exact-of-tokens", exact=lambda right, real: right[real].mean()),
        wrong("all-rows", exact=lambda right, real: float(np.all(right | ~real))),
        wrong("exact-by-end", exact=lambda right, real: _last(right, real)),
    ),
    accepted={
        "loop": lambda *a: _loop(*a),
        "recursion": lambda *a: _recursion(*a),
        "choices first": lambda *a: _choices_first(*a),
    },
)


def _last(right, real):
    """Whether the last token that counts is right (wrong)."""
    last = real.shape[1] - 1 - real[:, ::-1].argmax(axis=1)
    return right[np.arange(len(right)), last].mean()


def _loop(log_probs, tokens):
    forced = free = count = whole = 0
    for table, row in zip(log_probs, tokens, strict=True):
        own, ended, good = row[0], False, True
        for t, wanted in enumerate(row[1:]):
            token = PAD if ended else int(np.argmax(table[t, own]))
            ended = ended or token == END
            if wanted != PAD:
                count += 1
                forced += int(np.argmax(table[t, row[t]]) == wanted)
                free += int(token == wanted)
                good = good and token == wanted
            own = token
        whole += good
    return forced / count, free / count, whole / len(tokens)


def _recursion(log_probs, tokens):
    def say(table, before):
        if not len(table):
            return []
        token = int(table[0, before].argmax())
        rest = [PAD] * (len(table) - 1) if token == END else say(table[1:], token)
        return [token, *rest]

    free = np.array([say(x, row[0]) for x, row in zip(log_probs, tokens, strict=True)])
    truth = np.take_along_axis(log_probs, tokens[:, :-1, None, None], 2)[:, :, 0]
    wanted = tokens[:, 1:]
    real = wanted > 0
    same = free == wanted
    return (
        (truth.argmax(-1) == wanted)[real].mean(),
        same[real].mean(),
        np.mean(
            [
                np.array_equal(a[m], b[m])
                for a, b, m in zip(free, wanted, real, strict=True)
            ]
        ),
    )


def _choices_first(log_probs, tokens):
    choice = np.asarray(log_probs).argmax(axis=3)  # (B, T, V)
    batch, places, _ = choice.shape
    wanted, weights = tokens[:, 1:], (tokens[:, 1:] != 0).astype(float)
    forced = np.array(
        [[choice[b, t, tokens[b, t]] for t in range(places)] for b in range(batch)]
    )
    free = np.zeros((batch, places), int)
    for b in range(batch):
        token = tokens[b, 0]
        for t in range(places):
            token = choice[b, t, token]
            free[b, t] = token
            if token == 1:
                break
    errors = ((free != wanted) * weights).sum(axis=1)
    right = ((forced == wanted) * weights).sum()
    return right / weights.sum(), 1 - errors.sum() / weights.sum(), np.mean(errors == 0)
