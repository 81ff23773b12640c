"""Text from a model, one token at a time: greedy, sampling and beam search.

Everything here works on a **step**, a function of three arguments:

    logits, cache = step(token_ids, cache, index)

It reads the tokens `(B, T)` that stand at positions `index … index + T − 1`, looks at
what `cache` remembers of earlier ones, and returns the logits `(B, V)` of the token
that follows the last, with the cache brought up to date.

The cache is a tensor, or any nested list, tuple or dictionary of tensors, whose first
axis is B and whose shapes do not change; whatever else belongs to a row, such as an
encoder's output, travels in it too. It remembers by position: reading a position again
replaces what it held, and later positions are not looked at. Keys and values do so; the
state of a recurrent network does not.

Decoding is one `while_loop` with static shapes, which `jit` compiles with XLA; `stream`
is a loop of Python around a compiled step, and gives each token at once.

Axes: B batch, P prompt length, L `max_length`, V vocabulary, K beams.
"""

from tlkeras.generation.beams import beam_search
from tlkeras.generation.compilation import jit
from tlkeras.generation.decoding import generate, stream
from tlkeras.generation.samplers import Greedy, Sample

__all__ = ["Greedy", "Sample", "beam_search", "generate", "jit", "stream"]
