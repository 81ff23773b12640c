"""Multi-head attention against float64 NumPy, the stock Keras layer and itself."""

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, padding, randomize
from keras import ops
from reference import multi_head_attention

from tlkeras.layers import MultiHeadAttention, RotaryEmbedding

BACKEND = keras.backend.backend()
STOCK_CASES = {
    "plain": {},
    "no bias": {"use_bias": False},
    "value size": {"value_dim": 5},
    "output size": {"output_shape": (2, 3)},
    "gate": {"use_gate": True},
    "window": {"sliding_window": 2},
}


def pair(rng, query_length=5, value_length=7):
    return floats(rng, 3, query_length, 8), floats(rng, 3, value_length, 6)


def built(rng, query, value, layer=MultiHeadAttention, **arguments):
    layer = layer(num_heads=4, key_dim=6, **arguments)
    layer(query=query, value=value)
    return randomize(layer, rng)


def rotated(**arguments):
    return RotaryEmbedding(max_wavelength=50, **arguments)


@pytest.mark.parametrize("groups", [4, 2, 1])
def test_equals_numpy(rng, groups):
    query, value = pair(rng)
    mask = rng.random((3, 5, 7)) < 0.6
    mask[1, 2] = False  # sees nothing
    layer = built(rng, query, value, num_key_value_heads=groups)
    result = layer(
        query=query, value=value, attention_mask=mask, return_attention_scores=True
    )
    close(result, multi_head_attention(layer.get_weights(), query, value, mask))


@pytest.mark.skipif(BACKEND == "jax", reason="the stock layer fails with value_dim")
@pytest.mark.parametrize("name", STOCK_CASES)
def test_equals_the_stock_layer(rng, name):
    query, value = pair(rng)
    # Every row sees something: where none is seen, the stock layer's scores are 0 when
    # they are returned and uniform when not; ours are always uniform.
    mask = (rng.random((3, 5, 7)) < 0.6) | np.eye(5, 7, dtype=bool)
    ours = built(rng, query, value, **STOCK_CASES[name])
    stock = keras.layers.MultiHeadAttention(4, 6, **STOCK_CASES[name])
    stock(query, value)
    stock.set_weights(ours.get_weights())
    assert [(w.name, w.shape) for w in ours.weights] == [
        (w.name, w.shape) for w in stock.weights
    ]
    for arguments in (
        {},
        {"attention_mask": mask},
        {"use_causal_mask": True},
        {"attention_mask": mask, "return_attention_scores": True},
        {"value_mask": padding([7, 3, 1], 7), "use_causal_mask": True},
    ):
        close(ours(query, value, **arguments), stock(query, value, **arguments))
    ours.set_weights([0 * w for w in ours.get_weights()])
    ours.set_weights(stock.get_weights())
    close(ours(query, value), stock(query, value))


@pytest.mark.parametrize("axes", [None, (1,), (2,), (-2,), (1, 2)])
def test_equals_the_stock_layer_on_a_grid(rng, axes):
    query = floats(rng, 2, 3, 4, 8)
    ours = built(rng, query, query, attention_axes=axes)
    stock = keras.layers.MultiHeadAttention(4, 6, attention_axes=axes)
    stock(query, query)
    stock.set_weights(ours.get_weights())
    scores = {"return_attention_scores": True}
    close(ours(query, query, **scores), stock(query, query, **scores))


def test_grid_mask(rng):
    query = floats(rng, 2, 3, 4, 8)
    ours = built(rng, query, query, attention_axes=(2,))
    mask = rng.random((2, 3, 4, 4)) < 0.6
    row = built(rng, query[:, 0], query[:, 0])
    row.set_weights(ours.get_weights())
    expected = [
        row(query[:, i], query[:, i], attention_mask=mask[:, i]) for i in range(3)
    ]
    close(ours(query, query, attention_mask=mask), ops.stack(expected, axis=1))


