"""What lesson 02 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T query length, S key length, N heads, K
key/value heads, H size of a query or key of one head, V size of a value of one head.
"""
