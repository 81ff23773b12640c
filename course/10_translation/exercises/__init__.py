"""What lesson 10 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is plain Python or float64 NumPy written in steps; a misconception
replaces a step (see `tlkeras.grading.Exercise`). Axes: K translations, T length,
V vocabulary, D model size.
"""
