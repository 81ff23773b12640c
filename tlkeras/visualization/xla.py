"""What XLA made of a function."""

import re
from collections import Counter
from typing import Any

# Bookkeeping that costs nothing at run time.
FREE = {
    "bitcast",
    "broadcast",
    "constant",
    "get-tuple-element",
    "parameter",
    "reshape",
    "tuple",
}


def xla_operations(compiled: Any, *inputs: Any) -> tuple[Counter[str], ...]:
    """Count the operations of a TensorFlow function before and after XLA.

    Args:
        compiled: a `tf.function(…, jit_compile=True)`.
        *inputs: tensors to compile it for.

    Returns:
        Two counters, operation name to count: as written, and as compiled. What XLA
        fused into one loop counts once, as `fusion`.
    """
    text = compiled.experimental_get_compiler_ir(*inputs)
    return tuple(_count(text(stage=stage)) for stage in ("hlo", "optimized_hlo"))


def _count(program):
    entry = program[program.index("\nENTRY") :]
    lines = [line for line in entry.splitlines() if not _keeps_order(line)]
    names = re.findall(r"= \S+ ([\w-]+)\(", "\n".join(lines))
    return Counter(name for name in names if name not in FREE)


def _keeps_order(line):
    """Whether a line is a transposition that exchanges nothing."""
    order = re.search(r" transpose\(.*dimensions=\{([\d,]*)\}", line)
    axes = order[1].split(",") if order else []
    return bool(axes) and axes == sorted(axes, key=int)
