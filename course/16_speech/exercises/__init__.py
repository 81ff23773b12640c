"""What lesson 16 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, S samples, F frames, L samples of a frame,
K frequencies, M mels, T tokens, D features, Q stripes, C classes.
"""
