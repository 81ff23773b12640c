"""Two words for signatures; a docstring says which shape and which values."""

from typing import Any

# A tensor of whichever backend is at work, a symbolic one, or a NumPy array.
Tensor = Any
# As Keras writes it: `None` where an axis may have any length.
Shape = tuple[int | None, ...]
