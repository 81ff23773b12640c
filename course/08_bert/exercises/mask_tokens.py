"""What BERT reads and what it is asked: (B, T) each."""

import itertools

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

SPECIAL, MASK_ID = (0, 2, 3), 4


def not_special(token_ids, special_ids, choice):
    """Tokens of the text itself."""
    return ~np.isin(token_ids, special_ids)


def below_rate(choice):
    """15 % of the draws."""
    return choice < 0.15


def mask_first(fate):
    """Below 0.8 the mask, from there to 0.9 a random token."""
    return fate < 0.8, (fate >= 0.8) & (fate < 0.9)


def where_chosen(token_ids, inputs, chosen, hidden):
    """Labels: what stood where something is asked, 0 elsewhere."""
    return np.where(chosen, token_ids, 0)


def mask_tokens(
    token_ids,
    special_ids,
    mask_id,
    choice,
    fate,
    random_ids,
    *,
    allowed=not_special,
    draw=below_rate,
    fates=mask_first,
    becomes=lambda mask_id, random_ids: (mask_id, random_ids),
    touched=lambda chosen: chosen,
    label=where_chosen,
    result=lambda inputs, labels: (inputs, labels),
):
    """What BERT reads and what it is asked: (B, T) each."""
    chosen = draw(choice) & allowed(token_ids, special_ids, choice)
    hide, swap = fates(fate)
    mask, other = becomes(mask_id, random_ids)
    inputs = np.where(touched(chosen) & hide, mask, token_ids)
    inputs = np.where(touched(chosen) & swap, other, inputs)
    return result(inputs, label(token_ids, inputs, chosen, chosen & hide))


def drawn(lengths, size, choose=(0.0, 1.0), fates=(0.0, 1.0), unknown=False):
    """Sentences with the numbers that decide about each token."""

    def draw(rng):
        ids = rng.integers(5, 60, (len(lengths), size))
        places, ends = np.arange(size), np.array(lengths)[:, None] - 1
        ids[:, 0] = 2
        ids = np.where(places == ends, 3, np.where(places < ends, ids, 0))
        if unknown:
            ids[:, 1] = 1
        choice, fate = rng.uniform(*choose, ids.shape), rng.uniform(*fates, ids.shape)
        random_ids = rng.integers(5, 60, ids.shape)
        return ids, list(SPECIAL), MASK_ID, choice, fate, random_ids

    return draw


def on_the_borders(rng):
    """Draws of which many are exactly 0, 0.15, 0.8, 0.9 or 1."""
    ids, special, mask_id, choice, fate, random_ids = drawn((26, 26), 26)(rng)
    pairs = itertools.product((0.0, 0.1, 0.15, 0.5), (0.0, 0.3, 0.8, 0.85, 0.9, 1.0))
    choice[:, 1:-1], fate[:, 1:-1] = np.transpose(list(pairs))
    return ids, special, mask_id, choice, fate, random_ids


wrong = mistakes("mask", section="masking")

