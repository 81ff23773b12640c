"""A tokenizer of each kind."""

import shutil

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A folder of each kind."""
    home = tmp_path_factory.mktemp("tokenizers")
    trained = tokens.byte_level(home / "json")
    (home / "merges").mkdir()
    for name in ("vocab.json", "merges.txt"):
        shutil.move(trained / name, home / "merges" / name)
    tokens.bytes_only(home / "bytes")
    return home


@pytest.fixture(scope="session")
def every(folders):
    """A tokenizer of each kind, by its name."""
    pytest.importorskip("sentencepiece")
    tokens.sentencepiece(folders / "spaced")
    found = {
        name: load_tokenizer(folders / name) for name in tokens.KINDS if name != "words"
    }
    return {**found, "words": load_tokenizer(tokens.BERT)}
