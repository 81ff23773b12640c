"""Sound in figures, with units, and to listen to."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tlkeras.visualization.figures import INK, _axes


def waveform(
    samples: np.ndarray,
    sample_rate: float,
    title: str = "",
    axes: Any = None,
    start: float = 0.0,
) -> Any:
    """Samples `(S,)` over time in seconds, which begins at `start`.

    Less than a tenth of a second is drawn in milliseconds.
    """
    axes = _axes(axes, 6, 2)
    time = start + np.arange(len(samples)) / sample_rate  # (S,)
    short = len(samples) / sample_rate < 0.1
    axes.plot(time * 1e3 if short else time, samples, linewidth=0.8)
    unit = "milliseconds" if short else "seconds"
    axes.set(xlabel=f"time, {unit}", ylabel="sample, −1 to 1", title=title)
    axes.margins(x=0)
    return axes


def spectrogram(
    values: ArrayLike,
    frames_per_second: float,
    top: float,
    ylabel: str,
    unit: str,
    title: str = "",
    axes: Any = None,
    darkest: float | None = None,
) -> Any:
    """Frames across, frequency or mels up: values `(F, K)`, dark for large.

    Args:
        values: one row a frame.
        frames_per_second: for the axis of time, in seconds.
        top: the value of `ylabel` at the upper edge, such as 4000 (Hz) or 28 (mels).
        ylabel: what goes up, with its unit.
        unit: of the values, for the colour bar.
        title: of the figure. Defaults to `""`.
        axes: to draw into. Defaults to new ones.
        darkest: the value that is darkest. Defaults to the largest.
    """
    axes = _axes(axes, 5, 2.6)
    values = np.asarray(values)
    picture = axes.imshow(
        values.T,
        cmap=INK,
        origin="lower",
        aspect="auto",
        extent=(0, len(values) / frames_per_second, 0, top),
        vmax=darkest,
        interpolation="nearest",
    )
    axes.set(xlabel="time, seconds", ylabel=ylabel, title=title)
    axes.figure.colorbar(picture, ax=axes, shrink=0.9, label=unit)
    return axes


def players(
    sounds: Sequence[ArrayLike],
    titles: Iterable[str],
    sample_rate: float | Sequence[float],
) -> Any:
    """A row of players for a notebook, a title above each.

    Args:
        sounds: floats `(S,)` each, played as loud as they can be.
        titles: as many.
        sample_rate: in Hz, one for all or one for each.
    """
    from IPython.display import HTML, Audio

    rates = np.broadcast_to(sample_rate, len(sounds))
    cells = []
    for sound, title, rate in zip(sounds, titles, rates, strict=True):
        player = Audio(np.asarray(sound), rate=int(rate))._repr_html_()
        cells.append(
            f'<figure style="margin:0"><figcaption>{html.escape(str(title))}'
            f"</figcaption>{player}</figure>"
        )
    style = "display:flex;flex-wrap:wrap;gap:12px 24px"
    return HTML(f'<div style="{style}">{"".join(cells)}</div>')
