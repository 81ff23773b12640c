"""What lesson 05 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, S source length, T target length, V
vocabulary, K beams. Tokens: 0 padding, 1 begin, 2 end.
"""
