"""CLIP, its text tower and its losses: what they promise beyond the contract."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.layers.feed_forward import quick_gelu
from tlkeras.models import (
    CLIP,
    CLIPTextEncoder,
    SpeechEncoder,
    ViT,
    contrastive_loss,
    sigmoid_contrastive_loss,
)

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
END = 2


def text_tower(**arguments):
    return randomized(CLIPTextEncoder(30, **{**SIZES, "end_id": END, **arguments}))


def clip(**arguments):
    image = randomized(ViT((8, 8, 1), 4, **SIZES))  # kernels of 0.02 learn too late
    return CLIP(image, text_tower(), **{"projection_dim": 6, **arguments})


def randomized(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def numpy(x):
    return ops.convert_to_numpy(x)


def pairs(count=5):
    rng = np.random.default_rng(1)
    tokens = rng.integers(3, 30, (count, 6))
    tokens[:, 4] = END
    images = rng.random((count, 8, 8, 1)).astype("float32")
    return {"images": images, "texts": tokens}


# The text tower


def test_a_text_ends_at_its_first_end():
    model = text_tower()
    tokens = pairs()["texts"]
    others = tokens.copy()
    others[:, 5] = END
    first, second = (model(x) for x in (tokens, others))
    np.testing.assert_allclose(
        numpy(first["pooled_output"]), numpy(second["pooled_output"]), atol=1e-6
    )
    np.testing.assert_allclose(
        numpy(first["pooled_output"]),
        numpy(first["sequence_output"])[:, 4],
        atol=1e-6,
    )
    earlier = tokens.copy()
    earlier[:, 0] = tokens[:, 0] % 20 + 4
    assert np.abs(numpy(model(earlier)["pooled_output"] - first["pooled_output"])).max()


def test_no_token_sees_later_ones_unless_told():
    tokens = pairs()["texts"]
    others = tokens.copy()
    others[:, 3] = others[:, 3] % 20 + 4
    for causal in (True, False):
        model = text_tower(use_causal_mask=causal)
        a, b = (numpy(model(x)["sequence_output"])[:, :3] for x in (tokens, others))
        assert (np.abs(a - b).max() < 1e-6) == causal


def test_without_an_end_the_last_position_counts():
    tokens = pairs()["texts"]
    outputs = text_tower(end_id=None)(tokens)
    np.testing.assert_array_equal(
        numpy(outputs["pooled_output"]), numpy(outputs["sequence_output"])[:, -1]
    )
    tokens[:, 4] = 5  # there is none, although the model knows one
    outputs = text_tower()(tokens)
    np.testing.assert_allclose(
        numpy(outputs["pooled_output"]),
        numpy(outputs["sequence_output"])[:, -1],
        atol=1e-6,
    )


def test_token_ids_alone_or_in_a_dictionary():
    model, tokens = text_tower(), pairs()["texts"]
    given = {"token_ids": tokens, "padding_mask": tokens > 20}
    np.testing.assert_array_equal(
        numpy(model(tokens)["pooled_output"]), numpy(model(given)["pooled_output"])
    )
    full = model(given, return_hidden_states=True, return_attention_scores=True)
    assert [x.shape for x in full["hidden_states"]] == [(5, 6, 8)] * 3
    for scores in full["attention_scores"]:
        assert np.abs(numpy(scores)[..., 5]).max() == 0  # behind the end


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"segment_ids": np.zeros((1, 2), int)}, "dictionary of token_ids"),
        (np.full((1, 2), 30), "below vocabulary_size = 30"),
        (np.zeros((1, 78), int), "at most max_sequence_length=77"),
        (np.zeros(3, int), "token_ids must"),
    ],
)
def test_texts_that_are_none(inputs, message):
    with pytest.raises(ValueError, match=message):
        text_tower()(inputs)


# The comparison


def test_cosines_times_the_scale():
    model = randomized(clip())
    found = model(pairs())
    images, texts = (numpy(found[f"{x}_embeddings"]) for x in ("image", "text"))
    for x in (images, texts):
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)
    scale = np.exp(numpy(model.comparison.logit_scale))
    np.testing.assert_allclose(numpy(found["logits"]), scale * images @ texts.T, 1e-4)
    np.testing.assert_allclose(
        numpy(model.embed_texts(pairs()["texts"])), texts, atol=1e-6
    )
    pooled = numpy(model.image_encoder(pairs()["images"])["pooled_output"])
    projected = pooled @ numpy(model.image_projection.kernel)
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    np.testing.assert_allclose(images, projected, atol=1e-5)


def test_as_many_texts_as_there_are():
    given = pairs()
    logits = clip()({**given, "texts": given["texts"][:2]})["logits"]
    assert tuple(logits.shape) == (5, 2)


def test_where_temperature_and_bias_begin():
    assert float(numpy(clip().comparison.logit_scale)) == pytest.approx(
        np.log(1 / 0.07)
    )
    sigmoid = clip(objective="sigmoid").comparison
    assert float(numpy(sigmoid.logit_scale)) == pytest.approx(np.log(10))
    assert float(numpy(sigmoid.logit_bias)) == -10
    assert clip().comparison.logit_bias is None


@pytest.mark.parametrize("jit", [False, True])
def test_training_finds_pairs_and_keeps_the_scale(jit):
    keras.utils.set_random_seed(0)
    model = clip(temperature=1 / 49, max_scale=50.0)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=jit)
    history = model.fit(pairs(), epochs=40, batch_size=5, verbose=0).history["loss"]
    assert history[-1] < 0.3 * history[0]
    assert np.exp(numpy(model.comparison.logit_scale)) <= 50 * (1 + 1e-5)
    logits = numpy(model(pairs())["logits"])
    assert (logits.argmax(axis=1) == np.arange(5)).mean() > 0.5


def test_a_scale_that_the_clip_holds_can_still_fall():
    model = clip(temperature=1 / 50, max_scale=50.0)
    model.compile(keras.optimizers.SGD(1.0))
    before = float(numpy(model.comparison.logit_scale))
    model.train_on_batch(pairs())  # random pairs: a smaller scale is better
    assert float(numpy(model.comparison.logit_scale)) < before


def test_a_locked_tower_stays():
    model = clip()
    model.image_encoder.trainable = False
    before = [numpy(x) for x in model.image_encoder.weights]
    model.compile(keras.optimizers.Adam(0.1))
    model.fit(pairs(), verbose=0)
    for old, new in zip(before, model.image_encoder.weights, strict=True):
        np.testing.assert_array_equal(old, numpy(new))


def test_labels_are_refused():
    model = clip()
    model.compile("adam")
    with pytest.raises(ValueError, match="y and sample_weight must be None"):
        model.fit(pairs(), np.arange(5), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text_encoder": SpeechEncoder}, "text_encoder must be an encoder"),
        ({"projection_dim": 0}, "projection_dim must be"),
        ({"objective": "hinge"}, "objective must be"),
        ({"temperature": 0.0}, "temperature must be"),
        ({"max_scale": -1.0}, "max_scale must be"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    towers = {"image_encoder": ViT((8, 8, 1), 4, **SIZES), "text_encoder": text_tower()}
    with pytest.raises(ValueError, match=message):
        CLIP(**{**towers, **arguments})


def test_inputs_of_one_kind():
    with pytest.raises(ValueError, match="embed_images or embed_texts"):
        clip()({"images": pairs()["images"]})
    with pytest.raises(ValueError, match="end_id must be below vocabulary_size = 30"):
        text_tower(end_id=30)
    with pytest.raises(ValueError, match="use_class_token must be False"):
        ViT((8, 8, 1), 4, **SIZES, use_attention_pooling=True)


# The losses


def test_contrastive_loss_in_float64():
    logits = np.random.default_rng(0).normal(size=(6, 6))
    powers = np.exp(logits)
    right = np.diagonal(powers)
    wanted = -0.5 * (
        np.log(right / powers.sum(axis=1)) + np.log(right / powers.sum(axis=0))
    )
    assert float(contrastive_loss(logits)) == pytest.approx(wanted.mean(), abs=1e-6)
    assert float(contrastive_loss(logits.T)) == pytest.approx(wanted.mean(), abs=1e-6)
    assert np.isfinite(float(contrastive_loss(1e4 * logits)))


def test_sigmoid_loss_in_float64():
    logits = np.random.default_rng(0).normal(size=(6, 6))
    signs = 2 * np.eye(6) - 1
    wanted = np.log1p(np.exp(-signs * logits)).sum() / 6
    assert float(sigmoid_contrastive_loss(logits)) == pytest.approx(wanted, abs=1e-5)
    assert np.isfinite(float(sigmoid_contrastive_loss(1e4 * logits)))


@pytest.mark.parametrize("loss", [contrastive_loss, sigmoid_contrastive_loss])
def test_losses_want_pairs(loss):
    with pytest.raises(ValueError, match="a text for each image"):
        loss(np.zeros((3, 4)))


def test_quick_gelu():
    x = np.linspace(-3, 3, 7).astype("float32")
    wanted = x / (1 + np.exp(-1.702 * x.astype("float64")))
    np.testing.assert_allclose(numpy(quick_gelu(x)), wanted, atol=1e-6)
    layer = text_tower(activation="quick_gelu").transformer_layers[0]
    config = layer.get_config()
    assert type(layer).from_config(config).activation is quick_gelu
