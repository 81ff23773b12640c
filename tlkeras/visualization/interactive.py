"""Any figure with something to choose: a slider for each of its arguments."""

import base64
import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

import matplotlib.pyplot as plt


def explore(draw: Callable[..., Any], **choices: Iterable) -> Any:
    """A figure, and a slider for each argument that can be chosen.

    The figure is the one that is drawn without sliders, in the same colours. Where
    nothing can be moved (a page on the web, a script, no ipywidgets) the first choices
    are shown.

    Args:
        draw: draws a figure and returns its axes; called with a value of each choice.
        choices: argument to the values that it may have, in order; the first one is
            shown at first.

    Returns:
        In a notebook what it shows; elsewhere the axes of the first choices.

    Raises:
        ValueError: there is nothing to choose, or an argument has no values.

    Example:

    >>> from tlkeras import visualization as show
    >>> heads = [[0.1, 0.9], [0.4, 0.2]]
    >>> axes = show.explore(lambda layer: show.bars("ab", heads[layer], "head", ""),
    ...                     layer=range(2))
    """
    values = {name: list(given) for name, given in choices.items()}
    empty = [name for name, given in values.items() if not given]
    if empty or not values:
        raise ValueError(
            f"choices must have values for each argument; given {values or 'none'}."
        )
    first = draw(**{name: given[0] for name, given in values.items()})
    return _Sliders(draw, values, first) if _can_show_sliders() else first


def _can_show_sliders():
    """Whether this is a notebook's kernel, with ipywidgets installed."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if not hasattr(shell, "kernel"):
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


class _Sliders:
    """Sliders above a figure, and a picture of it for where they cannot be shown."""

    def __init__(self, draw, values, first):
        import ipywidgets as widgets

        figure, picture = first.figure, io.BytesIO()
        figure.savefig(picture, format="png")
        plt.close(figure)
        self.picture = base64.b64encode(picture.getvalue()).decode()
        self.sliders = {
            name: widgets.SelectionSlider(
                options=[(str(value), value) for value in given],
                description=name,
                continuous_update=False,
            )
            for name, given in values.items()
        }
        shown = widgets.interactive_output(draw, self.sliders)
        self.box = widgets.VBox([*self.sliders.values(), shown])

    def _repr_mimebundle_(self, **kwargs):
        bundle = self.box._repr_mimebundle_(**kwargs) or {}
        return {**bundle, "image/png": self.picture}
