"""The probability of a text, over all the ways to lay it along the frames."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor

BLANK = 0
NEVER = -1e9  # the logarithm of 0, with gradients that stay finite


def ctc_loss(
    labels: Tensor, logits: Tensor, padding_mask: Tensor | None = None
) -> Tensor:
    """`−log P(labels | logits)`: the sum over all paths that read so.

        α(t, s) = p(t, s) + log(exp α(t−1, s) + exp α(t−1, s−1) + exp α(t−1, s−2))

    s goes through the labels with a blank before, between and behind them; the last
    term is there only for a label that is not the one before it. It is
    `tf.nn.ctc_loss`, which gives no more than 707, and other numbers than here where
    the loss is larger.

    Masking: True in `padding_mask` means keep; other frames count for nothing.

    Args:
        labels: integers `(B, U)`, from 1; behind the end of a row stand zeros.
        logits: floats `(B, T, C)`; 0 is the blank.
        padding_mask: boolean `(B, T)`. Defaults to `None`: every frame is real.

    Returns:
        float32 `(B,)`. ∞ for a row that has fewer frames than its labels need, see
        `frames_needed`; the gradient of such a row is 0.

    Raises:
        ValueError: shapes do not fit, or labels are not ids below C with zeros behind.
            Where values are known, as outside of a compiled function, also: a row has
            too few frames.

    Example: of the 4 paths of two frames, `1 1`, `1 _` and `_ 1` read *1*.

    >>> loss = ctc_loss(np.array([[1]]), np.zeros((1, 2, 2), "float32"))
    >>> round(float(np.exp(-np.array(loss[0]))), 3)
    0.75

    Reference:
        Graves et al. (2006), "Connectionist temporal classification", section 4.1;
        Graves et al. (2013), arXiv:1303.5778, section 3.1.
    """
    check.axes("labels", labels.shape, "B U")
    check.axes("logits", logits.shape, "B T C")
    check.values("logits", logits, "Give what comes before the softmax.")
    check.keep_mask("padding_mask", padding_mask, logits.shape[:2])
    _check_labels(labels, logits.shape[-1])
    _check_frames(labels, logits.shape, padding_mask)
    labels = ops.cast(labels, "int32")  # (B, U)
    chances = ops.log_softmax(ops.cast(logits, "float32"))  # (B, T, C)
    if padding_mask is not None:  # padding is certainly blank
        blank = NEVER * ops.cast(ops.arange(logits.shape[-1]) != BLANK, "float32")
        keep = ops.cast(padding_mask, "bool")[..., None]  # (B, T, 1)
        chances = ops.where(keep, chances, blank)
    symbols = _with_blanks(labels)  # (B, 2U + 1)
    chances = ops.take_along_axis(chances, symbols[:, None, :], axis=2)  # (B, T, 2U+1)
    loss, shares = _loss_and_shares(ops.stop_gradient(chances), symbols, labels)
    # The gradient is −share; a loop's own would take more room, and XLA refuses it.
    nothing = shares * (chances - ops.stop_gradient(chances))  # (B, T, 2U + 1), zeros
    loss = loss - ops.sum(nothing, axis=(1, 2))  # (B,)
    return ops.where(loss < -NEVER / 2, loss, float("inf"))


def frames_needed(labels: Tensor) -> np.ndarray:
    """How many frames a text needs at least: its labels, and a blank in each repeat.

    Args:
        labels: integers `(B, U)`, from 1; behind the end of a row stand zeros.

    Returns:
        Integers `(B,)`.

    Raises:
        ValueError: `labels` has other axes.

    Example:

    >>> frames_needed(np.array([[7, 7, 5], [5, 0, 0]])).tolist()
    [4, 1]

    Reference:
        Graves et al. (2013), arXiv:1303.5778, section 3.1.
    """
    labels = np.asarray(labels)
    check.axes("labels", labels.shape, "B U")
    repeats = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != BLANK)
    return (labels != BLANK).sum(axis=1) + repeats.sum(axis=1)


@keras.saving.register_keras_serializable(package="tlkeras")
class CTCLoss(keras.losses.Loss):
    """`ctc_loss` to compile a model with, such as a `tlkeras.models.SpeechCTC`.

    Args:
        reduction: as of every Keras loss. Defaults to `"sum_over_batch_size"`, the mean
            over the rows.
        name: of the loss. Defaults to `"ctc_loss"`.
        dtype: of what is returned; it is computed in float32. Defaults to Keras's own.

    Call arguments:
        y_true: integers `(B, U)`, from 1; behind the end of a row stand zeros.
        y_pred: logits `(B, T, C)`; frames of padding are certain blanks.

    Returns:
        A number. While a model is trained the loss of a row with too few frames is ∞
        and moves no weight.

    Raises:
        ValueError: as of `ctc_loss`.

    Example:

    >>> loss = CTCLoss()(np.array([[1]]), np.zeros((1, 2, 2), "float32"))
    >>> round(float(np.exp(-np.array(loss))), 3)
    0.75

    Reference:
        Graves et al. (2006), "Connectionist temporal classification", section 4.1;
        Graves et al. (2013), arXiv:1303.5778, section 3.1.
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc_loss", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        return ctc_loss(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return keras.losses.Loss.get_config(self)


