"""What lesson 01 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, N heads, T query length, S key length, H
size of a query or key, V size of a value.
"""
