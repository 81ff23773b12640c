"""What lesson 15 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B images, H height, W width, C channels, T patches, D
model size, E size of a condition, M and N vectors.
"""
