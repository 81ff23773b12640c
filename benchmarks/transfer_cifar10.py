"""Five kinds of photograph learned from five others: a small ViT on part of CIFAR-10.

python benchmarks/transfer_cifar10.py [--seeds 5] [--folder results/transfer_cifar10]

The experiment is lesson 13's at full scale (`course/13_vit/full_scale.py`), on the 500
training and 100 test images of each kind that a mirror holds (`TLKERAS_MIRROR`).
"""

import argparse
import runpy
from pathlib import Path

LESSON = Path(__file__).resolve().parents[1] / "course" / "13_vit"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="results/transfer_cifar10")
    parser.add_argument("--seeds", type=int, default=5)
    main = runpy.run_path(str(LESSON / "full_scale.py"))["main"]
    main(part=True, **vars(parser.parse_args()))
