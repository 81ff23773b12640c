"""The decoder against KerasHub's, with and without caches, and by what it does."""

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, padding, randomize
from keras import ops

from tlkeras.layers import RotaryEmbedding, TransformerDecoder

keras_hub = pytest.importorskip("keras_hub")

TARGET, SOURCE = (None, None, 8), (None, None, 6)


def pair(rng, source=SOURCE, **arguments):
    """Ours and KerasHub's with the same random weights."""
    arguments = {"intermediate_dim": 11, "num_heads": 4, **arguments}
    ours = TransformerDecoder(**arguments)
    hub = keras_hub.layers.TransformerDecoder(**arguments)
    ours.build(TARGET, source)
    hub.build(TARGET, source)
    randomize(ours, rng)
    hub.set_weights(ours.get_weights())
    return ours, hub


@pytest.mark.parametrize("normalize_first", [False, True])
def test_equals_keras_hub(rng, normalize_first):
    ours, hub = pair(rng, normalize_first=normalize_first)
    target, source = floats(rng, 3, 5, 8), floats(rng, 3, 7, 6)
    for masks in (
        {},
        {"use_causal_mask": False},
        {"decoder_padding_mask": padding([5, 3, 1], 5)},
        {"decoder_attention_mask": rng.random((3, 5, 5)) < 0.6},
        {"encoder_padding_mask": padding([7, 2, 4], 7)},
        {"encoder_attention_mask": rng.random((3, 5, 7)) < 0.6},
    ):
        close(ours(target, source, **masks), hub(target, source, **masks))


def test_equals_keras_hub_without_cross_attention(rng):
    ours, hub = pair(rng, source=None)
    target = floats(rng, 3, 5, 8)
    close(ours(target), hub(target))
    assert [w.path.split("/", 1)[1] for w in ours.weights] == [
        w.path.split("/", 1)[1] for w in hub.weights
    ]


def test_rms_gate_and_shared_heads_equal_the_llama_of_keras_hub(rng):
    from keras_hub.src.models.llama.llama_decoder import LlamaTransformerDecoder

    ours = TransformerDecoder(
        12,
        4,
        normalize_first=True,
        num_key_value_heads=2,
        rotary=RotaryEmbedding(100),
        normalization="rms",
        activation="swiglu",
        use_bias=False,
    )
    hub = LlamaTransformerDecoder(12, 4, 2, rope_max_wavelength=100)
    x, keep = floats(rng, 3, 5, 8), padding([5, 3, 1], 5)
    for layer in (ours, hub):
        layer.build(x.shape)
    randomize(ours, rng)
    weights = {w.path.split("/", 1)[1]: w for w in ours.weights}
    for weight in hub.weights:
        name = weight.path.split("/", 1)[1].replace("layernorm", "layer_norm")
        weight.assign(weights.pop(name))
    assert not weights
    found = ours(x, decoder_padding_mask=keep)
    close(found, hub(x, decoder_padding_mask=keep))


def test_loads_a_weight_file_of_keras_hub(rng, tmp_path):
    models = []
    for layer in pair(rng):
        inputs = [keras.Input((5, 8)), keras.Input((7, 6))]
        models.append(keras.Model(inputs, layer(*inputs)))
    ours, hub = models
    hub.save_weights(tmp_path / "hub.weights.h5")
    randomize(ours, rng)
    ours.load_weights(tmp_path / "hub.weights.h5")
    x = [floats(rng, 3, 5, 8), floats(rng, 3, 7, 6)]
    close(ours(x), hub(x))


def test_reads_a_config_of_keras_hub(rng):
    _, hub = pair(rng)
    layer = TransformerDecoder.from_config(hub.get_config())
    assert [w.shape for w in layer.weights] == [w.shape for w in hub.weights]


def test_implicit_masks_equal_those_of_keras_hub(rng):
    token_ids = np.array([[5, 2, 1, 0], [3, 2, 0, 0], [1, 2, 3, 4]])
    target = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)
    source = keras.layers.Embedding(9, 6, mask_zero=True)(token_ids)
    ours, hub = pair(rng)
    close(ours(target, source), hub(target, source))


