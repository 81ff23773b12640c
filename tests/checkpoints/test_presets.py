"""Presets: what loads, what comes back, and what is refused and why."""

import json

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file, save_file

from tlkeras.checkpoints import from_preset, preprocessor, save_to_preset, sources
from tlkeras.checkpoints.bert import hugging_face_name
from tlkeras.checkpoints.weight_files import sha256_of
from tlkeras.models import Bert, BertMaskedLM

CONFIG = {
    "model_type": "bert",
    "vocab_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": 8,
    "intermediate_size": 12,
    "max_position_embeddings": 11,
    "type_vocab_size": 3,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
}


def bert():
    return Bert(
        40,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        max_sequence_length=11,
        num_segments=3,
        layer_norm_epsilon=1e-6,
    )


def inputs():
    tokens = np.random.default_rng(1).integers(1, 40, (3, 7))
    tokens[1, 4:] = 0
    return {
        "token_ids": tokens,
        "segment_ids": tokens % 3,
        "padding_mask": tokens != 0,
    }


def their_tensors(model):
    """The weights of a `Bert` under the names and in the shapes of Hugging Face."""
    tensors = {}
    for variable in model.weights:
        array = ops.convert_to_numpy(variable)
        if variable.path.endswith("attention_output/kernel"):
            array = array.reshape(-1, array.shape[-1]).T
        elif variable.name == "kernel":
            array = array.reshape(array.shape[0], -1).T
        elif variable.name != "embeddings":
            array = array.reshape(-1)
        tensors[hugging_face_name(variable.path)] = np.ascontiguousarray(array)
    return tensors


def write(folder, tensors, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    save_file(tensors, folder / "model.safetensors")
    return folder


def randomized(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    return model


def same(left, right, tolerance=0):
    left, right = left(inputs()), right(inputs())
    assert set(left) == set(right)
    for name in left:
        np.testing.assert_allclose(
            ops.convert_to_numpy(left[name]),
            ops.convert_to_numpy(right[name]),
            atol=tolerance,
        )


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


@pytest.mark.parametrize("dtype", [None, "float16"])
def test_ours_comes_back(tmp_path, dtype):
    model = randomized(bert())
    save_to_preset(model, tmp_path / "new", dtype)
    loaded = from_preset(tmp_path / "new", dropout=0.25)
    same(loaded, model, 0 if dtype is None else 1e-2)
    assert loaded.get_config()["dropout"] == 0.25
    kept = load_file(tmp_path / "new" / "model.safetensors")
    assert {str(x.dtype) for x in kept.values()} == {dtype or "float32"}


def test_a_masked_lm_comes_back_whole_or_without_its_head(tmp_path):
    model = randomized(BertMaskedLM(bert()))
    save_to_preset(model, tmp_path)
    whole, report = from_preset(
        tmp_path, head="masked_lm", dropout=0.25, return_report=True
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(whole(inputs())), ops.convert_to_numpy(model(inputs()))
    )
    assert whole.backbone.get_config()["dropout"] == 0.25
    assert len(report.loaded) == len(model.weights)
    assert report.left_out == ()
    backbone, report = from_preset(tmp_path, dropout=0.25, return_report=True)
    same(backbone, model.backbone)
    assert backbone.get_config()["dropout"] == 0.25
    assert len(report.loaded) == len(model.weights) - 5
    assert len(report.left_out) == 5
    assert all(name.startswith("head_") for name in report.left_out)


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
    with pytest.raises(ValueError, match="shares with its head; in this checkpoint"):
        from_preset(tmp_path, head="masked_lm")
    tensors[f"{decoder}.bias"] = tensors.pop("cls.predictions.bias")
    from_preset(write(tmp_path, tensors), head="masked_lm")


def test_a_head_that_is_not_there(tmp_path):
    folder = write(tmp_path / "theirs", their_tensors(bert()), architectures=["BertX"])
    with pytest.raises(ValueError, match=r"no masked-LM head.*it is of \['BertX'\]"):
        from_preset(folder, head="masked_lm")
    save_to_preset(bert(), tmp_path / "ours")
    with pytest.raises(ValueError, match=r"no masked-LM head, but a 'tlkeras>Bert'"):
        from_preset(tmp_path / "ours", head="masked_lm")
    config = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": {}})
    (tmp_path / "ours" / "config.json").write_text(config)
    with pytest.raises(ValueError, match=r"no masked-LM head.*keras_hub>BertBackbone"):
        from_preset(tmp_path / "ours", head="masked_lm")
    with pytest.raises(ValueError, match="head must be None or 'masked_lm'; given 'x'"):
        from_preset(folder, head="x")


def test_only_models_of_this_library_become_presets(tmp_path):
    with pytest.raises(ValueError, match=r"tlkeras\.models; given Sequential"):
        save_to_preset(keras.Sequential([keras.Input((2,))]), tmp_path)


def missing(tensors):
    del tensors["encoder.layer.1.output.dense.weight"]


def misshapen(tensors):
    tensors["pooler.dense.weight"] = np.zeros((8, 9), "float32")


def one_layer_more(tensors):
    tensors["encoder.layer.2.output.dense.weight"] = np.zeros((8, 12), "float32")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, r"lacks encoder\.layer\.1\.output\.dense\.weight"),
        (misshapen, r"pooler\.dense\.weight must have shape \(8, 8\).*\(8, 9\)"),
        (one_layer_more, r"no place, such as encoder\.layer\.2"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, spoil, message):
    tensors = their_tensors(bert())
    spoil(tensors)
    with pytest.raises(ValueError, match=message):
        from_preset(write(tmp_path, tensors))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "electra"}, "must be one of bert, .* given 'electra'"),
        ({"hidden_act": "mish"}, "hidden_act must be one of.*given 'mish'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder must be False"),
        ({"registered_name": "keras_hub>GPT2Backbone"}, "keras_hub>GPT2Backbone"),
        ({"registered_name": "tlkeras>Nothing"}, "tlkeras>Nothing"),
    ],
)
def test_another_architecture(tmp_path, change, message):
    folder = write(tmp_path, their_tensors(bert()), config={}, **change)
    with pytest.raises(ValueError, match=message):
        from_preset(folder)


