"""Parts of texts: how tokens become parts, and the very characters that were given."""

import numpy as np
import pytest
from pipelines.conftest import by_table

from tlkeras.pipelines import Entity, TokenClassification

LABELS = ["O", "B-place", "I-place", "B-sum"]


def labelled(known, tokenizer, classes):
    """A pipeline that gives single characters (their tokens) a class, the rest 0."""
    table = np.zeros((tokenizer.vocabulary_size, len(LABELS)))
    table[:, 0] = 3.0
    for character, number in classes.items():
        for token in (character, f"##{character}"):
            table[tokenizer.id_of(token), number] = 9.0
    return TokenClassification(known(by_table(table)), tokenizer, LABELS)


def test_parts_are_characters_of_the_text(known, tokenizers):
    find = labelled(known, tokenizers["words"], {"東": 1, "京": 2, "１": 3})
    text = "👩‍👩‍👧  cafe\u0301 東京：１ 東 x 京"
    found = find(text)
    assert [(x.text, x.label) for x in found] == [
        ("東京", "place"),
        ("１", "sum"),
        ("東", "place"),
        ("京", "place"),
    ]
    assert all(text[x.start : x.end] == x.text for x in found)
    chance = np.exp(9) / (np.exp(9) + np.exp(3) + 2)
    assert found[0].score == pytest.approx(chance, abs=1e-6)


def test_a_b_begins_a_new_part_and_a_space_belongs_to_it(known, tokenizers):
    find = labelled(known, tokenizers["words"], {"東": 1, "京": 2})
    assert [x.text for x in find("東東京")] == ["東", "東京"]
    assert [x.text for x in find("東 京\u0301。")] == ["東 京\u0301"]
    assert [x.text for x in find("東，京")] == ["東", "京"]


def test_without_names_class_0_is_outside(known, tokenizers):
    tokenizer = tokenizers["words"]
    table = np.zeros((tokenizer.vocabulary_size, 3))
    table[:, 0] = 1.0
    table[tokenizer.id_of("元")] = [0, 0, 9]
    find = TokenClassification(known(by_table(table)), tokenizer)
    (found,) = find("20 元")
    assert found[:4] == ("元", 2, 3, 4)


def test_every_text_has_its_list(known, tokenizers):
    find = labelled(known, tokenizers["words"], {"東": 1})
    found = find(["", "東", "元", "元元 東"])
    assert [[x.start for x in one] for one in found] == [[], [0], [], [3]]
    assert find("") == []
    assert find([]) == []
    assert isinstance(find("東")[0], Entity)


def test_byte_pairs_without_special_tokens(known, tokenizers):
    tokenizer = tokenizers["bytes"]
    table = np.zeros((tokenizer.vocabulary_size, 2))
    (word,) = tokenizer.encode(" array", special=False)
    table[word] = [0, 9]
    table[:, 0] += 1
    find = TokenClassification(known(by_table(table)), tokenizer, ["O", "word"])
    (found,) = find("東京 is array")
    assert (found.text, found.start, found.end) == ("array", 6, 11)
    assert find("") == []


def test_what_is_refused(known, tokenizers):
    tokenizer = tokenizers["words"]
    find = labelled(known, tokenizer, {"東": 1})
    with pytest.raises(ValueError, match=r"texts\[1\].*64 tokens.*truncate=True"):
        find(["東", "東" * 80])
    with pytest.raises(ValueError, match="outside must be one of labels"):
        TokenClassification(known(None), tokenizer, ["A", "B"])
    wrong = known(lambda batch: np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"logits \(B, T, classes\)"):
        TokenClassification(wrong, tokenizer)("東")
