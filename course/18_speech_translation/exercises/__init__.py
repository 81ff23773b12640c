"""What lesson 18 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T places of what is written, S tokens of
what is heard, D their width, V vocabulary.
"""
