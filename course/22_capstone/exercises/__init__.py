"""What lesson 22 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: L layers, S seeds, E epochs, N examples, D features,
K candidates, R devices, P weights.
"""
