"""Translations: those of the model itself, in any number and order."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.datasets import languages
from tlkeras.datasets.text import BytePairs, Vocabulary, words
from tlkeras.generation import beam_search, generate
from tlkeras.models import GPT, Bert, Transformer, ViT
from tlkeras.pipelines import TextToText, Written

PRESET = "tlkeras://translator"
CODES = ("sv", "nl", "de", "fr", "es", "it", "pt")


@pytest.fixture(scope="module")
def translate():
    return TextToText(PRESET, batch_size=64, jit_compile=False)


def test_seven_languages_at_once(translate):
    """Phrases of formats that it has seen; benchmarks say 85 to 97 % are exact."""
    phrases = {code: languages.load_data(code, 1, 6)[1] for code in CODES}
    asked = [(p, f"<{code}>") for code in CODES for p in phrases[code]]
    found = translate([p.english for p, _ in asked], begin=[tag for _, tag in asked])
    right = [x.text == p.translation for x, (p, _) in zip(found, asked, strict=True)]
    assert len(right) == 42
    assert np.mean(right) > 0.8
    assert translate.max_new_tokens == translate.model.max_sequence_length - 1
    assert all(x.ended for x in found)


def test_what_the_model_writes_of_one_text(translate):
    model, source, target = translate.model, translate.source, translate.target
    (ids,) = source.rows(["17 kilometers"])
    cache = model.initial_cache(np.array([ids]), 44)
    begin = np.array([[target.id_of("<de>")]])
    row, scores = generate(
        model.step, begin, 44, 2, cache, return_log_probabilities=True
    )
    (found,) = translate(["17 kilometers"], begin="<de>")
    assert found.text == "17 Kilometer"
    assert (
        target.decode([n for n in row.numpy()[0, 1:].tolist() if n > 2]) == found.text
    )
    assert found.score == pytest.approx(float(ops.sum(scores)), abs=1e-4)


def test_a_blank_text_is_an_empty_one(translate):
    found = translate(["", "17 kilometers", " \n"], begin="<de>")
    assert [x.text for x in found] == ["", "17 Kilometer", ""]
    assert found[0] == Written("", 0.0, True)
    assert translate("", begin="<de>") == found[0]
    assert translate([], begin="<de>") == translate([]) == []


def test_a_language_that_it_does_not_know(translate):
    with pytest.raises(
        ValueError, match=r"must be one of '<sv>', '<nl>'.*given '<da>'"
    ):
        translate("17", begin="<da>")
    with pytest.raises(ValueError, match="must be one of '<sv>'"):
        TextToText(PRESET, begin="da")
    with pytest.raises(ValueError, match="begin must be one text, or as many as texts"):
        translate(["17"], begin=["<de>", "<fr>"])


def test_a_long_text_is_refused_by_its_place(translate):
    with pytest.raises(ValueError, match=r"texts\[2\].*at most 44 tokens.*truncate"):
        translate(["", "17", "xyz " * 30], begin="<de>")


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(0)
    return Transformer(
        14, 14, 16, 2, 1, 1, intermediate_dim=16, max_sequence_length=12, dropout=0.0
    )


@pytest.fixture(scope="module")
def pieces():
    vocabulary = Vocabulary(["a b c d e f g h i j"], words, joint=" ")
    return vocabulary, Vocabulary(["k l m n o p q r s t"], words, joint=" ")


@pytest.mark.parametrize("num_beams", [1, 3])
def test_beams_and_a_vocabulary_of_words(tiny, pieces, num_beams):
    write = TextToText(
        tiny, *pieces, num_beams=num_beams, max_new_tokens=6, jit_compile=False
    )
    texts = ["a b c", "j", "d e f g h"]
    for text, found in zip(texts, write(texts), strict=True):
        ids = pieces[0].encode([text])
        cache = tiny.initial_cache(ids, 7)
        begin = np.array([[1]])
        if num_beams == 1:
            row = generate(tiny.step, begin, 7, 2, cache)[0]
        else:
            rows, scores = beam_search(tiny.step, begin, 7, 2, cache, num_beams)
            row = rows[0, 0]
            assert found.score == pytest.approx(float(scores[0, 0]), abs=1e-4)
        row = ops.convert_to_numpy(row)[None, 1:]
        assert found.text == pieces[1].decode(row)[0]
        assert found.ended == (2 in row)


def test_a_tokenizer_reads_and_writes(tokenizers):
    tokenizer, keep = tokenizers["words"], {}

    class Copies(keras.Model):
        """It writes what it has read, token by token."""

        max_sequence_length = 24

        def initial_cache(self, source_ids, max_length, source_padding_mask):
            keep["mask"] = ops.convert_to_numpy(source_padding_mask)
            return {"source": ops.convert_to_tensor(source_ids)}

        def step(self, token_ids, cache, index):
            following = ops.take(cache["source"], index + 1, axis=1)
            return ops.one_hot(following, tokenizer.vocabulary_size), cache

    copy = TextToText(Copies(), tokenizer, jit_compile=False)
    texts = ["東 京 １ ２ [SEP]", "元"]
    found = copy(["東 京", "元"])
    assert [x.text for x in found] == ["東 京", "元"]
    assert [x.ended for x in found] == [True, True]
    assert keep["mask"].sum(axis=1).tolist() == [3, 4]
    with pytest.raises(ValueError, match=r"texts\[0\].*24"):
        copy([texts[0] * 10])
    cut = TextToText(Copies(), tokenizer, truncate=True, jit_compile=False)
    assert cut("元 " * 40).text == " ".join("元" * 22)
    assert cut("元 " * 40).ended  # its end token was kept


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "source must be what texts are read with"),
        ({"source": 7}, "source must be a tlkeras.checkpoints.Tokenizer"),
        ({"source": "pieces", "target": 7}, "target must be a tlkeras.checkpoints"),
        ({"source": "pieces", "max_new_tokens": 12}, "at most 11, for which"),
        ({"source": "pieces", "num_beams": 0}, "num_beams must be a positive"),
        ({"source": "pieces", "begin": "<de>"}, "token must be one of none"),
        ({"source": "pieces", "source_length": 13}, "source_length must be at most"),
    ],
)
def test_what_is_refused(tiny, pieces, arguments, says):
    if arguments.get("source") == "pieces":
        arguments = {**arguments, "source": pieces[0]}
    with pytest.raises(ValueError, match=says):
        TextToText(tiny, **arguments)


def test_a_decoder_on_an_encoder_gets_what_that_takes(tokenizers):
    tokenizer = tokenizers["words"]

    class OnEncoder(keras.Model):
        """It writes the second token of its source again and again."""

        max_sequence_length = 5

        def __init__(self, encoder):
            super().__init__()
            self.encoder = encoder

        def initial_cache(self, source, max_length, source_padding_mask):
            assert set(source) == set(self.encoder.input)
            self.encoder(source)  # refuses what it does not take
            return {"source": ops.convert_to_tensor(source["token_ids"])}

        def step(self, token_ids, cache, index):
            return ops.one_hot(cache["source"][:, 1], tokenizer.vocabulary_size), cache

    size = tokenizer.vocabulary_size
    bert = Bert(size, 1, 2, 8, 16, max_sequence_length=20)
    write = TextToText(OnEncoder(bert), tokenizer, jit_compile=False)
    assert write.source_length == 20  # of the encoder, not of what is written
    assert [x.text for x in write(["東 a", "元"])] == ["東 東 東 東", "元 元 元 元"]
    vit = ViT((4, 4, 1), 2, 1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"encoder of texts.*given one of type ViT"):
        TextToText(OnEncoder(vit), tokenizer, source_length=4)


def test_a_target_that_is_too_small(tiny, pieces):
    write = TextToText(tiny, pieces[0], Vocabulary([], words), jit_compile=False)
    with pytest.raises(ValueError, match="target must be what the model was trained"):
        write(["a b c", "d e f"])


def test_what_does_not_read_a_source():
    gpt = GPT(9, 1, 1, 4, 8, max_sequence_length=12)
    with pytest.raises(ValueError, match="TextGeneration takes a GPT; given a GPT"):
        TextToText(gpt, BytePairs([]))


def test_a_target_without_a_start(tiny, tokenizers, tmp_path):
    import tokenizers as package

    from tlkeras.checkpoints import Tokenizer

    core = package.Tokenizer(package.models.WordLevel({"a": 0, "b": 1}, "b"))
    write = TextToText(tiny, Tokenizer(core), jit_compile=False)
    with pytest.raises(ValueError, match="begin must name the special token"):
        write("a")
