"""What lesson 17 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T tokens, C labels with the blank, U length
of a text, S its length with blanks.
"""
