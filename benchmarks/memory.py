"""How much memory attention needs on top of its inputs, up to 32,768 tokens.

    python benchmarks/memory.py --peers chunked torch --cases 32768

The peak of resident memory includes what the first call compiles: compare the rows of
different lengths, or see the smallest one for that part.
"""

from _bench import main
from attention import flops, prepare

LENGTHS = (512, 2048, 8192, 16384, 32768)
CASES = {str(length): {"length": length, "gradient": False} for length in LENGTHS}
CASES |= {
    f"{length} gradient": {"length": length, "gradient": True} for length in LENGTHS
}
# The peers that hold all scores stop where these no longer fit into a laptop.
WHOLE = {"equation": 8192, "keras": 8192}


if __name__ == "__main__":
    main(
        __doc__,
        prepare,
        peers=("chunked", "equation", "keras", "torch"),
        cases=CASES,
        flops=flops,
        rounds=1,
        memory=True,
        skip=lambda peer, case: case["length"] > WHOLE.get(peer, case["length"]),
    )
