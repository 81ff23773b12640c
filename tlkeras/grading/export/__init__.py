"""Handing marks on: to Gradescope as `results.json`, to nbgrader as its gradebook."""

from tlkeras.grading.export.gradebook import nbgrader
from tlkeras.grading.export.gradescope import gradescope
from tlkeras.grading.export.marks import ExportError

__all__ = ["ExportError", "gradescope", "nbgrader"]
