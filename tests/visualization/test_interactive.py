"""A figure with sliders is the figure without them, drawn again."""

import base64

import matplotlib.pyplot as plt
import pytest

from tlkeras import visualization as show
from tlkeras.visualization import figures, interactive

HEADS = [[0.1, 0.9], [0.4, 0.2]]


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def drawn(seen):
    """Draws a head, and notes what was chosen."""

    def draw(layer, head):
        seen.append((layer, head))
        return show.bars(["a"], [HEADS[layer][head]], "", "")

    return draw


def test_without_a_notebook_the_first_choice_is_drawn():
    seen = []
    axes = show.explore(drawn(seen), layer=range(2), head=[1, 0])
    assert seen == [(0, 1)]
    assert axes.patches[0].get_height() == 0.9


def test_a_slider_draws_the_figure_again(monkeypatch):
    monkeypatch.setattr(interactive, "_can_show_sliders", lambda: True)
    seen = []
    found = show.explore(drawn(seen), layer=range(2), head=(1, 0))
    assert set(seen) == {(0, 1)}
    found.sliders["layer"].value = 1
    found.sliders["head"].value = 0
    assert seen[-2:] == [(1, 1), (1, 0)]
    bundle = found._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("choices", [{}, {"layer": range(0)}])
def test_there_must_be_something_to_choose(choices):
    with pytest.raises(ValueError, match="choices must have values"):
        show.explore(drawn([]), **choices)


def test_chinese_letters_come_from_a_font_that_is_installed(monkeypatch):
    for names, wanted in ((["SimHei", "Other"], ["SimHei"]), ([], [])):
        monkeypatch.setattr(figures.font_manager, "get_font_names", lambda n=names: n)
        assert figures.families() == ["sans-serif", *wanted]
    monkeypatch.undo()
    assert plt.rcParams["font.family"] == figures.families()
