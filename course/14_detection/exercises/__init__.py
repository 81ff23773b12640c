"""What lesson 14 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: N and M boxes, Q queries, G things in the picture, D
detections, C classes without *nothing*, which is class C.
"""
