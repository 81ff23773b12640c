"""Arrays in, matplotlib figures out, in one colour-blind-safe style."""

from tlkeras.visualization import palette

__all__ = ["palette"]
