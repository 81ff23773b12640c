"""Slopes, integrated gradients, deletion, CKA: against NumPy and on the edges."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.interpret import (
    at_layer,
    completeness_gap,
    deletion_area,
    deletion_curve,
    gradient_times_input,
    integrated_gradients,
    linear_cka,
    occlusion,
)


def cubic(x):  # Σ x³ + 2 x₀ x₁
    return ops.sum(x**3, axis=1) + 2 * x[:, 0] * x[:, 1]


def cubic_slope(x):
    others = np.zeros_like(x)
    others[:, 0], others[:, 1] = 2 * x[:, 1], 2 * x[:, 0]
    return 3 * x**2 + others


@pytest.fixture
def x(rng):
    return rng.normal(size=(3, 4)).astype("float32")


def test_gradient_times_input(x):
    np.testing.assert_allclose(
        gradient_times_input(cubic, x), x * cubic_slope(x), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("baseline", [0.0, 1.0, np.float32([1, 2, 3, 4])])
def test_integrated_gradients(x, baseline):
    start = np.broadcast_to(np.float32(baseline), x.shape)
    steps, total = 8, 0.0
    for step in range(steps):
        place = start + (step + 0.5) / steps * (x - start)
        total = total + cubic_slope(place) / steps
    found = integrated_gradients(cubic, x, baseline, steps)
    np.testing.assert_allclose(found, (x - start) * total, rtol=1e-3, atol=1e-3)
    gaps = [
        np.abs(
            completeness_gap(
                cubic, integrated_gradients(cubic, x, baseline, n), x, baseline
            )
        ).max()
        for n in (2, 8, 32)
    ]
    assert gaps[0] > 4 * gaps[1] > 16 * gaps[2]  # an error of the second order


def test_a_function_of_another_shape_or_of_nothing(x):
    with pytest.raises(ValueError, match=r"one score a row, shape \(3,\); given \(\)"):
        gradient_times_input(ops.sum, x)
    if keras.backend.backend() != "jax":  # there such a slope is 0
        with pytest.raises(ValueError, match="must depend on its inputs"):
            gradient_times_input(lambda x: ops.ones(3), x)
    with pytest.raises(ValueError, match="must be floats"):
        gradient_times_input(cubic, np.ones((3, 4), "int32"))
    with pytest.raises(ValueError, match=r"must broadcast to the inputs, \(3, 4\)"):
        integrated_gradients(cubic, x, np.zeros(3))


def test_a_token_model_by_what_enters_its_stack(gpt, tokens):
    def score(logits):
        return logits[:, -1, 7] - logits[:, -1, 3]

    function, inner = at_layer(gpt, "embeddings_dropout", tokens, score)
    found = ops.convert_to_numpy(function(ops.convert_to_tensor(inner)))
    wanted = ops.convert_to_numpy(score(gpt(tokens)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    shares = integrated_gradients(function, inner, steps=24)
    assert shares.shape == (2, 5, 8)
    gap = completeness_gap(function, shares, inner)
    assert np.abs(gap).max() < 0.05 * np.abs(shares).sum(axis=(1, 2)).min()
    with pytest.raises(ValueError, match="called 2 times"):
        at_layer(gpt, "token_embedding", tokens, score)


def test_what_cannot_be_seen_has_no_share(gpt, tokens):
    function, inner = at_layer(gpt, "embeddings_dropout", tokens, lambda y: y[:, 1, 7])
    shares = np.abs(gradient_times_input(function, inner)).sum(axis=-1)
    assert not shares[:, 2:].any()
    assert shares[:, :2].all()


# ── deletion ──────────────────────────────────────────────────────────────────────────

VALUES = np.array([[5.0, 1, 3, 2], [1, 1, 8, 4]])


def added(keep):
    return (VALUES * keep).sum(axis=1)


def test_a_curve_deletes_the_largest_first_and_of_equals_the_first():
    curve = deletion_curve(added, VALUES)
    assert curve.tolist() == [[11, 6, 3, 1, 0], [14, 6, 2, 1, 0]]
    flat = deletion_curve(added, np.zeros((2, 4)))
    assert flat.tolist() == [[11, 6, 5, 2, 0], [14, 13, 12, 4, 0]]


def test_only_units_are_deleted_and_steps_share_them_out():
    units = np.array([[True, True, False, True], [False, False, True, False]])
    importance = np.where(units, VALUES, np.nan)
    curve = deletion_curve(added, importance, units, steps=2)
    assert curve.tolist() == [[11, 4, 3], [14, 6, 6]]  # 1.5 → 2 gone; 0.5 → 1 gone


def test_the_best_order_has_the_smallest_area_and_random_the_middle(rng):
    best, worst = (deletion_area(deletion_curve(added, s * VALUES)) for s in (1, -1))
    draws = [
        deletion_area(deletion_curve(added, rng.normal(size=(2, 4))))
        for _ in range(200)
    ]
    assert (best < worst).all()
    np.testing.assert_allclose(np.mean(draws, axis=0), added(1) / 2, rtol=0.05)


def test_area_of_one_step_and_of_none():
    assert deletion_area([[3.0, 1.0]]).tolist() == [2.0]
    np.testing.assert_allclose(
        deletion_area([4.0, 1, 0, 0]), np.trapezoid([4.0, 1, 0, 0], dx=1 / 3)
    )
    with pytest.raises(ValueError, match="two points"):
        deletion_area([1.0])


def test_occlusion():
    units = np.array([[True, True, False, True], [False, False, True, False]])
    assert occlusion(added, units).tolist() == [[5, 1, 0, 2], [0, 0, 8, 0]]


def test_deletion_says_what_is_wrong():
    with pytest.raises(ValueError, match="row 1 has none"):
        deletion_curve(added, VALUES, np.array([[4.5], [9]]) < VALUES)
    with pytest.raises(ValueError, match="must be finite"):
        deletion_curve(added, np.full((2, 4), np.nan))
    with pytest.raises(ValueError, match="one number a row"):
        deletion_curve(lambda keep: 0.0, VALUES)


# ── CKA ───────────────────────────────────────────────────────────────────────────────


def test_cka_is_hsic_of_gram_matrices(rng):
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 6))
    y[:, :2] += x[:, :2]
    centre = np.eye(30) - 1 / 30

    def hsic(a, b):
        return np.trace(a @ a.T @ centre @ b @ b.T @ centre)

    wanted = hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))
    np.testing.assert_allclose(linear_cka(x, y), wanted)


def test_cka_sees_no_rotation_scale_or_shift_but_other_maps(rng):
    x = rng.normal(size=(50, 4))
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    np.testing.assert_allclose(linear_cka(x, 3 * x @ turn + 7), 1)
    assert linear_cka(x, x @ np.diag([10, 1, 1, 1])) < 0.9
    assert np.isnan(linear_cka(x, np.ones((50, 2))))
    with pytest.raises(ValueError, match="50 and 49"):
        linear_cka(x, x[1:])
