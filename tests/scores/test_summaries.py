"""ROUGE: on paper, in Chinese, and with several references."""

import pytest

from tlkeras.scores import rouge
from tlkeras.scores.summaries import Characters


def test_on_paper():
    found = rouge(["the cat sat"], ["the cat is here"])
    # 2 of 3 and 2 of 4 words; 1 of 2 and 1 of 3 pairs
    assert found["rouge1"] == pytest.approx(2 * 2 / 7, abs=1e-12)
    assert found["rouge2"] == pytest.approx(2 * 1 / 5, abs=1e-12)
    assert found["rougeL"] == pytest.approx(2 * 2 / 7, abs=1e-12)


def test_a_sequence_with_gaps_is_no_run():
    found = rouge(["a x b y c"], ["a b c"])
    assert found["rougeL"] == pytest.approx(2 * 3 / 8, abs=1e-12)
    assert found["rouge2"] == 0


def test_a_word_counts_as_often_as_where_it_is_rarer():
    assert rouge(["cat cat cat"], ["cat dog"])["rouge1"] == pytest.approx(2 / 5)


def test_the_best_of_several_references_counts_for_each_pair():
    found = rouge(["a b", "x"], [["c", "a b"], "y"])
    assert found["rouge1"] == 0.5


def test_chinese_characters_are_words():
    assert rouge(["北京大学"], ["大学"])["rouge1"] == 0  # no letter from a to z
    found = rouge(["北京大学"], ["大学"], "zh")
    assert found["rouge1"] == pytest.approx(2 * 2 / 6, abs=1e-12)
    assert found["rouge2"] == pytest.approx(2 * 1 / 4, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("基于BERT的方法，", ["基", "于", "bert", "的", "方", "法"]),
        ("３D打印 2.5倍", ["３d", "打", "印", "2", "5", "倍"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("カメラ", ["カ", "メ", "ラ"]),
        ("snake_case", ["snake", "case"]),
        ("。、！", []),
        ("", []),
    ],
)
def test_what_a_token_is(text, tokens):
    assert Characters().tokenize(text) == tokens


def test_stems():
    assert rouge(["cats running"], ["cat runs"])["rouge1"] == 0
    assert rouge(["cats running"], ["cat runs"], stem=True)["rouge1"] == 1


def test_an_empty_summary_scores_nothing():
    assert set(rouge([""], ["a b"]).values()) == {0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "equally many, at least one; given 0 and 0"),
        ((["a"], ["a", "b"]), "given 1 and 2"),
        ((["a"], ["a"], "de"), "language must be one of"),
    ],
)
def test_bad_arguments_say_what_to_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        rouge(*arguments)
