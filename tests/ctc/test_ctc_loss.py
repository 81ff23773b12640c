"""The loss of CTC: every path, TensorFlow's loss, padding, rows that cannot be."""

import keras
import numpy as np
import pytest
from keras import ops

from ctc.paths import all_paths, total
from tlkeras.ctc import CTCLoss, ctc_loss, frames_needed

TENSORFLOW = keras.backend.backend() == "tensorflow"
needs_tensorflow = pytest.mark.skipif(not TENSORFLOW, reason="compares with it")
# Labels and real frames: equal neighbours, none at all, one frame, exactly enough.
ROWS = [([1, 1], 5), ([1, 2, 3], 5), ([2, 2, 2], 5), ([], 4), ([3], 1), ([3, 3], 3)]
FRAMES = np.array([frames for _, frames in ROWS])
MASK = np.arange(5) < FRAMES[:, None]


def padded(texts, length=4):
    rows = np.zeros((len(texts), length), "int32")
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = text
    return rows


LABELS = padded([text for text, _ in ROWS])


@pytest.fixture
def logits(rng):
    return (3 * rng.normal(size=(len(ROWS), 5, 4))).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def test_it_is_the_sum_over_all_paths(logits):
    found = numpy(ctc_loss(LABELS, logits, MASK))
    for loss, (text, frames), row in zip(found, ROWS, logits, strict=True):
        wanted = -total(all_paths(row[:frames])[tuple(text)])
        assert loss == pytest.approx(wanted, rel=1e-5)


def test_padding_counts_for_nothing(logits):
    changed = np.where(MASK[..., None], logits, 100.0).astype("float32")
    before, after = (numpy(ctc_loss(LABELS, x, MASK)) for x in (logits, changed))
    np.testing.assert_array_equal(before, after)
    longer = np.pad(logits, ((0, 0), (0, 3), (0, 0)))
    more = np.pad(MASK, ((0, 0), (0, 3)))
    np.testing.assert_allclose(numpy(ctc_loss(LABELS, longer, more)), before, 1e-6)
    wider = np.pad(LABELS, ((0, 0), (0, 2)))
    np.testing.assert_allclose(numpy(ctc_loss(wider, logits, MASK)), before, 1e-6)


def test_frames_that_are_certainly_blank_are_padding(logits):
    blank = np.array([0, -1e9, -1e9, -1e9], "float32")
    certain = np.where(MASK[..., None], logits, blank)
    wanted = numpy(ctc_loss(LABELS, logits, MASK))
    np.testing.assert_allclose(numpy(ctc_loss(LABELS, certain)), wanted, rtol=1e-6)
    mean = numpy(CTCLoss()(LABELS, certain))
    assert mean == pytest.approx(wanted.mean(), rel=1e-5)


@needs_tensorflow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_and_gradient_are_those_of_tensorflow(rng, jit_compile):
    import tensorflow as tf

    logits = tf.constant(2 * rng.normal(size=(6, 30, 9)), "float32")
    labels = rng.integers(1, 9, (6, 8)).astype("int32")
    labels[0, 3:], labels[1] = 0, 4
    frames = np.array([30, 25, 9, 30, 22, 17])
    frames[2:] = np.maximum(frames[2:], frames_needed(labels)[2:])

    def theirs(x):
        lengths = (labels != 0).sum(axis=1), frames
        return tf.nn.ctc_loss(labels, x, *lengths, False, blank_index=0)

    def ours(x):
        return ctc_loss(labels, x, np.arange(30) < frames[:, None])

    @tf.function(jit_compile=jit_compile)
    def slopes(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            losses = ours(x), theirs(x)
        return losses, [tape.gradient(loss, x) for loss in losses]

    for found, wanted in slopes(logits):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)


def test_a_loss_above_what_tensorflow_gives():
    """60 for the blank, 20 labels to say: the paths are in float64, place by place."""
    logits = np.zeros((1, 40, 5), "float32")
    logits[..., 0] = 60
    labels = np.tile([1, 2, 3, 4], 5)[None]
    # 20 frames of 40 say a label, each 60 less likely; each way to choose them counts,
    # and so do those in which labels last longer, which are e^60 times rarer.
    from math import comb, log

    ways = comb(40, 20)
    assert numpy(ctc_loss(labels, logits))[0] == pytest.approx(1200 - log(ways), 1e-5)


@needs_tensorflow
def test_a_row_that_cannot_be_is_infinite_and_moves_nothing(logits):
    import tensorflow as tf

    labels = padded([[1, 1, 1, 1], [1, 2]])

    @tf.function
    def slope(x, labels):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ctc_loss(labels, x)
        return loss, tape.gradient(loss, x)

    loss, gradient = slope(tf.constant(logits[:2]), tf.constant(labels))
    assert np.isinf(loss[0])
    assert np.isfinite(loss[1])
    assert np.all(gradient[0] == 0)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient[1] != 0)


def test_frames_needed():
    rows = padded([[7, 7, 5], [5], [], [1, 1, 1, 1], [1, 2, 1]])
    assert frames_needed(rows).tolist() == [4, 1, 0, 7, 3]


@pytest.mark.parametrize(
    ("labels", "frames", "message"),
    [
        ([[1, 1, 1]], 4, "row 0 needs 5, given 4"),
        ([[1, 0, 0], [1, 2, 1]], 2, "row 1 needs 3, given 2"),
        ([[1, 0, 1]], 5, r"zeros behind the last only.* given row 0: \[1, 0, 1\]"),
        ([[4, 0, 0]], 5, "from 0 to 3, below the 4 logits"),
        ([[-1, 0, 0]], 5, "given -1"),
        ([1, 2], 5, r"labels must have 2 axes, \(B, U\)"),
    ],
)
def test_wrong_labels(labels, frames, message):
    labels = np.array(labels)
    with pytest.raises(ValueError, match=message):
        ctc_loss(labels, np.zeros((len(labels), frames, 4), "float32"))


def test_a_mask_that_leaves_too_few_frames(logits):
    keep = np.arange(5) < 2
    with pytest.raises(ValueError, match="row 0 needs 3, given 2"):
        ctc_loss(LABELS[:1], logits[:1], keep[None])


def test_wrong_logits():
    with pytest.raises(ValueError, match=r"logits must have 3 axes, \(B, T, C\)"):
        ctc_loss(np.array([[1]]), np.zeros((1, 5), "float32"))
    with pytest.raises(ValueError, match="logits must be floats"):
        ctc_loss(np.array([[1]]), np.zeros((1, 5, 4), "int32"))
