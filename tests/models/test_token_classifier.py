"""Heads on every token: against BERT of transformers, at padding, and in training."""

import tempfile

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert, SpanClassifier, SpeechEncoder, TokenClassifier
from tlkeras.spans import best_span, token_spans

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}


def bert(**others):
    keras.utils.set_random_seed(0)
    return Bert(40, max_sequence_length=12, **SIZES, **others)


def texts(lengths=(7, 3)):
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 40, (len(lengths), max(lengths)))
    keep = np.arange(max(lengths)) < np.array(lengths)[:, None]
    return {
        "token_ids": np.where(keep, tokens, 0),
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": keep,
    }


def test_a_head_is_a_linear_map_of_each_token():
    model, inputs = TokenClassifier(bert(), num_classes=5), texts()
    x = ops.convert_to_numpy(model.backbone(inputs)["sequence_output"])
    kernel, bias = model.head.get_weights()
    np.testing.assert_allclose(model(inputs), x @ kernel + bias, atol=1e-5)


def test_a_span_is_not_in_the_padding():
    model, inputs = SpanClassifier(bert()), texts()
    x = ops.convert_to_numpy(model.backbone(inputs)["sequence_output"])
    kernel, bias = model.head.get_weights()
    logits, keep = x @ kernel + bias, inputs["padding_mask"]
    for column, name in enumerate(("start", "end")):
        found = ops.convert_to_numpy(model(inputs)[name])
        np.testing.assert_allclose(found[keep], logits[..., column][keep], atol=1e-5)
        assert (found[~keep] == -1e9).all()


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_the_padding_is_hidden_in_half_precision(dtype):
    model, inputs = SpanClassifier(bert(dtype=dtype)), texts()
    found = ops.convert_to_numpy(model(inputs)["start"])
    assert found.dtype == np.float32
    assert (found[~inputs["padding_mask"]] == np.float32(-1e9)).all()


def test_it_learns_where_answers_stand():
    """The answer is token 39 and what follows it; in some texts there is none."""
    rng = np.random.default_rng(0)
    tokens, places = rng.integers(2, 39, (128, 8)), rng.integers(1, 7, 128)
    tokens[:, 0] = 1
    none = np.arange(128) % 4 == 0
    tokens[np.arange(128)[~none], places[~none]] = 39
    offsets = np.stack([np.arange(8), np.arange(8) + 1], axis=-1)
    offsets[0] = 0
    spans = [token_spans([offsets], at, at + 2)[0] for at in places]
    spans = np.where(none[:, None], 0, spans)
    inputs = {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
    }
    model = SpanClassifier(bert(), dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss={"start": loss, "end": loss})
    model.fit(inputs, {"start": spans[:, 0], "end": spans[:, 1]}, epochs=30, verbose=0)
    found = model.predict(inputs, verbose=0)
    answers = [
        best_span([start], [end], [offsets])
        for start, end in zip(found["start"], found["end"], strict=True)
    ]
    right = [
        answer is None if empty else (answer and answer.start == at)
        for answer, empty, at in zip(answers, none, places, strict=True)
    ]
    assert np.mean(right) > 0.95


@pytest.mark.parametrize("head", [TokenClassifier, SpanClassifier])
@pytest.mark.parametrize("backbone", ["bert", None, "speech"])
def test_the_backbone_reads_texts(head, backbone):
    if backbone == "speech":
        backbone = SpeechEncoder(num_mels=20, **SIZES)
    more = {"num_classes": 3} if head is TokenClassifier else {}
    with pytest.raises(ValueError, match="encoder of texts"):
        head(backbone, **more)


def test_classes_are_counted():
    with pytest.raises(ValueError, match="num_classes"):
        TokenClassifier(bert(), num_classes=0)


@pytest.mark.parity
def test_spans_of_transformers():
    """The same weights and texts in BertForQuestionAnswering."""
    import torch
    import transformers

    from tlkeras.checkpoints import from_preset

    config = transformers.BertConfig(
        vocab_size=40,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    theirs = transformers.BertForQuestionAnswering(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.3)
    inputs = texts()
    with tempfile.TemporaryDirectory() as folder:
        theirs.bert.save_pretrained(folder)
        ours = SpanClassifier(from_preset(folder, use_pooler=False))
    ours.head.set_weights(
        [
            theirs.qa_outputs.weight.detach().numpy().T,
            theirs.qa_outputs.bias.detach().numpy(),
        ]
    )
    with torch.no_grad():
        wanted = theirs(
            input_ids=torch.tensor(inputs["token_ids"]),
            token_type_ids=torch.tensor(inputs["segment_ids"]),
            attention_mask=torch.tensor(inputs["padding_mask"].astype("int64")),
        )
    keep, found = inputs["padding_mask"], ours(inputs)
    for name in ("start", "end"):
        theirs_too = wanted[f"{name}_logits"].numpy()
        size = max(1, abs(theirs_too[keep]).max())
        np.testing.assert_allclose(
            ops.convert_to_numpy(found[name])[keep], theirs_too[keep], atol=1e-5 * size
        )
