"""What lesson 11 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is plain Python or float64 NumPy written in steps; a misconception
replaces a step (see `tlkeras.grading.Exercise`). Axes: S source length, T target
length, V vocabulary.
"""
