"""What config.json says: refused, and nothing allocated, unless it is sound."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from checkpoints.small import (
    LEAST,
    SIZES,
    refused,
)
from tlkeras.checkpoints import from_preset


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
    for name in LEAST:
        if name != "model_type":
            text = json.dumps({**LEAST, name: value})
            (tmp_path / "config.json").write_text(text)
            refused(tmp_path, "must be|asks for at least|lacks")
    for name in LEAST:
        rest = {key: x for key, x in LEAST.items() if key != name}
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
