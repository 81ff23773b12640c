"""What XLA made of a function."""

import re
from collections import Counter

# Bookkeeping that costs nothing at run time.
FREE = {"parameter", "constant", "bitcast", "reshape", "broadcast", "tuple"}


def xla_operations(compiled, *inputs):
    """Count the operations of a TensorFlow function before and after XLA.

    Args:
        compiled: a `tf.function(…, jit_compile=True)`.
        *inputs: tensors to compile it for.

    Returns:
        Two counters, operation name to count: as written, and as compiled. What XLA fused
        into one loop counts once, as `fusion`.
    """
    text = compiled.experimental_get_compiler_ir(*inputs)
    return tuple(_count(text(stage=stage)) for stage in ("hlo", "optimized_hlo"))


def _count(program):
    entry = program[program.index("\nENTRY") :]
    names = re.findall(r"= \S+ ([\w-]+)\(", entry)
    return Counter(name for name in names if name not in FREE)
