"""Arrays in, matplotlib figures out, in one colour-blind-safe style."""

import importlib

from tlkeras.visualization import palette

_FIGURES = (
    "bars",
    "curves",
    "images",
    "learning_curves",
    "matrix",
    "outline",
    "panels",
    "picture_ticks",
    "points",
)
_INSIDE = ("deletion_curves", "head_grid", "lens_table", "token_heat")
_SOUND = ("players", "spectrogram", "waveform")
__all__ = ["explore", "palette", "xla_operations", *_FIGURES, *_INSIDE, *_SOUND]


def __getattr__(name):
    if name in _FIGURES:  # matplotlib loads with the first figure
        return getattr(importlib.import_module("tlkeras.visualization.figures"), name)
    if name in _INSIDE:
        return getattr(importlib.import_module("tlkeras.visualization.inside"), name)
    if name in _SOUND:
        return getattr(importlib.import_module("tlkeras.visualization.sound"), name)
    if name == "explore":
        return importlib.import_module("tlkeras.visualization.interactive").explore
    if name == "xla_operations":
        return importlib.import_module("tlkeras.visualization.xla").xla_operations
    raise AttributeError(f"module 'tlkeras.visualization' has no attribute {name!r}")
