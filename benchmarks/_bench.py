"""Time the same work in several libraries, in turn, under the same conditions.

Every contestant lives in a process of its own, because a process has one Keras backend
and one thread pool. All are prepared and warmed up first; then they run one after the
other, round after round, so that a busy moment of the machine hits all alike. A script
says what to run:

    def prepare(peer, case, options): ...  # returns a function that runs once, blocking

    main(__doc__, prepare, peers=("tlkeras", "torch"), cases={"512": {"length": 512}})
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

SIDE = 2048  # of the square matrices whose product is the ceiling
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
BACKENDS = ("tensorflow", "jax", "torch")


def main(
    description,
    prepare,
    peers,
    cases,
    flops=None,
    rounds=9,
    memory=False,
    skip=lambda peer, case: False,
):
    """Run as the parent, which prints a table, or as the process of one contestant.

    Args:
        prepare: `(peer, case, options)` to a function without arguments that does the
            work once and waits for its end.
        peers: names; the first one is compared with each of the others.
        cases: name to a dictionary of sizes.
        flops: from a case to its floating-point operations in matrix products.
        rounds: how often each contestant runs.
        memory: also report how far the peak of resident memory rose, in MB.
        skip: from a peer and a case to whether to leave it out.
    """
    options = _options(description, peers, cases, rounds)
    if options.worker:
        peer, case = json.loads(options.worker)
        return _serve(peer, case, prepare, options)
    rows = []
    for name in options.cases:
        peers = [peer for peer in options.peers if not skip(peer, cases[name])]
        rows += _compare(name, cases[name], peers, flops, options)
    print_rows(rows, memory, options.clock)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": machine(options), "rows": rows}, file, indent=2)
    return rows


def machine(options):
    """What the figures depend on."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("tensorflow", "jax", "torch", "keras", "keras-hub", "transformers"):
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "processor": platform.processor() or platform.machine(),
        "backend": options.backend,
        "device": options.device,
        "threads": options.threads,
        "python": platform.python_version(),
        **versions,
    }


def compiled(function, jit_compile=True):
    """A function of Keras tensors, compiled by the backend that is in use."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=jit_compile)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def wait(result):
    """Return when the result is there, not only asked for."""
    first = result
    while isinstance(first, list | tuple | dict):
        first = next(iter(first.values() if isinstance(first, dict) else first))
    if hasattr(first, "block_until_ready"):
        first.block_until_ready()
    elif hasattr(first, "is_cuda") and first.is_cuda:
        import torch

        torch.cuda.synchronize()
    elif hasattr(first, "numpy") and not hasattr(first, "detach"):
        first.numpy()
    return result


def print_rows(rows, memory=False, clock="wall"):
    """The table, in Markdown."""
    first = rows[0]["peer"]
    time = "median ms" if clock == "wall" else f"median ms of the {clock}"
    heads = ["case", "peer", time, f"÷ {first}", "of matmul ceiling"]
    print("\n| " + " | ".join(heads + ["peak MB"] * memory) + " |")
    print("|" + "---|" * (len(heads) + memory))
    for row in rows:
        share = "" if row["ceiling"] is None else f"{row['ceiling']:.0%}"
        cells = [row["case"], row["peer"], f"{row['seconds'] * 1e3:.1f}"]
        cells += [f"{row['ratio']:.2f}", share]
        cells += [f"{row['megabytes']:.0f}"] * memory
        print("| " + " | ".join(cells) + " |", flush=True)


def _options(description, peers, cases, rounds):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, default="tensorflow")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="processor: of all threads, for a machine that others use as well",
    )
    parser.add_argument("--peers", nargs="+", choices=peers, default=list(peers))
    parser.add_argument("--cases", nargs="+", choices=list(cases), default=list(cases))
    parser.add_argument("--json", metavar="PATH", help="also write the figures there")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(name, case, peers, flops, options):
    contestants = {peer: _start(peer, case, options) for peer in peers}
    if flops:
        contestants["matmul"] = _start("matmul", case, options)
    times = {peer: [] for peer in contestants}
    memory = {}
    try:
        for _ in range(options.rounds):
            for peer, process in contestants.items():
                answer = _ask(peer, process)
                times[peer].append(answer["seconds"])
                memory[peer] = answer["megabytes"]
    finally:
        for process in contestants.values():
            process.kill()
    medians = {peer: statistics.median(seconds) for peer, seconds in times.items()}
    ceiling = 2 * SIDE**3 / medians.pop("matmul") if flops else None
    return [
        {
            "case": name,
            "peer": peer,
            "seconds": seconds,
            "ratio": seconds / medians[peers[0]],
            "ceiling": flops(case) / seconds / ceiling if flops else None,
            "megabytes": memory[peer],
        }
        for peer, seconds in medians.items()
    ]


def _start(peer, case, options):
    environment = {
        **os.environ,
        **dict.fromkeys(THREADS, str(options.threads)),
        "KERAS_BACKEND": options.backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(options.threads),
        "TF_NUM_INTEROP_THREADS": "1",
    }
    if options.device == "cpu":
        environment |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, sys.argv[0], "--worker", json.dumps([peer, case])]
    command += ["--backend", options.backend, "--device", options.device]
    command += ["--threads", str(options.threads), "--peers", *options.peers]
    command += ["--clock", options.clock]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=_pin(options.threads) if options.device == "cpu" else None,
    )
    _answer(peer, process)  # prepared and warm
    return process


def _pin(threads):
    """Keep a process, whatever pools it makes, to the first processors."""
    chosen = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, chosen)


def _ask(peer, process):
    process.stdin.write("run\n")
    process.stdin.flush()
    return _answer(peer, process)


def _answer(peer, process):
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    raise RuntimeError(f"{peer} ended without an answer; its error stands above.")


def _serve(peer, case, prepare, options):
    run = prepare(peer, case, options) if peer != "matmul" else _matmul(options)
    before = _peak_megabytes(options)
    run()
    run()
    print(json.dumps({"ready": peer}), flush=True)
    clock = CLOCKS[options.clock]
    for _ in sys.stdin:
        start = clock()
        run()
        seconds = clock() - start
        rise = _peak_megabytes(options) - before
        print(json.dumps({"seconds": seconds, "megabytes": rise}), flush=True)


def _matmul(options):
    """One square matrix product: what the machine can do at most, or nearly."""
    import keras
    import numpy as np

    dtype = "float32" if options.device == "cpu" else "bfloat16"
    matrix = keras.ops.cast(np.random.rand(SIDE, SIDE), dtype)
    product = compiled(keras.ops.matmul, jit_compile=False)
    return lambda: wait(product(matrix, matrix))


def _peak_megabytes(options):
    if options.device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if "torch" in sys.modules:
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    import jax

    return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