def test_loads_a_weight_file_of_the_stock_layer(rng, tmp_path):
    query, value = pair(rng)
    models = []
    for layer in (keras.layers.MultiHeadAttention(4, 6), MultiHeadAttention(4, 6)):
        inputs = [keras.Input(x.shape[1:]) for x in (query, value)]
        models.append(keras.Model(inputs, layer(*inputs)))
    models[0].save_weights(tmp_path / "stock.weights.h5")
    models[1].load_weights(tmp_path / "stock.weights.h5")
    close(models[1]([query, value]), models[0]([query, value]))


@pytest.mark.parametrize("implementation", ["equation", "chunked"])
def test_explicit_masks_add_up(rng, implementation):
    query, value = pair(rng)
    layer = built(rng, query, value, implementation=implementation)
    rows, keys = padding([5, 2, 4], 5), padding([7, 3, 1], 7)
    by_hand = rows[:, :, None] & keys[:, None, :] & np.tri(5, 7, dtype=bool)
    separate = layer(
        query, value, query_mask=rows, value_mask=keys, use_causal_mask=True
    )
    close(separate, layer(query, value, attention_mask=by_hand))


def test_implicit_masks_equal_explicit_ones(rng):
    token_ids = np.array([[5, 2, 0, 0], [3, 0, 0, 0], [1, 2, 3, 4]])
    embedded = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)
    layer = built(rng, numpy(embedded), numpy(embedded))
    keep = token_ids != 0
    explicit = layer(numpy(embedded), numpy(embedded), query_mask=keep, value_mask=keep)
    close(layer(embedded, embedded), explicit)


def test_explicit_query_mask_is_not_overwritten(rng):
    token_ids = np.array([[5, 2, 0, 0], [3, 0, 0, 0], [1, 2, 3, 4]])
    embedded = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)
    layer = built(rng, numpy(embedded), numpy(embedded))
    everything = np.ones((3, 4), bool)
    close(
        layer(embedded, embedded, query_mask=everything, value_mask=everything),
        layer(numpy(embedded), numpy(embedded)),
    )


@pytest.mark.parametrize("dtype", ["int32", "int8", "bool"])
def test_zeros_and_ones_are_booleans(rng, dtype):
    query, value = pair(rng)
    layer = built(rng, query, value)
    mask = rng.random((3, 5, 7)) < 0.6
    close(
        layer(query, value, attention_mask=mask.astype(dtype)),
        layer(query, value, attention_mask=mask),
    )


@pytest.mark.parametrize("implementation", ["equation", "chunked", "auto"])
def test_the_future_changes_nothing(rng, implementation):
    x = floats(rng, 2, 9, 8)
    layer = built(rng, x, x, implementation=implementation, rotary=rotated())
    before = numpy(layer(x, x, use_causal_mask=True))
    x[:, 5:] = 7
    after = numpy(layer(x, x, use_causal_mask=True))
    close(after[:, :5], before[:, :5], 1e-6)
    assert np.abs(after[:, 5:] - before[:, 5:]).min(axis=-1).max() > 1e-3


@pytest.mark.parametrize("implementation", ["equation", "chunked", "auto"])
def test_masked_content_changes_nothing(rng, implementation):
    query, value = pair(rng)
    layer = built(rng, query, value, implementation=implementation)
    keep = padding([7, 3, 1], 7)
    before = layer(query, value, value_mask=keep)
    value[~keep] = 99
    close(layer(query, value, value_mask=keep), before)


@pytest.mark.parametrize("implementation", ["equation", "chunked", "auto"])
def test_a_row_that_sees_nothing_is_the_mean(rng, implementation):
    query, value = pair(rng)
    layer = built(rng, query, value, implementation=implementation)
    nothing = np.zeros((3, 5, 7), bool)
    output = numpy(layer(query, value, attention_mask=nothing))
    mean = numpy(layer(query, value.mean(axis=1, keepdims=True)))
    close(output, mean)


