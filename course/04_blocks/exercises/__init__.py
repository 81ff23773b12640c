"""What lesson 04 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Inputs are arrays; where a learner is handed functions,
such as an attention, a probe makes them of the arrays. Axes: B batch, T length, S
length of the memory, D model size, F size of the feed-forward network's hidden layer.
"""
