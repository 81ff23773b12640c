"""A class of submissions: found, judged where none of their code runs, written."""
