"""How texts go on: token by token by hand, in batches, and as a stream."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import Tokenizer, load_tokenizer
from tlkeras.generation import Sample
from tlkeras.models import GPT, Transformer
from tlkeras.pipelines import TextGeneration, Written

PRESET = "tlkeras://gpt_docstrings"
TEXTS = ["Return the number of", "", "A list", "价格：１２３元 😀", "x " * 40]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = GPT(4096, 1, 2, 8, 16, dropout=0.0, max_sequence_length=128)
    for v in model.trainable_variables:  # large logits, so that no two are close
        v.assign(5 * v)
    return model


@pytest.fixture(scope="module")
def write(model):
    return TextGeneration(model, PRESET, max_new_tokens=6, begin=True, batch_size=4)


@pytest.fixture(scope="module")
def written(write):
    return write(TEXTS)


def by_hand(model, tokenizer, text, count):
    """The likeliest next token, again and again, of the whole text."""
    ids, score = [0, *tokenizer.encode(text, special=False)], 0.0
    length = len(ids)
    while len(ids) < length + count and (len(ids) == length or ids[-1] != 0):
        padded = np.zeros((1, 128), int)
        padded[0, : len(ids)] = ids
        log_p = ops.log_softmax(model(padded)[0, len(ids) - 1])
        ids.append(int(ops.argmax(log_p)))
        score += float(log_p[ids[-1]])
    return tokenizer.decode(ids)[len(text) :], score


def test_each_text_goes_on_as_by_hand(model, written):
    tokenizer = load_tokenizer(PRESET)
    for text, found in zip(TEXTS, written, strict=True):
        expected, score = by_hand(model, tokenizer, text, 6)
        assert found.text == expected
        assert found.score == pytest.approx(score, abs=1e-3)
        assert type(found.score) is float


def test_a_stream_is_the_same_text(model, written):
    write = TextGeneration(
        model, PRESET, max_new_tokens=6, begin=True, jit_compile=False
    )
    for text, found in zip(TEXTS[:4], written, strict=False):
        parts = list(write.stream(text))
        assert "".join(parts) == found.text
        assert len(parts) > 3


def test_one_text_and_none(write, written):
    assert write(TEXTS[0]).text == written[0].text
    assert write([]) == []
    assert write(iter(())) == []


def test_what_is_compiled_is_used_again(model, write):
    steps = []

    class Counting(type(model)):
        def step(self, token_ids, cache, index):
            steps.append(token_ids.shape)
            return super().step(token_ids, cache, index)

    other = Counting.from_config(model.get_config())
    again = TextGeneration(other, PRESET, max_new_tokens=3, begin=True)
    again("a")
    list(again.stream("a"))
    traced = len(steps)
    assert traced
    for text in ("a b", "return the sum", "x " * 7):
        again(text)
        list(again.stream(text))
    assert len(steps) == traced


def test_an_end_token_ends_a_text(model, written):
    tokenizer = load_tokenizer(PRESET)
    ids = tokenizer.encode(written[0].text, special=False)
    write = TextGeneration(
        model, PRESET, max_new_tokens=6, begin=True, end_id=ids[2], jit_compile=False
    )
    found = write(TEXTS[0])
    assert found.ended
    assert found.text == tokenizer.decode(ids[:2])
    assert "".join(write.stream(TEXTS[0])) == found.text
    assert not written[0].ended


def counting(count, words, **roles):
    """A model whose next token is always the number after the last, and its words."""
    import tokenizers

    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, "?"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    core.decoder = tokenizers.decoders.Metaspace()

    class Counts(keras.Model):
        max_sequence_length = count

        def initial_cache(self, source, max_length):
            return {}

        def step(self, token_ids, cache, index):
            return ops.one_hot(token_ids[:, -1] + 1, len(words)), cache

    return Counts(), Tokenizer(core, **roles)


WORDS = {"?": 0, **{f"▁{x}": n + 1 for n, x in enumerate("abcdefghijklmnopqrs")}}


def test_the_space_before_the_first_word_is_kept():
    model, tokenizer = counting(32, WORDS)
    write = TextGeneration(model, tokenizer, max_new_tokens=3)
    assert [x.text for x in write(["a", "a b c", "d"])] == [
        " b c d",
        " d e f",
        " e f g",
    ]
    assert "".join(write.stream("a b")) == " c d e"


def test_a_text_has_what_room_the_model_has():
    model, tokenizer = counting(6, WORDS)
    write = TextGeneration(model, tokenizer, max_new_tokens=4)
    found = write(["a", "a b c d", "a b c d e"])
    assert [x.text for x in found] == [" b c d e", " e f", " f"]
    assert [list(write.stream("a b c d"))] == [[" e", " f", ""]]
    with pytest.raises(ValueError, match=r"texts\[1\].*at most 5 tokens.*has 6"):
        write(["a", "a b c d e f"])
    with pytest.raises(ValueError, match=r"texts\[0\].*at most 5 tokens"):
        write.stream("a b c d e f")


def test_an_empty_text_needs_a_token_to_begin_with():
    model, tokenizer = counting(32, WORDS)
    with pytest.raises(ValueError, match=r"texts\[1\] must hold a token.*Leave it out"):
        TextGeneration(model, tokenizer)(["a", ""])
    with pytest.raises(ValueError, match="begin must be False"):
        TextGeneration(model, tokenizer, begin=True)
    model, tokenizer = counting(32, WORDS, start_id=1)
    write = TextGeneration(model, tokenizer, max_new_tokens=2, jit_compile=False)
    assert [x.text for x in write(["", "d"])] == [" b c", " e f"]


def test_a_drawn_text_is_the_same_from_the_same_seed(model):
    def drawn(seed):
        write = TextGeneration(
            model,
            PRESET,
            max_new_tokens=8,
            begin=True,
            sampler=Sample(seed=seed),
            jit_compile=False,
        )
        return write("Return").text

    first = drawn(1)
    assert first == drawn(1)
    assert first != drawn(2)


@pytest.mark.parametrize("given", [["a"], None, b"a"])
def test_a_stream_is_of_one_text(write, given):
    with pytest.raises(ValueError, match=r"text must be one text.*Call the pipeline"):
        write.stream(given)


def test_what_does_not_write_on(known):
    with pytest.raises(ValueError, match=r"model must write by step.*given Known"):
        TextGeneration(known(None), PRESET)
    reads = Transformer(9, 9, 8, 1, 1, 1, intermediate_dim=8)
    with pytest.raises(ValueError, match=r"TextToText takes.*given a Transformer"):
        TextGeneration(reads, PRESET)


def test_the_small_gpt_by_its_name():
    write = TextGeneration(PRESET, max_new_tokens=5, begin=True, jit_compile=False)
    found = write("Return the number of")
    assert isinstance(found, Written)
    assert found.text == " elements in the array."
    assert -8 < found.score < -1
    assert not found.ended
