"""The engine of the course: finds lessons, builds notebooks, verifies the checks.

`lesson("01_attention").check` is what a notebook needs, and loads NumPy alone.
"""

from tlkeras.course.quiet import quiet_tensorflow
from tlkeras.course.syllabus import CourseError, Lesson, lesson, lessons

__all__ = ["CourseError", "Lesson", "lesson", "lessons"]

quiet_tensorflow()