def test_the_future_changes_nothing(rng):
    ours, _ = pair(rng)
    target, source = floats(rng, 3, 5, 8), floats(rng, 3, 7, 6)
    before = numpy(ours(target, source))
    target[:, 3:] = 7
    after = numpy(ours(target, source))
    close(after[:, :3], before[:, :3], 1e-6)
    assert np.abs(after[:, 3:] - before[:, 3:]).max() > 1e-3


def decode(layer, target, source, length=9, step=1):
    """All outputs, token by token, with both caches."""
    caches = {
        "self_attention_cache": np.zeros((3, 2, length, 4, 2), "float32"),
        "cross_attention_cache": np.zeros((3, 2, source.shape[1], 4, 2), "float32"),
    }
    outputs = []
    for start in range(0, target.shape[1], step):
        output, *updated = layer(
            target[:, start : start + step],
            source,
            self_attention_cache_update_index=start,
            cross_attention_cache_update_index=0 if start == 0 else None,
            **caches,
        )
        caches = dict(zip(caches, updated, strict=True))
        outputs.append(output)
    return ops.concatenate(outputs, axis=1)


@pytest.mark.parametrize("step", [1, 2])
def test_decoding_with_caches_equals_the_whole_and_keras_hub(rng, step):
    ours, hub = pair(rng)
    target, source = floats(rng, 3, 6, 8), floats(rng, 3, 7, 6)
    whole = ours(target, source)
    close(decode(ours, target, source, step=step), whole)
    close(decode(hub, target, source, step=step), whole)


def test_decoding_with_rotary_positions_equals_the_whole(rng):
    layer = TransformerDecoder(11, 4, rotary=RotaryEmbedding(max_wavelength=50))
    target, source = floats(rng, 3, 6, 8), floats(rng, 3, 7, 6)
    whole = layer(target, source)
    close(decode(layer, target, source), whole)


@pytest.mark.parametrize("whole_cache", [False, True])
def test_padding_in_a_cache_is_not_seen(rng, whole_cache):
    ours, _ = pair(rng, source=None)
    target, keep = floats(rng, 3, 5, 8), padding([5, 3, 1], 5)
    whole = numpy(ours(target, decoder_padding_mask=keep))
    output, _ = ours(
        target,
        decoder_padding_mask=padding([5, 3, 1], 9) if whole_cache else keep,
        self_attention_cache=np.zeros((3, 2, 9, 4, 2), "float32"),
        self_attention_cache_update_index=0,
    )
    close(numpy(output)[keep], whole[keep])


def test_decoding_in_a_compiled_loop(rng):
    if keras.backend.backend() == "torch":
        pytest.skip("torch has no compiled loop here")
    ours, _ = pair(rng, source=None)
    target = floats(rng, 3, 6, 8)

    def loop(target):
        def step(i, state):
            cache, outputs = state
            token = ops.slice(target, (0, i, 0), (3, 1, 8))
            output, cache = ours(
                token, self_attention_cache=cache, self_attention_cache_update_index=i
            )
            return cache, ops.slice_update(outputs, (0, i, 0), output)

        start = (ops.zeros((3, 2, 6, 4, 2)), ops.zeros((3, 6, 8)))
        return ops.fori_loop(0, 6, step, start)[1]

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        loop = tf.function(loop, jit_compile=True)
        target = tf.constant(target)
    else:
        import jax

        loop = jax.jit(loop)
    close(loop(target), ours(target))


def test_scores_on_request(rng):
    ours, _ = pair(rng)
    target, source = floats(rng, 3, 5, 8), floats(rng, 3, 7, 6)
    output, self_scores, cross_scores = ours(
        target, source, return_attention_scores=True
    )
    close(output, ours(target, source))
    close(ops.sum(self_scores, axis=-1), np.ones((3, 4, 5)))
    close(ops.sum(cross_scores, axis=-1), np.ones((3, 4, 5)))
    assert np.all(numpy(self_scores)[..., ~np.tri(5, dtype=bool)] == 0)
