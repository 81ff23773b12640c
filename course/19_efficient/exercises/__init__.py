"""What lesson 19 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: T queries, S keys, H size of a head, V size of a
value, I inputs and O outputs of a kernel, M blocks of 32 weights.
"""
