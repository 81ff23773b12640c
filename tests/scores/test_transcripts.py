"""Word and character error rate: on paper, at the edges, and against jiwer."""

import numpy as np
import pytest

from tlkeras.scores import character_error_rate, plain, word_error_rate


@pytest.mark.parametrize(
    ("prediction", "reference", "counts"),  # substitutions, deletions, insertions
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a x c", "a b c", (1, 0, 0)),
        ("a c", "a b c", (0, 1, 0)),
        ("a b b c", "a b c", (0, 0, 1)),
        ("", "a b c", (0, 3, 0)),
        ("x y z w", "a", (1, 0, 3)),
        ("A b, c", "a b c", (2, 0, 0)),
        ("  a   b\tc\n", "a b c", (0, 0, 0)),
    ],
)
def test_on_paper(prediction, reference, counts):
    found = word_error_rate([prediction], [reference])
    assert (found.substitutions, found.deletions, found.insertions) == counts
    assert found.rate == sum(counts) / len(reference.split())
    assert found.hits + found.substitutions + found.deletions == found.length


def test_errors_are_counted_over_all_texts_not_averaged():
    found = word_error_rate(["x", "a b c d"], ["a", "a b c d"])
    assert found.rate == 1 / 5  # not the mean of 1 and 0


def test_the_steps_lead_from_one_text_to_the_other():
    found = word_error_rate(["the cat sat down"], ["cat sat up there"])
    (steps,) = found.edits
    assert [edit.kind for edit in steps].count("same") == 2
    assert [e.reference for e in steps if e.reference] == [
        *("cat", "sat", "up", "there")
    ]
    assert [e.prediction for e in steps if e.prediction] == [
        *("the", "cat", "sat", "down")
    ]


def test_characters_count_spaces_and_chinese():
    assert character_error_rate(["ab"], ["a b"]).rate == 1 / 3
    assert character_error_rate(["二百六"], ["二百零六"]).rate == 1 / 4
    assert character_error_rate([" ab "], ["ab"]).rate == 0


def test_a_single_empty_reference_counts_what_was_inserted():
    found = word_error_rate(["so much", "a"], ["", "a"])
    assert (found.rate, found.insertions, found.length) == (2.0, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "references must have words.* given 0 texts without any"),
        ((["a"], [""]), "given 1 texts without any"),
        ((["a"], ["  "]), "given 1 texts without any"),
        ((["a"], ["a", "b"]), "equally many; given 1 and 2"),
        (("a", ["a"]), "predictions must be a list of texts; given 'a'"),
        ((["a"], [None]), "references must be a list of texts"),
    ],
)
def test_bad_arguments_say_what_to_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        word_error_rate(*arguments)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ever tried, ever failed.", "ever tried ever failed"),
        ("'Tis the dogs' twenty-six – or 'so'", "tis the dogs twenty-six or so"),
        ("it’s", "it's"),
        ("…", ""),
        ("你好，世界！", "你好 世界"),
    ],
)
def test_plain(text, wanted):
    assert plain(text) == wanted


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["words", "characters"])
def test_numbers_are_those_of_jiwer(kind):
    import jiwer

    ours, theirs = {
        "words": (word_error_rate, jiwer.process_words),
        "characters": (character_error_rate, jiwer.process_characters),
    }[kind]
    rng = np.random.default_rng(0)

    def texts(count):
        sizes = rng.integers(1, 9, count)
        return [" ".join(rng.choice(list("abcd"), size)) for size in sizes]

    for _ in range(60):
        references, predictions = texts(5), texts(5)
        predictions[0], predictions[1] = "", references[1]
        found, wanted = ours(predictions, references), theirs(references, predictions)
        rate = wanted.wer if kind == "words" else wanted.cer
        assert found.rate == pytest.approx(rate, abs=1e-9)
        for name in ("substitutions", "deletions", "insertions", "hits"):
            assert getattr(found, name) == getattr(wanted, name), name
