"""The package `tokenizers`: what it raises, and what is said where it is missing."""

import json
import sys

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer
from tlkeras.checkpoints.tokenization.package import guarded, package
from tlkeras.extras import command

tokenizers = pytest.importorskip("tokenizers")


def test_it_is_the_package():
    assert package() is tokenizers


def test_where_it_is_missing_the_command_is_said(monkeypatch, tmp_path):
    folder = tokens.bytes_only(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    for use in (package, lambda: load_tokenizer(folder)):
        with pytest.raises(ModuleNotFoundError) as found:
            use()
        assert str(found.value).endswith(f"tokenizers. Run: {command('course')}")
        assert found.value.name == "tokenizers"


def panic():
    """Of a table of characters that is none, Rust makes no `Exception`."""
    table = {"type": "Precompiled", "precompiled_charsmap": "!"}
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": []}
    tokenizers.Tokenizer.from_str(json.dumps({"model": model, "normalizer": table}))


def refusal():
    tokenizers.Tokenizer.from_str("{}")


@pytest.mark.parametrize(
    ("do", "says"), [(refusal, "Model missing"), (panic, "Precompiled: Error")]
)
def test_whatever_it_raises_is_a_value_error(do, says):
    with pytest.raises(BaseException, match=says) as raised:
        do()
    assert isinstance(raised.value, Exception) == (do is refusal)
    message = f"Reading it does not work; the package tokenizers says: {says}.*Get the"
    with pytest.raises(ValueError, match=message) as found, guarded("Reading it"):
        do()
    assert type(found.value.__cause__) is type(raised.value)


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError]
)
def test_what_is_no_fault_of_a_file_stays_what_it_is(kind):
    with pytest.raises(kind), guarded("Reading it"):
        raise kind


def test_what_works_is_left_alone():
    with guarded("Reading it"):
        core = tokenizers.Tokenizer(tokenizers.models.BPE())
    assert core.get_vocab_size() == 0
