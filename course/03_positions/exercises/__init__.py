"""What lesson 03 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T length, S length of the keys, N heads, H
head size, D model size, L rows of a table. λ is `max_wavelength`.
"""
