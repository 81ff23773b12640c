"""What lesson 21 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: L layers, N heads, T tokens, B texts, V size of what
a head gives, D model size, P parts that can be deleted.
"""
