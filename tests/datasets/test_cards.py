"""Rows of cards: what the questions about them rely on."""

import numpy as np

from tlkeras.datasets import cards, digits


def rows():
    return cards.load_data(train_count=300, test_count=200)


def test_shapes_and_counts():
    for part, count in zip(rows(), (300, 200), strict=True):
        assert part.pictures.shape == (count, 8, 8, 16)
        assert part.pictures.dtype == np.float32
        assert {answer.shape for answer in part[1:]} == {(count, 8)}


def test_the_same_seed_deals_the_same_cards_and_another_seed_others():
    first, again = cards.load_data(50, 20), cards.load_data(50, 20)
    other = cards.load_data(50, 20, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert not np.array_equal(first[0].right, other[0].right)


def test_twins_are_twins_of_each_other_and_no_neighbours():
    train, _ = rows()
    places = np.arange(8)
    back = np.take_along_axis(train.twin_place, train.twin_place, axis=1)
    assert (back == places).all()
    assert not np.isin((train.twin_place - places) % 8, (0, 1, 7)).any()


def test_answers_are_right_digits_of_the_cards_they_ask_for():
    train, _ = rows()
    for row in range(5):
        for place in range(8):
            assert train.previous[row, place] == train.right[row, place - 1]
            twin = train.twin_place[row, place]
            assert train.twin[row, place] == train.right[row, twin]


def test_pictures_show_the_digits_and_parts_share_none():
    (known, known_labels), (new, _) = digits.load_data()
    train, test = rows()
    by_image = {x.tobytes(): y for x, y in zip(known, known_labels, strict=True)}
    right = np.ascontiguousarray(train.pictures[..., 8:])
    left = np.ascontiguousarray(train.pictures[..., :8])
    for row in range(20):
        shown = [by_image[image.tobytes()] for image in right[row]]
        assert shown == train.right[row].tolist()
        suits = np.array([by_image[image.tobytes()] for image in left[row]])
        assert (suits == suits[train.twin_place[row]]).all()
        assert len(set(suits)) == 4
    dealt = {
        x.tobytes()
        for x in np.ascontiguousarray(test.pictures[..., 8:]).reshape(-1, 8, 8)
    }
    assert dealt <= {x.tobytes() for x in new}
