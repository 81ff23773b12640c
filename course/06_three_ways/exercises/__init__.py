"""What lesson 06 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: N examples, B batch, T length, D size of a vector, C
classes, G settings, S seeds.
"""
