"""Figures of what happens inside of a model: heat on tokens, heads, deletion, lens."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from tlkeras.visualization import palette
from tlkeras.visualization.figures import INK, SIGNED, _axes

LETTER = 0.085  # inches that a letter takes at most, in size 10


def token_heat(
    tokens: Sequence[str],
    values: ArrayLike,
    title: str = "",
    columns: int = 80,
    axes: Any = None,
) -> Any:
    """A text whose tokens are coloured by a number each, the numbers below.

    Where some values are negative, blue is above zero and orange below; else dark is
    large. The largest magnitude has the full colour.

    Args:
        tokens: as many as values, shown as they are.
        values: numbers `(T,)`.
        title: of the figure. Defaults to `""`.
        columns: letters a line. Defaults to 80.
        axes: to draw into. Defaults to new ones.

    Raises:
        ValueError: there are not as many values as tokens.
    """
    values = np.asarray(values, dtype="float64")
    if values.shape != (len(tokens),):
        raise ValueError(
            f"values must be as many as tokens, {len(tokens)}; given {values.shape}."
        )
    most = np.max(np.abs(values), initial=0) or 1.0
    colours = SIGNED if np.min(values, initial=0) < 0 else INK
    scale = Normalize(-most if colours is SIGNED else 0, most)
    places, line, column = [], 0, 0.0
    for token in tokens:
        width = max(_width(token), 4) + 1
        if column + width > columns and column:
            line, column = line + 1, 0.0
        places.append((column, line, width))
        column += width
    wide = max((c + w for c, _, w in places), default=1)
    axes = _axes(axes, max(2.0, wide * LETTER * 1.12), 0.45 + 0.52 * (line + 1))
    axes.set(xlim=(0, wide), ylim=(line + 0.75, -0.45), title=title)
    axes.axis("off")
    for (left, row, width), token, value in zip(places, tokens, values, strict=True):
        colour = to_hex(colours(scale(value)))
        middle = left + (width - 0.4) / 2
        box: dict[str, Any] = {"facecolor": colour, "edgecolor": "none"}
        axes.add_patch(Rectangle((left, row - 0.3), width - 0.4, 0.55, **box))
        style = {"ha": "center", "va": "center", "parse_math": False}
        axes.text(middle, row, token, color=palette.text_on(colour), **style)
        small = {**style, "fontsize": 7, "color": palette.GREY}
        axes.text(middle, row + 0.42, _short(value), **small)
    return axes


def head_grid(
    values: ArrayLike,
    title: str = "",
    marked: Sequence[tuple[int, int]] = (),
    unit: str = "",
    axes: Any = None,
) -> Any:
    """A number for each head: layers down, heads across, both counted from 0.

    Args:
        values: numbers `(layers, heads)`.
        title: of the figure. Defaults to `""`.
        marked: pairs of layer and head with a frame. Defaults to none.
        unit: of the values, for the colour bar. Defaults to `""`.
        axes: to draw into. Defaults to new ones.
    """
    values = np.asarray(values, dtype="float64")
    rows, columns = values.shape
    axes = _axes(axes, 1.6 + 0.46 * columns, 1.1 + 0.36 * rows)
    most = np.max(np.abs(values)) or 1.0
    signed = np.min(values) < 0
    colours = SIGNED if signed else INK
    limits = {"vmin": -most if signed else 0, "vmax": most}
    picture = axes.imshow(values, cmap=colours, aspect="auto", **limits)
    for row in range(rows if columns <= 16 else 0):
        for column in range(columns):
            shade = to_hex(picture.to_rgba(values[row, column]))
            style = {"ha": "center", "va": "center", "fontsize": 8}
            text = _short(values[row, column])
            axes.text(column, row, text, color=palette.text_on(shade), **style)
    for row, column in marked:
        corner = (column - 0.46, row - 0.46)
        frame: dict[str, Any] = {"edgecolor": palette.ORANGE, "linewidth": 2.5}
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, **frame))
    axes.set(xlabel="head", ylabel="layer", title=title)
    axes.set_xticks(range(columns))
    axes.set_yticks(range(rows))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = {"shrink": 0.9, "aspect": max(12, 2 * rows)}
    axes.figure.colorbar(picture, ax=axes, label=unit, **bar)
    return axes


def deletion_curves(
    curves: Mapping[str, ArrayLike],
    ylabel: str,
    title: str = "",
    dotted: Sequence[str] = ("random",),
    axes: Any = None,
) -> Any:
    """Scores while units are deleted, one line an order, with the area in its label.

    Args:
        curves: name to `(steps + 1,)`, or to `(examples, steps + 1)`, of which the mean
            is drawn.
        ylabel: what the score is.
        title: of the figure. Defaults to `""`.
        dotted: names of baselines. Defaults to `("random",)`.
        axes: to draw into. Defaults to new ones.
    """
    axes = _axes(axes, 6, 3.6)
    means = {
        name: np.atleast_2d(np.asarray(given, "float64")).mean(axis=0)
        for name, given in curves.items()
    }
    area = {name: float((y[1:] + y[:-1]).mean() / 2) for name, y in means.items()}
    for name in sorted(means, key=area.__getitem__):
        y = means[name]
        label = f"{name}  {area[name]:.3f}"
        colour = palette.GREY if name in dotted else None
        style = ":" if name in dotted else "-"
        axes.plot(np.linspace(0, 100, len(y)), y, style, color=colour, label=label)
    axes.set(xlabel="deleted, percent", ylabel=ylabel, title=title, xlim=(0, 100))
    axes.legend(title="area, smallest first", fontsize=9)
    return axes


def lens_table(
    words: Sequence[Sequence[str]],
    probabilities: ArrayLike,
    tokens: Sequence[str],
    title: str = "",
    axes: Any = None,
) -> Any:
    """What a model would say next after each layer: words, coloured by probability.

    Args:
        words: rows of words, one a layer from the embedding up, one column a token.
        probabilities: of the words, `(rows, columns)`.
        tokens: what was read, below the columns.
        title: of the figure. Defaults to `""`.
        axes: to draw into. Defaults to new ones.

    Raises:
        ValueError: the numbers of rows or columns differ.
    """
    values = np.asarray(probabilities, dtype="float64")
    if [len(row) for row in words] != [len(tokens)] * len(values):
        raise ValueError(
            f"words must be {len(values)} rows of {len(tokens)}, as probabilities and "
            f"tokens; given rows of {[len(row) for row in words]}."
        )
    letters = max(6, *(_width(x) for row in [*words, tokens] for x in row))
    size = (1.7 + letters * LETTER * len(tokens), 1.3 + 0.34 * len(words))
    axes = _axes(axes, *size)
    limits = {"vmin": 0, "vmax": 1, "origin": "lower", "aspect": "auto"}
    picture = axes.imshow(values, cmap=INK, **limits)
    for row, line in enumerate(words):
        for column, word in enumerate(line):
            shade = to_hex(picture.to_rgba(values[row, column]))
            style = {"ha": "center", "va": "center", "fontsize": 9}
            colour = palette.text_on(shade)
            axes.text(column, row, word, color=colour, parse_math=False, **style)
    axes.set(xlabel="token read", ylabel="after layer", title=title)
    axes.set_xticks(range(len(tokens)), tokens, fontsize=9, parse_math=False)
    axes.set_yticks(range(len(words)))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.figure.colorbar(picture, ax=axes, shrink=0.9, label="probability")
    return axes


def _width(text):
    """Letters; Chinese ones count twice."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _short(value):
    """Two digits behind the point, without a zero before it."""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    if float(text) == 0:
        return "0"
    sign, size = ("−", text[1:]) if text[0] == "-" else ("", text)
    return sign + (size[1:] if size.startswith("0.") else size)
