"""Notebooks and their code, read and never run."""
