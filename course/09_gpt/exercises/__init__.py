"""What lesson 09 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T length, V vocabulary, N heads, H head
size, L length of the cache.
"""
