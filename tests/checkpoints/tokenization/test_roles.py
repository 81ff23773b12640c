"""Special tokens: what they are for, and which a config adds."""

import json
import shutil

import pytest

from tlkeras.checkpoints import load_tokenizer

pytest.importorskip("tokenizers")


def test_special_tokens_in_a_text(every):
    tokenizer = every["json"]
    ids = tokenizer.encode("a<|endoftext|>b")
    assert tokenizer.end_id in ids
    assert tokenizer.decode(ids) == "ab"
    assert tokenizer.decode(ids, skip_special=False) == "a<|endoftext|>b"
    literal = tokenizer.encode("a<|endoftext|>b", read_special=False)
    assert tokenizer.end_id not in literal
    assert tokenizer.decode(literal) == "a<|endoftext|>b"
    again = tokenizer.encode("a<|endoftext|>b")
    assert again == ids


def test_a_config_says_what_tokens_are_for(folders, tmp_path):
    folder = shutil.copytree(folders / "json", tmp_path / "json")
    tokenizer = load_tokenizer(folder)
    assert tokenizer.start_id == tokenizer.end_id == 0
    assert tokenizer.padding_id is tokenizer.mask_id is None
    new = {"content": "<pad>", "special": True}
    config = {
        "bos_token": None,
        "eos_token": {"content": "<|endoftext|>"},
        "pad_token": "<pad>",
        "added_tokens_decoder": {str(tokenizer.vocabulary_size): new},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    changed = load_tokenizer(folder)
    assert (changed.start_id, changed.end_id) == (None, 0)
    assert changed.padding_id == tokenizer.vocabulary_size
    assert changed.vocabulary_size == tokenizer.vocabulary_size + 1
    config["pad_token"] = "<other>"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"vocabulary as padding_id; .*oth"):
        load_tokenizer(folder)