def test_truncated(tmp_path):
    path = write(tmp_path, their_tensors(bert())) / "model.safetensors"
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="whole safetensors file"):
            from_preset(tmp_path)


def test_truncated_keras_hub(tmp_path):
    config = {
        "name": "bert_backbone",
        **{k: v for k, v in bert().get_config().items() if k in KERAS_HUB_ARGUMENTS},
    }
    text = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": config})
    (tmp_path / "config.json").write_text(text)
    path = tmp_path / "model.weights.h5"
    bert().save_weights(path)
    from_preset(tmp_path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="may be truncated"):
        from_preset(tmp_path)


KERAS_HUB_ARGUMENTS = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "dropout",
    "max_sequence_length",
    "num_segments",
)


def test_pickles_are_refused(tmp_path):
    for name in ("pytorch_model.bin", "model.pt"):
        with pytest.raises(ValueError, match="pickle can run any code"):
            from_preset(tmp_path / name)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ValueError, match="Pickled weights are refused"):
        from_preset(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="whole safetensors file"):
        from_preset(tmp_path)


def test_folders_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="not a folder"):
        from_preset(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"must hold a config\.json"):
        from_preset(tmp_path)
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="must be JSON"):
        from_preset(tmp_path)


def test_a_wrong_hash_is_refused(tmp_path):
    folder = write(tmp_path, their_tensors(bert()))
    right = sha256_of(folder / "model.safetensors")
    from_preset(folder, sha256=right)
    with pytest.raises(ValueError, match="SHA-256 0000"):
        from_preset(folder, sha256="0" * 64)


@pytest.mark.parametrize("place", [0.5, 0.9])
def test_one_bit_of_the_weights_is_enough(tmp_path, place):
    """The file can be read all the same: it has no checksum of its own."""
    folder = write(tmp_path, their_tensors(randomized(bert())))
    path = folder / "model.safetensors"
    right, data = sha256_of(path), bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    from_preset(folder)
    with pytest.raises(ValueError, match=f"must have the SHA-256 {right}"):
        from_preset(folder, sha256=right)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that hands out files of a folder, as its cache would keep them."""
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def download(name, filename, revision):
        asked.append((name, filename, revision))
        if not (tmp_path / filename).is_file():
            raise hub.errors.EntryNotFoundError(filename)
        return str(tmp_path / filename)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    write(tmp_path, their_tensors(randomized(bert())))
    return tmp_path, asked


def test_the_hub_is_asked_for_one_commit(hub):
    folder, asked = hub
    commit, right = "a" * 40, sha256_of(folder / "model.safetensors")
    for revision in (None, "main", "a" * 7):
        with pytest.raises(ValueError, match="revision must be a commit"):
            from_preset("hf://owner/name", revision=revision)
    same(
        from_preset("hf://owner/name", revision=commit, sha256=right),
        randomized(bert()),
    )
    assert {revision for *_, revision in asked} == {commit}
    with pytest.raises(ValueError, match="SHA-256"):
        from_preset("hf://owner/name", revision=commit, sha256="0" * 64)
    with pytest.raises(ValueError, match="sha256 must be given"):
        from_preset("hf://owner/name", revision=commit)


def test_the_hub_says_its_own_hash(hub):
    folder, _ = hub
    weights = folder / "model.safetensors"
    right = sha256_of(weights)
    weights.rename(folder / right)
    weights.symlink_to(folder / right)
    from_preset("hf://owner/name", revision="b" * 40)
    data = bytearray((folder / right).read_bytes())
    data[-1] ^= 1
    (folder / right).write_bytes(data)
    with pytest.raises(ValueError, match="SHA-256"):
        from_preset("hf://owner/name", revision="b" * 40)


def test_a_known_repository_needs_no_revision(hub):
    name = next(iter(sources.PINNED))
    with pytest.raises(ValueError, match=sources.PINNED[name][1]):
        from_preset(f"hf://{name}")  # the hub here hands out something else


def test_a_hub_with_pickles_only(hub):
    folder, _ = hub
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="Pickled weights are refused"):
        from_preset("hf://owner/name", revision="b" * 40)


def test_preprocessor(tmp_path):
    pytest.importorskip("keras_hub")
    write(tmp_path, their_tensors(bert()))
    with pytest.raises(ValueError, match=r"must hold a vocab\.txt"):
        preprocessor(tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "##ness"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    batch = preprocessor(tmp_path, sequence_length=6)(["Goodnéss", "bad good"])
    np.testing.assert_array_equal(
        batch["token_ids"], [[2, 5, 6, 3, 0, 0], [2, 1, 5, 3, 0, 0]]
    )
    np.testing.assert_array_equal(batch["padding_mask"], batch["token_ids"] != 0)
