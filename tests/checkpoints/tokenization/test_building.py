"""Each kind of tokenizer: the ids of its own package, and what frames a text."""

import json
import shutil

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer

pytest.importorskip("tokenizers")


def test_merges_and_json_are_one_tokenizer(every):
    for text in [*tokens.real_texts(60), *tokens.ODD.values()]:
        assert every["merges"].encode(text) == every["json"].encode(text)


def test_bert_frames_texts_and_pairs(every):
    tokenizer = every["words"]
    batch = tokenizer(["the mean"], ["of all"], return_offsets=True)
    spelled = tokenizer.tokens(batch["token_ids"][0])
    assert spelled == ["[CLS]", "the", "mean", "[SEP]", "of", "all", "[SEP]"]
    assert batch["segment_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1]]
    assert batch["offsets"][0].tolist() == (
        [[0, 0], [0, 3], [4, 8], [0, 0], [0, 2], [3, 6], [0, 0]]
    )
    ids = [getattr(tokenizer, f"{x}_id") for x in ("padding", "start", "end", "mask")]
    assert tokenizer.tokens(ids) == ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.id_of("[UNK]") == tokenizer.unknown_id == 1
    assert tokenizer.vocabulary_size == 6000


def test_a_roberta_frames_texts(folders, tmp_path):
    folder = shutil.copytree(folders / "bytes", tmp_path / "roberta")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary |= {"<s>": 256, "</s>": 257, "<pad>": 258, "<mask>": 259}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    config = {"tokenizer_class": "RobertaTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(folder)
    batch = tokenizer(["a"], ["b"])
    spelled = tokenizer.tokens(batch["token_ids"][0])
    assert spelled == ["<s>", "a", "</s>", "</s>", "b", "</s>"]
    assert (tokenizer.padding_id, tokenizer.mask_id) == (258, 259)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"add_dummy_prefix": False},
        {"byte_fallback": False},
        {"pad_id": 3, "eos_id": 4},
        {"control_symbols": ["<sep>"]},
        {"user_defined_symbols": ["numpy"], "add_dummy_prefix": False},
    ],
    ids=str,
)
def test_the_ids_of_sentencepiece(tmp_path, settings):
    package = pytest.importorskip("sentencepiece")
    folder = tokens.sentencepiece(tmp_path, **settings)
    tokenizer = load_tokenizer(folder)
    model = folder / "tokenizer.model"
    theirs = package.SentencePieceProcessor(model_file=str(model))
    assert tokenizer.vocabulary_size == theirs.vocab_size()
    assert tokenizer.start_id == theirs.bos_id()
    assert tokenizer.end_id == theirs.eos_id()
    assert tokenizer.unknown_id == theirs.unk_id()
    assert (tokenizer.padding_id or -1) == theirs.pad_id()
    for text in [*tokens.real_texts(200), *tokens.ODD.values()]:
        ids = tokenizer.encode(text)
        assert ids == [theirs.bos_id(), *theirs.encode(text)], text
        if theirs.unk_id() not in ids:
            assert tokenizer.decode(ids) == theirs.decode(ids[1:])
