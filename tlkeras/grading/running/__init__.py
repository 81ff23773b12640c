"""Running a notebook: its cells, and its checks on the learner's own machine."""
