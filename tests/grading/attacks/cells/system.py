# Attacks on neighbours and on the machine. All should fail with an exception, or quietly.

# %% the network
import socket
for family, address in (
    (socket.AF_INET, ("8.8.8.8", 53)), (socket.AF_INET, ("127.0.0.1", PORT)),
    (socket.AF_UNIX, "\0" + ABSTRACT), (socket.AF_UNIX, "/run/docker.sock"),
):
    try:
        with socket.socket(family) as s:
            s.settimeout(0.5)
            s.connect(address)
            print("LEAK", address)
    except OSError:
        pass

# %% signals to everybody
import os, signal
for process in (-1, 0, 1, os.getppid(), *range(2, 400)):
    try:
        os.kill(process, signal.SIGTERM)
        if process > 1: print("LEAK", process)
    except OSError:
        pass

# %% traces and reads other processes
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for process in range(2, 300):
    if libc.ptrace(16, process, 0, 0) == 0:
        print("LEAK ptrace", process)
buffer = ctypes.create_string_buffer(8)
class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
piece = Piece(ctypes.addressof(buffer), 8)
if libc.process_vm_readv(1, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0) > 0:
    print("LEAK process_vm_readv")

# %% mounts, namespaces and roots
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x10020000):
    if libc.unshare(flag) == 0: print("LEAK unshare", flag)
if libc.mount(b"tmpfs", b"/usr", b"tmpfs", 0, None) == 0: print("LEAK mount")
if libc.umount2(b"/proc", 2) == 0: print("LEAK umount")
if libc.umount2(b"/tmp", 2) == 0: print("LEAK umount")
if libc.chroot(b"/tmp") == 0: print("LEAK chroot")
for name in os.listdir("/proc/self/ns"):
    try:
        file = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        if libc.setns(file, 0) == 0: print("LEAK setns", name)
    except OSError:
        pass

# %% a user namespace by clone
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
process = libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x10000000 | 17, 0, 0, 0, 0)
if process == 0: os._exit(0)
if process > 0: print("LEAK clone")

# %% another user
import ctypes, os
for user in (0, 65534, 1001):
    for change in (os.setuid, os.seteuid, os.setgid, lambda u: os.setgroups([u])):
        try:
            change(user)
            print("LEAK user", user)
        except OSError:
            pass
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[2**32 - 1] * 6)
if ctypes.CDLL(None).capset(header, data) == 0: print("LEAK capabilities")
if os.system("su -c true || sudo -n true || mount -t tmpfs x /tmp") == 0: print("LEAK su")

# %% devices and kernel files
import os
for path in ("/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/proc/kcore", "/dev/fuse",
             "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname"):
    for mode in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.close(os.open(path, mode))
            if mode == os.O_WRONLY or "sys/kernel" not in path: print("LEAK", path, mode)
        except OSError:
            pass

# %% the terminal of whoever grades
import fcntl, os
for path in ("/dev/tty", "/dev/console", "/dev/pts/0"):
    try:
        file = os.open(path, os.O_RDWR)
        fcntl.ioctl(file, 0x5412, b"x")
        print("LEAK", path)
    except OSError:
        pass

# %% memory shared with other submissions
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
made = libc.shmget(4711, 4096, 0o1666)
if libc.shmget(4712, 4096, 0o666) >= 0: print("LEAK shared memory of another")
import multiprocessing.shared_memory as shared
try:
    block = shared.SharedMemory("tlkeras", create=True, size=100)
except OSError:
    pass

# %% keys and dangerous calls of the kernel
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine == "x86_64":
    for name, number in {"add_key": 248, "keyctl": 250, "bpf": 321, "userfaultfd": 323,
                         "perf_event_open": 298, "io_uring_setup": 425}.items():
        if libc.syscall(number, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() != 1:
            print("LEAK", name)

# %% 32-bit calls
import ctypes, mmap, os
if os.uname().machine == "x86_64":
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # getpid by int 0x80
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    def double(x):
        ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        print("LEAK int 0x80")

# %% files left behind
import os
for place in ("/tmp", "/dev/shm", os.environ["HOME"]):
    try:
        open(f"{place}/left-behind", "w").write("LEAK")
    except OSError:
        pass
os.symlink("/etc/passwd", "/tmp/link")
os.mkfifo("/tmp/pipe")

# %% the hidden folders under their mounts
import os
for path in ("/opt/tlkeras/tlkeras/course/..", "/proc/1/root" + LESSON, "/proc/self/root" + LESSON):
    if os.path.exists(f"{path}/exercises"): print("LEAK", path)
if sorted(os.listdir("/opt/tlkeras/tlkeras/course")) != ["__init__.py"]: print("LEAK course")
