"""What lesson 07 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Where an answer is a Keras layer, or acts on some, a probe
builds them with known weights, and trains a step where that tells more. Axes: B batch,
T length, D size of the input, F size of the output, C classes; r is a rank.
"""
