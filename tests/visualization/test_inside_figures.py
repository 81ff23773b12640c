"""Figures of the inside of models say what they show."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tlkeras import visualization as show


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def words(axes):
    return [text.get_text() for text in axes.texts]


def test_tokens_have_the_colour_of_their_value():
    axes = show.token_heat(["a", "$x$", "数据"], [0.5, -1, 0], "heat")
    assert words(axes) == ["a", ".50", "$x$", "−1.00", "数据", "0"]
    colours = [patch.get_facecolor() for patch in axes.patches]
    assert min(colours[2]) > 0.99  # white
    assert colours[1][0] > colours[1][2]  # orange below zero
    assert axes.get_title(loc="left") == "heat"
    assert len({text.get_position()[1] for text in axes.texts}) == 2


def test_a_long_text_has_lines():
    axes = show.token_heat(["word"] * 40, np.ones(40), columns=20)
    assert len({text.get_position()[1] for text in axes.texts}) == 20
    show.token_heat([], [])
    with pytest.raises(ValueError, match="as many as tokens, 2"):
        show.token_heat(["a", "b"], [1])


def test_a_head_grid_has_layers_down():
    axes = show.head_grid([[0.1, 0.9], [0, 0.25], [0, 0]], "heads", marked=[(0, 1)])
    assert words(axes) == [".10", ".90", "0", ".25", "0", "0"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("layer", "head")
    assert axes.patches[0].get_xy() == (0.54, -0.46)
    assert words(show.head_grid(np.zeros((2, 17)))) == []


def test_deletion_curves_are_in_the_order_of_their_areas():
    axes = show.deletion_curves(
        {"random": [[1, 0.5, 0], [1, 0.7, 0.2]], "map": [1, 0, 0]}, "probability"
    )
    labels = [text.get_text() for text in axes.get_legend().texts]
    assert labels == ["map  0.250", "random  0.575"]
    assert axes.lines[1].get_linestyle() == ":"
    assert axes.lines[1].get_ydata().tolist() == [1, 0.6, 0.1]


def test_a_lens_table_has_the_first_layer_below():
    axes = show.lens_table([["a", "b"], ["c", "$d"]], [[0, 1], [0.5, 1]], ["x", "y"])
    assert words(axes) == ["a", "b", "c", "$d"]
    assert axes.images[0].origin == "lower"
    assert [t.get_text() for t in axes.get_xticklabels()] == ["x", "y"]
    with pytest.raises(ValueError, match="2 rows of 1"):
        show.lens_table([["a"], ["b", "c"]], [[1], [1]], ["x"])