EXERCISE = Exercise(
    name="mask_tokens",
    section="masking",
    points=4,
    reference=mask_tokens,
    cases=(
        Case("long", drawn((60, 41, 53), 60)),
        Case("all-chosen", drawn((30, 24), 30, choose=(0.0, 0.149))),
        Case("none-chosen", drawn((9, 7), 9, choose=(0.16, 1.0))),
        Case("short", drawn((3, 4, 3, 5), 12, choose=(0.0, 0.4))),
        Case("kept", drawn((25, 19), 25, (0.0, 0.3), (0.75, 1.0), unknown=True)),
        Case("borders", on_the_borders),
    ),
    misconceptions=(
        wrong("special-too", allowed=lambda ids, special, choice: ids >= 0),
        wrong("padding-alone-safe", allowed=lambda ids, special, choice: ids != 0),
        wrong("special-alone", allowed=lambda i, s, choice: np.isin(i, s)),
        wrong("rate-inverted", draw=lambda choice: choice > 0.15),
        wrong("rate-of-12", draw=lambda choice: choice < 0.12),
        wrong("border-chosen", draw=lambda choice: choice <= 0.15),
        wrong(
            "border-masked",
            fates=lambda fate: (fate <= 0.8, (fate > 0.8) & (fate < 0.9)),
        ),
        wrong(
            "border-random",
            fates=lambda fate: (fate < 0.8, (fate >= 0.8) & (fate <= 0.9)),
        ),
        wrong(
            "both-borders-below",
            fates=lambda fate: (fate <= 0.8, (fate > 0.8) & (fate <= 0.9)),
        ),
        wrong("always-mask", fates=lambda fate: (fate < 2, fate > 2)),
        wrong("never-kept", fates=lambda fate: (fate < 0.8, fate >= 0.8)),
        wrong("never-random", fates=lambda fate: (fate < 0.8, fate > 2)),
        wrong("random-is-mask", fates=lambda fate: (fate < 0.9, fate > 2)),
        wrong("random-and-kept-swapped", fates=lambda fate: (fate < 0.8, fate >= 0.9)),
        wrong(
            "kept-and-mask-swapped",
            fates=lambda fate: (fate >= 0.9, (fate >= 0.8) & (fate < 0.9)),
        ),
        wrong(
            "10-of-the-rest",
            fates=lambda fate: (fate < 0.8, (fate >= 0.8) & (fate < 0.98)),
        ),
        wrong(
            "mask-and-random-swapped",
            becomes=lambda mask_id, random_ids: (random_ids, mask_id),
        ),
        wrong("random-gives-zero", becomes=lambda mask_id, random_ids: (mask_id, 0)),
        wrong("masked-everywhere", touched=lambda chosen: chosen | True),
        wrong("not-touched", touched=lambda chosen: chosen & False),
        wrong("labels-everywhere", label=lambda ids, inputs, chosen, hidden: ids),
        wrong(
            "labels-at-masks-only",
            label=lambda ids, inputs, chosen, hidden: np.where(hidden, ids, 0),
        ),
        wrong(
            "labels-where-changed",
            label=lambda ids, inputs, chosen, hidden: np.where(inputs != ids, ids, 0),
        ),
        wrong(
            "labels-are-inputs",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, inputs, 0),
        ),
        wrong(
            "labels-elsewhere",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, 0, ids),
        ),
        wrong(
            "labels-minus-100",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, ids, -100),
        ),
        wrong(
            "labels-are-booleans",
            label=lambda ids, inputs, chosen, hidden: chosen.astype(int),
        ),
        wrong("swapped", result=lambda inputs, labels: (labels, inputs)),
    ),
    accepted={
        "in a copy": lambda *a: _masking_in_a_copy(*a),
        "loops": lambda *a: _masking_with_loops(*a),
        "select": lambda *a: _masking_with_select(*a),
        "arithmetic": lambda *a: _masking_with_arithmetic(*a),
        "tensorflow": lambda *a: _masking_with_tensorflow(*a),
    },
)


def _masking_in_a_copy(ids, special, mask_id, choice, fate, random_ids):
    chosen = choice < 0.15
    for token in special:
        chosen[ids == token] = False
    inputs, labels = ids.copy(), np.zeros_like(ids)
    labels[chosen] = ids[chosen]
    inputs[chosen & (fate < 0.8)] = mask_id
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[swap] = random_ids[swap]
    return inputs, labels


def _masking_with_loops(ids, special, mask_id, choice, fate, random_ids):
    inputs, labels = ids.tolist(), (0 * ids).tolist()
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            if ids[b, t] in special or choice[b, t] >= 0.15:
                continue
            labels[b][t] = int(ids[b, t])
            if fate[b, t] < 0.8:
                inputs[b][t] = mask_id
            elif fate[b, t] < 0.9:
                inputs[b][t] = int(random_ids[b, t])
    return inputs, labels


def _masking_with_select(ids, special, mask_id, choice, fate, random_ids):
    chosen = (choice < 0.15) & ~np.isin(ids, list(special))
    kinds = [~chosen, fate < 0.8, fate < 0.9]
    inputs = np.select(kinds, [ids, np.full_like(ids, mask_id), random_ids], ids)
    return inputs, ids * chosen


def _masking_with_arithmetic(ids, special, mask_id, choice, fate, random_ids):
    chosen = (choice < 0.15) * np.prod([ids != s for s in special], axis=0)
    hide, swap = chosen * (fate < 0.8), chosen * (fate >= 0.8) * (fate < 0.9)
    return ids * (1 - hide - swap) + mask_id * hide + random_ids * swap, chosen * ids


def _masking_with_tensorflow(ids, special, mask_id, choice, fate, random_ids):
    import tensorflow as tf

    ids = tf.constant(ids)
    special = tf.reduce_any(ids[..., None] == tf.constant(special, ids.dtype), -1)
    chosen = tf.logical_and(choice < 0.15, ~special)
    new = tf.where(fate < 0.8, tf.cast(mask_id, ids.dtype), ids)
    new = tf.where((fate >= 0.8) & (fate < 0.9), tf.constant(random_ids), new)
    return tf.where(chosen, new, ids), tf.where(chosen, ids, tf.zeros_like(ids))
