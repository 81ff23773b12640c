"""The figures of the course. Each draws into `axes`, or into a figure of its own."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from tlkeras.visualization import palette

INK = LinearSegmentedColormap.from_list("tlkeras", palette.SEQUENTIAL)
SIGNED = LinearSegmentedColormap.from_list("tlkeras signed", palette.DIVERGING)
# Fonts with Chinese letters, of Linux, Windows and macOS: those that are installed draw
# what the usual one lacks. (Some versions of Matplotlib read only the first font of a
# collection: of Noto's that is JP.)
HAN: tuple[str, ...] = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK TC")
HAN += ("Noto Sans SC", "Source Han Sans SC")
HAN += ("WenQuanYi Micro Hei", "WenQuanYi Zen Hei")
HAN += ("Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB", "Heiti TC")
HAN += ("Droid Sans Fallback", "Arial Unicode MS")


def families() -> list[str]:
    """The usual fonts, then those of `HAN` that are installed."""
    installed = set(font_manager.get_font_names())
    return ["sans-serif", *(name for name in HAN if name in installed)]


STYLE: dict[Any, Any] = {
    "axes.prop_cycle": cycler(color=palette.CYCLE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.family": families(),
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 2,
}
plt.rcParams.update(STYLE)


def panels(*widths: float, height: float = 3.2) -> np.ndarray:
    """Axes side by side, as many as there are `widths` (inches)."""
    _, axes = plt.subplots(
        1,
        len(widths),
        figsize=(sum(widths), height),
        width_ratios=widths,
        squeeze=False,
    )
    return axes[0]


def _axes(axes, width, height):
    return plt.subplots(figsize=(width, height))[1] if axes is None else axes


def curves(
    x: ArrayLike,
    lines: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "",
    dotted: Container[str] = (),
    axes: Any = None,
) -> Any:
    """One line for each entry of `lines`: `label -> y`, or `label -> (y, spread)`.

    A spread is drawn as a band; labels in `dotted` are baselines. `log` names the axes
    that are logarithmic: `x`, `y` or `both`.
    """
    axes = _axes(axes, 6, 3.5)
    for label, y in lines.items():
        y, spread = y if isinstance(y, tuple) else (y, None)
        style = ":" if label in dotted else "-"
        (line,) = axes.plot(x, y, style, marker="o", markersize=4, label=label)
        if spread is not None:
            low, high = np.subtract(y, spread), np.add(y, spread)
            axes.fill_between(x, low, high, color=line.get_color(), alpha=0.15, lw=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if log in ("x", "both"):
        axes.set_xscale("log")
    if log in ("y", "both"):
        axes.set_yscale("log")
    axes.legend()
    return axes


def learning_curves(
    label_counts: Sequence[int],
    lines: Mapping[str, Any],
    ylabel: str = "accuracy",
    title: str = "",
    axes: Any = None,
) -> Any:
    """Curves over numbers of labels, which are ticks: `lines` as in `curves`."""
    axes = curves(label_counts, lines, "labels", ylabel, title, log="x", axes=axes)
    axes.set_xticks(label_counts, [f"{count:,}" for count in label_counts])
    axes.minorticks_off()
    return axes


def matrix(
    values: ArrayLike,
    xlabel: str,
    ylabel: str,
    title: str = "",
    xticks: Sequence | None = None,
    yticks: Sequence | None = None,
    axes: Any = None,
) -> Any:
    """A matrix as a picture: rows down, columns across, dark for large.

    Where some values are negative, blue is above zero and orange below.
    """
    rows, columns = np.shape(values)
    axes = _axes(axes, 1.5 + 0.32 * columns, 1.2 + 0.32 * rows)
    if np.min(values) < 0:
        most = np.max(np.abs(values))
        picture = axes.imshow(values, cmap=SIGNED, vmin=-most, vmax=most, aspect="auto")
    else:
        picture = axes.imshow(values, cmap=INK, vmin=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xticks(*_ticks(columns, xticks))
    axes.set_yticks(*_ticks(rows, yticks))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.figure.colorbar(picture, ax=axes, shrink=0.8)
    return axes


def _ticks(count, labels):
    """Where the ticks are and what they say; of many numbers every eighth."""
    if labels is not None:
        return range(count), labels
    places = range(0, count, 1 if count <= 24 else 8)
    return places, places


def picture_ticks(
    axes: Any,
    columns: np.ndarray | None = None,
    rows: np.ndarray | None = None,
    zoom: float = 2.5,
) -> None:
    """Small grey pictures below and beside a matrix, in place of numbers."""
    if columns is not None:
        axes.set_xticks([])
        axes.xaxis.labelpad = zoom * np.shape(columns)[1] + 8
        for place, picture in enumerate(columns):
            _picture(axes, picture, (place, -0.04), ("data", "axes fraction"), zoom)
    if rows is not None:
        axes.set_yticks([])
        axes.yaxis.labelpad = zoom * np.shape(rows)[2] + 8
        for place, picture in enumerate(rows):
            _picture(axes, picture, (-0.04, place), ("axes fraction", "data"), zoom)


def _picture(axes, picture, place, coordinates, zoom):
    below = coordinates[0] == "data"
    box = AnnotationBbox(
        OffsetImage(picture, zoom=zoom * 0.72, cmap="Greys", norm=Normalize(0, 1)),
        place,
        xycoords=coordinates,
        box_alignment=(0.5, 1) if below else (1, 0.5),
        frameon=False,
        pad=0,
        annotation_clip=False,
    )
    axes.add_artist(box)


def outline(axes: Any, columns: Iterable[int], label: str, colour: Any) -> None:
    """Frame one cell in each row of a matrix: the one in `columns[row]`."""
    for row, column in enumerate(columns):
        corner = (column - 0.46, row - 0.46)
        style = {"fill": False, "edgecolor": colour, "linewidth": 2}
        name = label if row == 0 else None
        axes.add_patch(Rectangle(corner, 0.92, 0.92, **style, label=name))


def images(
    pictures: Sequence[np.ndarray],
    titles: Iterable[str],
    columns: int = 9,
    width: float = 1.05,
) -> None:
    """Small grey pictures in a grid, `width` inches each, a title above each."""
    rows = -(-len(pictures) // columns)
    _, grid = plt.subplots(
        rows, columns, figsize=(columns * width, rows * 1.35), squeeze=False
    )
    for axes in grid.ravel():
        axes.axis("off")
    for axes, picture, title in zip(grid.ravel(), pictures, titles, strict=False):
        axes.imshow(picture, cmap="Greys", vmin=0)
        axes.set_title(title, fontsize=9, loc="center")


def bars(
    labels: Sequence[str],
    heights: Sequence[float],
    xlabel: str,
    ylabel: str,
    title: str = "",
    axes: Any = None,
) -> Any:
    """A bar for each label."""
    axes = _axes(axes, 6, 3)
    axes.bar(range(len(heights)), heights, color=palette.BLUE)
    axes.set_xticks(range(len(heights)), labels)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return axes


def points(
    x: ArrayLike,
    y: ArrayLike,
    xlabel: str,
    ylabel: str,
    title: str = "",
    axes: Any = None,
) -> Any:
    """A dot for each pair."""
    axes = _axes(axes, 5, 3.5)
    axes.plot(x, y, ".", color=palette.BLUE, alpha=0.5)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return axes
