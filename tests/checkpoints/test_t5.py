"""T5 in a `Seq2Seq`, against `transformers`: the same states, logits and texts."""

import json

import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE, changed, padded, saved
from tlkeras.checkpoints import from_preset, load_tokenizer, save_to_preset
from tlkeras.generation import generate

pytestmark = pytest.mark.parity
SHAPES = {
    "first": {
        "vocab_size": 97,
        "d_model": 48,
        "d_kv": 7,  # heads that are no part of D
        "d_ff": 80,
        "num_layers": 3,
        "num_heads": 4,
    },
    "untied": {  # as T5 1.1 and Flan-T5
        "vocab_size": 61,
        "d_model": 20,
        "d_kv": 8,
        "d_ff": 31,
        "num_layers": 2,
        "num_decoder_layers": 4,
        "num_heads": 6,
        "relative_attention_num_buckets": 10,
        "relative_attention_max_distance": 17,  # below the length of the texts
        "feed_forward_proj": "gated-gelu",
        "layer_norm_epsilon": 1e-3,
        "tie_word_embeddings": False,
    },
    "gated, tied and not scaled": {
        "vocab_size": 53,
        "d_model": 16,
        "d_kv": 4,
        "d_ff": 24,
        "num_layers": 1,
        "num_heads": 4,
        "initializer_factor": 0.5,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
    },
}
LENGTH = 23


def made(folder, shape):
    """Their model, saved; `transformers` 5 ties all of them until a file differs."""
    import torch
    from safetensors.torch import load_file, save_file

    config = SHAPES[shape]
    theirs = saved(folder, "T5", "ForConditionalGeneration", config)
    norm = theirs.decoder.final_layer_norm.weight
    norm.data = torch.randn_like(norm)  # else each word is followed by itself
    theirs.save_pretrained(folder)
    if shape == "untied":
        head = 0.2 * torch.randn(config["vocab_size"], config["d_model"])
        theirs.lm_head.weight = torch.nn.Parameter(head)
        path = folder / "model.safetensors"
        save_file({**load_file(path), "lm_head.weight": head}, path)
        found = json.loads((folder / "config.json").read_text())
        del found["scale_decoder_outputs"]  # which older versions did not write
        (folder / "config.json").write_text(json.dumps(found))
        changed(folder, {"tie_word_embeddings": False})
    return theirs


def texts(shape):
    """Sources `(4, 19)` without segments, and targets `(4, 23)` that begin with 0."""
    size = SHAPES[shape]["vocab_size"]
    source = padded(size)
    del source["segment_ids"]
    target = np.random.default_rng(1).integers(1, size, (4, LENGTH))
    target[:, 0] = 0
    return source, target


def tensors(source):
    import torch

    return {
        "input_ids": torch.tensor(source["token_ids"]),
        "attention_mask": torch.tensor(source["padding_mask"].astype("int64")),
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_random_checkpoints(tmp_path, capsys, shape):
    import torch

    theirs = made(tmp_path, shape)
    model, report = from_preset(tmp_path, return_report=True)
    source, target = texts(shape)
    with torch.no_grad():
        wanted = theirs(
            **tensors(source),
            decoder_input_ids=torch.tensor(target),
            output_attentions=True,
        )
    logits, scores = model(
        {"source": source, "target_ids": target}, return_attention_scores=True
    )
    memory, keep = model.encoder.read(source)
    keep = ops.convert_to_numpy(keep).astype(bool)
    pairs = [
        (ops.convert_to_numpy(memory)[keep], wanted.encoder_last_hidden_state[keep]),
        (logits, wanted.logits),
        *zip(scores["decoder"], wanted.decoder_attentions, strict=True),
        *zip(scores["memory"], wanted.cross_attentions, strict=True),
    ]
    gaps = [
        np.abs(ops.convert_to_numpy(ours) - their.numpy()).max()
        for ours, their in pairs
    ]
    with capsys.disabled():
        print(f"\nT5 {shape}: {max(gaps):.1e}", end=" ")
    assert max(gaps) < TOLERANCE
    assert report.left_out == report.fresh == ()


@pytest.mark.parametrize("shape", ["first", "untied"])
def test_generation_with_a_cache(tmp_path, shape):
    """Greedy texts of the same tokens."""
    theirs = made(tmp_path, shape)
    model = from_preset(tmp_path)
    source, _ = texts(shape)
    wanted = theirs.generate(
        **tensors(source),
        do_sample=False,
        num_beams=1,
        max_new_tokens=LENGTH - 1,
        decoder_start_token_id=0,
        eos_token_id=1,
        use_cache=False,  # whose cache is as deep as the encoder
    ).numpy()
    cache = model.initial_cache(source, LENGTH)
    prompt = np.zeros((4, 1), "int32")
    found = ops.convert_to_numpy(generate(model.step, prompt, LENGTH, 1, cache))
    assert len(np.unique(found)) > 4
    np.testing.assert_array_equal(found[:, : wanted.shape[1]], wanted)
    assert (found[:, wanted.shape[1] :] == 0).all()


def test_it_is_one_of_ours_then(tmp_path):
    made(tmp_path / "theirs", "untied")
    model = from_preset(tmp_path / "theirs", dropout=0.3)
    assert model.dropout == model.encoder.get_config()["dropout"] == 0.3
    save_to_preset(model, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")
    source, target = texts("untied")
    inputs = {"source": source, "target_ids": target}
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(x(inputs)) for x in (model, again))
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_encoder_decoder": False}, "is_encoder_decoder must be True"),
        (
            {"feed_forward_proj": "gated-silu"},
            "feed_forward_proj must be one of 'relu'",
        ),
        ({"feed_forward_proj": "gated-gelu"}, r"lacks .*wi_0"),
        ({"d_kv": 6}, r"must have shape \(24, 48\)"),
        ({"num_layers": 4}, r"lacks encoder\.block\.3\."),
        ({"num_decoder_layers": 2}, r"config has no place.*decoder\.block\.2\."),
        ({"tie_word_embeddings": False}, r"lacks lm_head\.weight"),
        (
            {"relative_attention_num_buckets": 16},
            r"relative_attention_bias\.weight must have shape \(16, 4\)",
        ),
        ({"relative_attention_max_distance": 4}, "num_buckets must be even, at least"),
    ],
)
def test_a_config_that_differs(tmp_path, change, message):
    made(tmp_path, "first")
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)


def test_a_head_that_is_not_the_table(tmp_path):
    """The first T5 shares them; a file in which they differ is no such."""
    made(tmp_path, "untied")
    changed(tmp_path, {"tie_word_embeddings": True})
    with pytest.raises(
        ValueError, match=r"lm_head\.weight .* must hold the numbers of"
    ):
        from_preset(tmp_path)


def test_its_tokenizer(tmp_path):
    """SentencePiece's Unigram, of the tokenizer.json that `transformers` writes."""
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -3.0) for word in ("the", "mean", "an", "sum", "trans")]
    pieces += [(letter, -6.0 - i / 10) for i, letter in enumerate("aeghimnortsul")]
    theirs = T5Tokenizer(vocab=[*pieces, ("ing", -4.0)], extra_ids=2)
    theirs.save_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path)
    texts = ["the meaning", "transmit an sum", "  an <extra_id_0> zigzag the", ""]
    for text in texts:
        assert list(ours.encode(text)) == theirs(text)["input_ids"], text
    assert ours.tokens(ours.encode("the meaning")) == ["▁the", "▁mean", "ing", "</s>"]
    assert (ours.padding_id, ours.end_id, ours.unknown_id) == (0, 1, 2)
    assert ours.decode(ours.encode("the meaning")) == "the meaning"
