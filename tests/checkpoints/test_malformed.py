"""Presets that are damaged, or made to harm: refused with a reason and a remedy."""

import json
import shutil
import struct

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tlkeras import shipped
from tlkeras.checkpoints import from_preset, preprocessor, save_to_preset
from tlkeras.datasets import DataError, synthetic_speech
from tlkeras.models import Bert, BertMaskedLM, ViT

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}
CONFIG = {
    "model_type": "bert",
    "vocab_size": 9,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "hidden_size": 4,
    "intermediate_size": 6,
    "max_position_embeddings": 5,
}
HUB_VIT = {
    "image_shape": [4, 4, 1],
    "patch_size": [2, 2],
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 4,
    "mlp_dim": 6,
    "dropout_rate": 0.0,
    "layer_norm_epsilon": 1e-6,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]


def bert():
    return Bert(9, **SIZES, max_sequence_length=5)


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Small presets of each kind, sound ones."""
    home = tmp_path_factory.mktemp("presets")
    save_to_preset(BertMaskedLM(bert()), home / "ours")
    save_to_preset(ViT((4, 4, 1), 2, **SIZES), home / "vit")
    hub = home / "hub"
    hub.mkdir()
    bert().save_weights(hub / "model.weights.h5")
    config = {k: v for k, v in bert().get_config().items() if k != "name"}
    text = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": config})
    (hub / "config.json").write_text(text)
    for path in home.iterdir():
        from_preset(path)
    return home


@pytest.fixture
def preset(presets, tmp_path):
    return lambda kind: shutil.copytree(presets / kind, tmp_path / kind)


def refused(folder, match="", **arguments):
    with pytest.raises(ValueError, match=match) as caught:
        from_preset(folder, **arguments)
    assert str(folder) in str(caught.value) or match
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"[1, 2]", r"must hold a dictionary.*list"),
        (b'"text"', r"must hold a dictionary.*str"),
        (b"null", r"must hold a dictionary.*NoneType"),
        (b"{", "must be JSON"),
        (b"", "must be JSON"),
        (b"\xff\xfe{\x00}\x00", "must be JSON"),
        (b"[" * 200_000, "must be JSON"),
        (b'{"vocab_size": ' + b"9" * 5000 + b"}", "must be JSON"),
        (b" " * (2**24 + 1), "at most 16,777,216 bytes"),
        (b'{"registered_name": ["tlkeras>Bert"]}', "must be names"),
        (b'{"model_type": {"a": 1}}', "must be names"),
        (b'{"registered_name": "tlkeras>Bert"}', "must hold 'config'"),
        (b'{"registered_name": "tlkeras>Bert", "config": []}', "dictionary.*list"),
        (b'{"registered_name": "tlkeras>Bert", "config": {}}', "describe a model"),
        (b'{"registered_name": "tlkeras>FeedForward", "config": {}}', "be one of"),
        (
            b'{"registered_name": "tlkeras>BertMaskedLM", "config": {"backbone": 3}}',
            "backbone must hold a dictionary",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["ours", "hub"])
def test_a_config_that_is_none(preset, kind, content, match):
    folder = preset(kind)
    (folder / "config.json").write_bytes(content)
    if kind == "hub" and b': "tlkeras>' in content:
        match = "must hold model.safetensors|be one of"
    refused(folder, match)


def test_a_byte_order_mark_is_no_harm(preset):
    path = preset("ours") / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    from_preset(path.parent)


BAD = (-1, 0, 1.5, "4", None, [4], {"a": 1}, True, 2**31, 10**30, float("nan"))


@pytest.mark.parametrize("value", BAD, ids=str)
def test_sizes_that_are_none(tmp_path, value):
    save_file({"x": np.zeros(3, "float32")}, tmp_path / "model.safetensors")
    for name in CONFIG:
        if name != "model_type":
            text = json.dumps({**CONFIG, name: value})
            (tmp_path / "config.json").write_text(text)
            refused(tmp_path, "must be|asks for at least|lacks")
    for name in CONFIG:
        rest = {key: x for key, x in CONFIG.items() if key != name}
        (tmp_path / "config.json").write_text(json.dumps(rest))
        refused(tmp_path, name)


@pytest.mark.parametrize("name", [*SIZES, "vocabulary_size", "max_sequence_length"])
@pytest.mark.parametrize("kind", ["ours", "hub"])
def test_nothing_is_allocated_because_a_config_says_so(preset, kind, name):
    path = preset(kind) / "config.json"
    text = path.read_text()
    config = json.loads(text)
    inner = config["config"]
    inner = inner["backbone"]["config"] if kind == "ours" else inner
    for value in (2**40, -4, "x", None, [1]):
        inner[name] = value
        path.write_text(json.dumps(config))
        refused(path.parent, "must be|asks for at least|describe a model|lacks")


def header(folder, text):
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4398046511104]}}',
        b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [-4, 12]}}',
        b'{"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "X", "shape": [4], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}}',
        b'{"a": 3}',
        b"[]",
        b"{" * 1000,
        b"\xff" * 20,
    ],
)
def test_a_header_that_lies(preset, text):
    folder = preset("ours")
    header(folder, text)
    assert "gain" in refused(folder, r"model\.safetensors")  # get, or write, it again


def test_a_header_longer_than_the_file(preset):
    folder = preset("ours")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(folder, "whole safetensors file")


def a_loop(file):
    file["layers/loop"] = file["/"]


def a_soft_link(file):
    file["soft"] = h5py.SoftLink("/layers")


def an_external_link(file):
    file["external"] = h5py.ExternalLink("secret.h5", "/weights")


def external_storage(file):
    kept = [("secret.raw", 0, 16)]
    file.create_dataset("raw", shape=(4,), dtype="float32", external=kept)


def a_virtual_data_set(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("secret.h5", "weights", shape=(4,))
    file.create_virtual_dataset("virtual", layout)


def four_tebibytes(file):
    file.create_dataset("huge", shape=(2**40,), dtype="float32", chunks=(1024,))


def words(file):
    file.create_dataset("words", data=["a", "b"])


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (a_loop, "layers/loop is there twice"),
        (a_soft_link, "soft is a link"),
        (an_external_link, "external is a link"),
        (external_storage, "raw is in another file"),
        (a_virtual_data_set, "virtual is in another file"),
        (four_tebibytes, "huge claims 4,398,046,511,104 bytes and stores 0"),
        (words, "words holds object"),
    ],
)
@pytest.mark.parametrize("kind", ["BertBackbone", "ViTBackbone"])
def test_hdf5_that_reaches_out(preset, spoil, match, kind):
    folder = preset("hub")
    if kind == "ViTBackbone":
        text = json.dumps({"registered_name": f"keras_hub>{kind}", "config": HUB_VIT})
        (folder / "config.json").write_text(text)
    with h5py.File(folder / "model.weights.h5", "a") as file:
        spoil(file)
    refused(folder, match)


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (("tf_model.h5",), "format of other libraries.*save_pretrained"),
        (("flax_model.msgpack",), "format of other libraries.*save_pretrained"),
        (("pytorch_model.bin",), "Pickled weights are refused.*save_pretrained"),
        (("model.safetensors.index.json",), "index.json must be JSON"),
        ((), "There are no weights in it"),
    ],
)
def test_weights_of_another_kind(tmp_path, names, match):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    refused(tmp_path, match)


def test_a_file_instead_of_a_folder(preset):
    folder = preset("ours")
    refused(folder / "config.json", "give the folder that it is in")
    for wrong in ("", None, 3, b"x"):
        refused(wrong, "preset must be")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    refused(folder, "must hold model.safetensors")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"none is \[PAD\]"),
        (b"good\nbad\n", r"2 lines none is \[PAD\]"),
        ("\n".join(WORDS[:4]).encode(), r"none is \[MASK\]"),
        ("\n".join(WORDS).encode("utf-16"), "must be text in UTF-8"),
        (b"\n" * (2**24 + 1), "at most 16,777,216 bytes"),
    ],
)
def test_a_vocabulary_that_is_none(preset, content, match):
    folder = preset("ours")
    (folder / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=match):
        preprocessor(folder)


def test_a_vocabulary_from_windows(preset):
    pytest.importorskip("keras_hub")
    folder = preset("ours")
    (folder / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(WORDS).encode())
    batch = preprocessor(folder, sequence_length=4)(["good bad"])
    assert np.array(batch["token_ids"]).tolist() == [[2, 5, 6, 3]]
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": "yes"}')
    with pytest.raises(ValueError, match="do_lower_case must be True or False"):
        preprocessor(folder)


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A copy of what ships, which may be damaged."""
    home = shutil.copytree(shipped.home(), tmp_path / "data")
    monkeypatch.setattr(shipped, "home", lambda: home)
    return home


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_one_bit_of_what_ships(own_data, name):
    flip(own_data / "bert_docstrings" / name)
    for load in (from_preset, preprocessor):
        with pytest.raises(ValueError, match=r"SHA-256.*Install tlkeras again"):
            load("tlkeras://bert_docstrings")
    from_preset("tlkeras://vit_digits")


