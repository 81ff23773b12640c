"""The system calls that lock a process up, by way of the C library.

All of it runs in a process that has run no learner's code yet.
"""

import ctypes
import os
import platform
import resource
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.prctl.argtypes = [ctypes.c_int, *4 * [ctypes.c_ulong]]
LIBC.mount.argtypes = [*3 * [ctypes.c_char_p], ctypes.c_ulong, ctypes.c_char_p]

NEW_NAMESPACES = 0x00020000 | 0x20000000 | 0x08000000 | 0x40000000 | 0x04000000
NEW_USER = 0x10000000  # mount, pid, ipc, net and uts above
NO_SUID, NO_DEV, NO_EXEC = 2, 4, 8
PRIVATE, RECURSIVE = 1 << 18, 1 << 14

SET_DUMPABLE, CAPBSET_DROP, SET_SECCOMP = 4, 24, 22
SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVS = 36, 38
CAPABILITY_VERSION = 0x20080522


def unshare(flags):
    """Enter new namespaces.

    Raises:
        OSError: the system does not allow it.
    """
    _raise_on_failure(LIBC.unshare(flags), "unshare")


def mount(kind, target, flags=0, options=""):
    """Mount a new file system.

    Raises:
        OSError: the system does not allow it.
    """
    name = kind.encode()
    result = LIBC.mount(name, target.encode(), name, flags, options.encode())
    _raise_on_failure(result, f"mount {target}")


def keep_mounts_private():
    """Let mounts made from here on be seen here alone."""
    _raise_on_failure(
        LIBC.mount(None, b"/", None, PRIVATE | RECURSIVE, None), "mount private"
    )


def map_user(outside, inside=1000):
    """In a new user namespace: one user and one group, and no way to others."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside[0]} 1"),
        ("gid_map", f"{inside} {outside[1]} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def become(uid):
    """Turn from root into a user of whom nothing exists."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    LIBC.prctl(SET_DUMPABLE, 1, 0, 0, 0)  # else it could not write its own uid_map


def adopt_orphans():
    """Become the parent of descendants whose own parent ends."""
    _raise_on_failure(LIBC.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def drop_privileges():
    """Give all capabilities up, for good: no program run later gets one back."""
    for capability in range(64):
        if LIBC.prctl(CAPBSET_DROP, capability, 0, 0, 0):
            break
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    LIBC.capset(header, bytes(24))
    _raise_on_failure(LIBC.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def limit(limits):
    """Set what the system itself can limit."""
    for name, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))


# System calls that no answer needs, and that attacks on a kernel begin with.
REFUSED = {
    "x86_64": (
        *(101, 155, 161, 163, 165, 166, 167, 168, 169, 172, 173, 175, 176, 246, 248),
        *(249, 250, 272, 298, 300, 303, 304, 308, 310, 311, 312, 313, 320, 321, 323),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442),
    ),
    "aarch64": (
        *(39, 40, 41, 51, 89, 97, 104, 105, 106, 117, 142, 217, 218, 219, 224, 225),
        *(241, 264, 265, 268, 270, 271, 272, 273, 280, 282, 294),
        *(425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442),
    ),
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026


def filter_system_calls():
    """Refuse dangerous system calls, where this machine's numbers are known.

    Returns:
        Whether a filter is in force.
    """
    machine = platform.machine()
    if machine not in REFUSED:
        return False
    program = b"".join(_program(machine))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(header, len(header))
    return LIBC.prctl(SET_SECCOMP, 2, ctypes.addressof(pointer), 0, 0) == 0


def _program(machine):
    """Berkeley packet filter: (code, jump if true, jump if false, constant)."""
    numbers = REFUSED[machine]
    yield _operation(LOAD, 4)  # the architecture
    yield _operation(EQUAL, ARCHITECTURE[machine], 1, 0)
    yield _operation(RETURN, KILL)
    yield _operation(LOAD, 0)  # the number
    yield _operation(AT_LEAST, 0x40000000, 0, 1)  # another way to write numbers
    yield _operation(RETURN, KILL)
    for number in numbers:
        yield _operation(EQUAL, number, 0, 1)
        yield _operation(RETURN, REFUSE)
    yield _operation(EQUAL, CLONE3, 0, 1)  # the C library falls back on clone
    yield _operation(RETURN, MISSING)
    yield _operation(EQUAL, CLONE[machine], 0, 3)
    yield _operation(LOAD, 16)  # its flags
    yield _operation(ANY_BIT, NEW_USER | NEW_NAMESPACES, 0, 1)
    yield _operation(RETURN, REFUSE)
    yield _operation(RETURN, ALLOW)


def _operation(code, constant, true=0, false=0):
    return struct.pack("HBBI", code, true, false, constant)


def _raise_on_failure(result, what):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
