"""What lesson 20 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B pairs or images, C texts or classes, P prompts or
tubelets, E embedding, Q searches, N things that are searched; F frames, H height, W
width.
"""