@pytest.mark.parametrize("name", ["index.csv", "samples.xz"])
def test_one_bit_of_the_recordings(own_data, name):
    flip(own_data / "synthetic_speech" / name)
    with pytest.raises(DataError, match=r"SHA-256.*Install tlkeras again"):
        synthetic_speech.load_data("test")
    (own_data / "synthetic_speech" / name).unlink()
    with pytest.raises(DataError, match=r"must ship with tlkeras"):
        synthetic_speech.load_data("test")


def test_a_hash_that_was_asked_for(own_data):
    with pytest.raises(ValueError, match="must have the SHA-256 0000"):
        from_preset("tlkeras://vit_digits", sha256="0" * 64)


def test_every_file_that_is_read_has_a_hash():
    wanted = ("config.json", "model.safetensors", "vocab.txt", "index.csv")
    wanted += ("samples.xz", "tokenizer_config.json")
    found = {
        path.relative_to(shipped.home()).as_posix()
        for name in wanted
        for path in shipped.home().glob(f"*/{name}")
    }
    assert found == set(shipped._sums())
    assert len(found) == 10


def mutated(data, rng):
    """A copy with a few bytes changed, a piece cut out, put in or repeated."""
    data, kind = bytearray(data), rng.integers(4)
    start, stop = sorted(rng.integers(0, len(data) + 1, 2))
    if kind == 0:
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(256)
    elif kind == 1:
        del data[start : min(stop, start + 40)]
    elif kind == 2:
        data[start:start] = rng.bytes(8)
    else:
        del data[start:]
    return bytes(data)


@pytest.mark.parametrize("kind", ["ours", "vit", "hub"])
@pytest.mark.parametrize("part", ["config", "weights"])
def test_many_damaged_presets(preset, kind, part, rng):
    folder = preset(kind)
    name = "model.weights.h5" if kind == "hub" else "model.safetensors"
    path = folder / ("config.json" if part == "config" else name)
    whole, messages = path.read_bytes(), []
    count = 40 if kind == "hub" else 100
    for _ in range(count):
        # Structure stands in front: most damage is done there.
        cut = len(whole) if rng.random() < 0.3 else min(2000, len(whole))
        path.write_bytes(mutated(whole[:cut], rng) + whole[cut:])
        try:
            from_preset(folder)
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 0.4 * count
    assert min(map(len, messages)) > 40


def test_tensors_of_other_types(preset):
    path = preset("vit") / "model.safetensors"
    tensors = load_file(path)
    first = sorted(tensors)[0]
    for array in (np.zeros(0, "float32"), np.zeros((1,) * 6, "int8")):
        save_file({**tensors, first: array}, path)
        refused(path.parent, "must have shape")