def test_rotary_depends_on_distance_alone(rng):
    x = floats(rng, 2, 9, 8)
    x[:, 4:8] = x[:, :4]
    layer = built(rng, x, x, rotary=rotated())
    _, scores = numpy(layer(x, x, return_attention_scores=True))
    ratio = np.log(scores[:, :, 0:4, 0:4]) - np.log(scores[:, :, 4:8, 4:8])
    close(ratio, np.broadcast_to(ratio[..., :1], ratio.shape), 1e-4)


@pytest.mark.parametrize("groups", [4, 2])
@pytest.mark.parametrize("step", [1, 3])
def test_decoding_with_a_cache_equals_the_whole(rng, groups, step):
    x = floats(rng, 2, 9, 8)
    arguments = {"num_key_value_heads": groups, "rotary": rotated()}
    layer = built(rng, x, x, **arguments)
    whole = layer(x, x, use_causal_mask=True)
    cache = np.full((2, 2, 12, groups, 6), 99, "float32")  # never looked at
    outputs = []
    for start in range(0, 9, step):
        part = x[:, start : start + step]
        output, cache = layer(
            part, part, use_causal_mask=True, cache=cache, cache_update_index=start
        )
        outputs.append(output)
    close(ops.concatenate(outputs, axis=1), whole)


@pytest.mark.parametrize("groups", [4, 2, 1])
def test_a_single_query_equals_the_equation(rng, groups):
    query, value = pair(rng, query_length=1)
    layer = built(rng, query, value, num_key_value_heads=groups, value_dim=5)
    for mask in (
        rng.random((3, 1, 7)) < 0.6,
        rng.random((3, 4, 1, 7)) < 0.6,
        np.zeros((3, 1, 7), bool),
        None,
    ):
        rows = np.array([[True], [False], [True]])
        arguments = {"attention_mask": mask, "query_mask": rows}
        expected, _ = layer(query, value, return_attention_scores=True, **arguments)
        close(layer(query, value, **arguments), expected)


def test_a_cache_that_is_complete(rng):
    query, value = pair(rng)
    layer = built(rng, query, value)
    empty = np.zeros((3, 2, 7, 4, 6), "float32")
    output, cache = layer(query, value, cache=empty, cache_update_index=0)
    close(output, layer(query, value))
    again, same = layer(query, 0 * value, cache=cache)
    close(again, output)
    close(same, cache)
    assert not np.any(empty)


def test_the_order_of_results(rng):
    query, value = pair(rng)
    layer = built(rng, query, value)
    cache = np.zeros((3, 2, 7, 4, 6), "float32")
    results = layer(
        query, value, cache=cache, cache_update_index=0, return_attention_scores=True
    )
    shapes = [tuple(result.shape) for result in results]
    assert shapes == [(3, 5, 8), (3, 4, 5, 7), (3, 2, 7, 4, 6)]


def test_dropout_works_in_training_only(rng):
    query, value = pair(rng)
    layer = built(rng, query, value, dropout=0.5, seed=1)
    still = numpy(layer(query, value, training=False))
    close(layer(query, value), still)
    assert np.abs(numpy(layer(query, value, training=True)) - still).max() > 1e-3


def test_lora_takes_part(rng):
    query, value = pair(rng)
    layer = built(rng, query, value)
    before = numpy(layer(query, value))
    layer.query_dense.enable_lora(2)
    close(layer(query, value), before)
    layer.query_dense.lora_kernel_b.assign(
        np.ones(layer.query_dense.lora_kernel_b.shape)
    )
    assert np.abs(numpy(layer(query, value)) - before).max() > 1e-3


def test_a_single_row_is_projected_like_any_other(rng):
    layer = MultiHeadAttention(num_heads=2, key_dim=4)
    x = floats(rng, 1, 3, 6)
    layer.build((None, None, 6), (None, None, 6))
    randomize(layer, rng)
    whole, alone = layer.query_dense(x), layer.query_dense(x[:, 1:2])
    assert tuple(alone.shape) == (1, 1, 2, 4)
    close(alone, numpy(whole)[:, 1:2])