# ── forward and backward ──────────────────────────────────────────────────────────────


def _with_blanks(labels):
    """Labels with a blank before, between and behind them, `(B, 2U + 1)`."""
    batch, length = ops.shape(labels)
    pairs = ops.stack([ops.zeros_like(labels), labels], axis=2)  # (B, U, 2)
    return ops.pad(ops.reshape(pairs, (batch, 2 * length)), ((0, 0), (0, 1)))


def _loss_and_shares(chances, symbols, labels):
    """The loss `(B,)`, and which share of paths is where at each frame `(B, T, 2U+1)`.

    Paths are followed from both ends: what comes before a frame, and what comes after.
    """
    length = ops.sum(ops.cast(labels != BLANK, "int32"), axis=1)[:, None]  # (B, 1)
    end = 2 * length  # the blank behind the last label
    chances = ops.swapaxes(chances, 0, 1)  # (T, B, 2U + 1)
    before = _paths(chances, symbols, ops.zeros_like(end))
    after = _paths(
        ops.flip(chances, (0, 2)), ops.flip(symbols, 1), symbols.shape[1] - 1 - end
    )
    after = ops.flip(after, (0, 2))  # (T, B, 2U + 1)
    last = ops.take_along_axis(before[-1], ops.maximum(end - 1, 0), axis=1)  # (B, 1)
    last = ops.where(end > 0, last, NEVER)  # no label at all: only the blank
    last = ops.logaddexp(last, ops.take_along_axis(before[-1], end, axis=1))
    shares = ops.softmax(before + after - chances)  # of all paths, at each frame
    shares = ops.where(last > NEVER / 2, shares, 0.0)  # or there is no path
    return -last[:, 0], ops.swapaxes(shares, 0, 1)


def _paths(chances, symbols, first):
    """Log-probabilities `(T, B, 2U + 1)` of all paths from place `first` `(B, 1)`."""
    places = ops.arange(symbols.shape[1], dtype="int32")  # (2U + 1,)
    start = ops.where(places == first, 0.0, NEVER)  # (B, 2U + 1)
    # A blank is that of two places before too: nothing jumps to it.
    repeated = symbols == ops.pad(symbols, ((0, 0), (2, 0)))[:, :-2]

    def step(before, chance):
        skip = ops.where(repeated, NEVER, _shifted(before, 2))
        paths = ops.logaddexp(before, _shifted(before, 1))
        paths = ops.logaddexp(paths, skip) + chance
        return paths, paths

    return ops.scan(step, start, chances)[1]


def _shifted(x, count):
    return ops.pad(x, ((0, 0), (count, 0)), constant_values=NEVER)[:, :-count]


# ── checks ────────────────────────────────────────────────────────────────────────────


def _check_labels(labels, count):
    given = check.known(labels)
    if given is None:
        return
    check.indices("labels", given, count, f"the {count} logits of a frame")
    inside = (given[:, 1:] != BLANK) & (given[:, :-1] == BLANK)
    if inside.any():
        row = int(np.argwhere(inside)[0][0])
        raise ValueError(
            "labels must be ids from 1 with zeros behind the last only, as 0 is the "
            f"blank; given row {row}: {given[row].tolist()}."
        )


def _check_frames(labels, shape, padding_mask):
    given = check.known(labels)
    keep = None if padding_mask is None else check.known(padding_mask)
    if given is None or shape[1] is None or (padding_mask is not None and keep is None):
        return
    needed = frames_needed(given)
    there = np.broadcast_to(shape[1], needed.shape)
    if keep is not None:
        there = np.broadcast_to(keep, (len(needed), shape[1])).astype(bool).sum(axis=1)
    short = np.flatnonzero(needed > there)
    if len(short):
        row = int(short[0])
        raise ValueError(
            "logits must have a frame for each label, and one for the blank between "
            f"equal ones: row {row} needs {needed[row]}, given {there[row]}. Take a "
            "smaller stride, or leave the row out (see frames_needed)."
        )
