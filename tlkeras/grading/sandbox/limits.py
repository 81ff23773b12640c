"""How much a submission may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Args:
        memory: bytes of address space of a process, and of resident memory of all.
            The default fits TensorFlow.
        disk: bytes of the temporary folder, and again of shared memory.
        file_size: bytes of the largest file.
        processes: processes and threads at once.
        cpu: seconds of processor time of a process.
        wall: seconds for the whole submission, whatever it does.
        cell: seconds for a cell.
        exercise: seconds for all cases of an exercise.
        output: bytes of what it prints that are kept; the rest is counted and dropped.
    """

    memory: int = 8 << 30
    disk: int = 256 << 20
    file_size: int = 256 << 20
    processes: int = 256
    cpu: int = 300
    wall: float = 300
    cell: float = 60
    exercise: float = 20
    output: int = 64 << 10
