"""What lesson 13 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, H height, W width, C channels, h and w rows
and columns of patches, p and q rows and columns within a patch, P = h · w patches,
D model size, L layers, N heads, T = 1 + P tokens.
"""
