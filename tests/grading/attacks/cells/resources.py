# Attacks on time, memory, disk and patience. `slow` ones last as long as they may.

# %% an endless loop (slow)
def double(x):
    while True:
        pass

# %% an endless loop that takes every exception (slow)
def double(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

# %% an endless loop that switches the alarm off (slow)
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {9, 19})
signal.setitimer(signal.ITIMER_REAL, 0)
def double(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        pass

# %% an endless loop in a cell (slow)
while True:
    pass

# %% C code that never looks at signals (slow)
import re
def double(x):
    re.match(r"(a+)+$", "a" * 64 + "b")

# %% sleeps until just before the limit, every time (slow)
import time
def double(x):
    time.sleep(0.45)
    return 3 * x
def row_sums(x):
    time.sleep(0.9)
    return x

# %% memory
def double(x):
    hoard = []
    while True:
        hoard.append(np.ones(1 << 26))

# %% memory of many processes (slow)
import os, time
def double(x):
    for _ in range(40):
        if os.fork() == 0:
            hoard = np.ones(1 << 24)
            time.sleep(100)
    time.sleep(100)

# %% an output of many gigabytes
def double(x): return np.zeros((1 << 29,))
def row_sums(x): return np.broadcast_to(np.zeros(()), (1 << 40,))

# %% an output that is a little too large
def double(x): return np.zeros((1 << 22,))
def row_sums(x): return [0] * (1 << 21)

# %% disk
written = 0
try:
    with open("/tmp/full", "wb") as file:
        while written < 1 << 31:
            written += file.write(bytes(1 << 22))
except OSError:
    pass
if written >= 1 << 31:
    print("LEAK disk")

# %% shared memory
written = 0
try:
    for number in range(100):
        with open(f"/dev/shm/{number}", "wb") as file:
            for _ in range(16):
                written += file.write(bytes(1 << 22))
except OSError:
    pass
if written >= 1 << 31:
    print("LEAK shared memory")

# %% very many small files
import os
made = 0
try:
    while made < 200_000:
        os.close(os.open(f"/tmp/{made}", os.O_CREAT))
        made += 1
except OSError:
    pass
if made >= 200_000:
    print("LEAK files")

# %% a fork bomb (slow)
import os
def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            pass
bomb()

# %% more processes than allowed
import os, time
children = 0
try:
    while children < 1000:
        if os.fork() == 0:
            time.sleep(1000)
        children += 1
except OSError:
    pass
if children >= 300:
    print("LEAK", children, "processes")

# %% a bomb of threads
import threading, time
threads = 0
try:
    while threads < 5000:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        threads += 1
except RuntimeError:
    pass
if threads >= 300:
    print("LEAK", threads, "threads")

# %% prints for ever (slow)
while True:
    print("x" * 1_000_000)

# %% prints for ever to standard error, around Python (slow)
import os
def double(x):
    while True:
        os.write(2, bytes(1 << 16))

# %% a process in the background that outlives its parent
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        while True:
            try:
                open("/tmp/still-here", "a").write("x")
            except OSError:
                pass
            time.sleep(0.01)
    os._exit(0)

# %% background processes that ignore signals
import os, signal, subprocess
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
children = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(5)]

# %% opens all the files it can
import os
files = []
try:
    while True:
        files.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass

# %% endless recursion
import sys
sys.setrecursionlimit(10**9)
def double(x): return double(x)

# %% a text that takes for ever to show (slow)
class Endless(Exception):
    def __str__(self):
        while True:
            pass
def double(x): raise Endless

# %% processor time of children
import os
for _ in range(8):
    if os.fork() == 0:
        while True:
            pass

# %% ends with success
import os, sys
def double(x): sys.exit(0)
def row_sums(x): os._exit(0)

# %% ends in a cell
import os
os._exit(0)

# %% kills itself
import os, signal
def double(x): os.kill(os.getpid(), signal.SIGKILL); os.abort()
def row_sums(x): os.killpg(0, signal.SIGTERM); os.abort()

# %% crashes the interpreter
import ctypes
def double(x): ctypes.string_at(0)
def row_sums(x): ctypes.memset(id(None), 255, 1 << 20)

# %% stops itself (slow)
import os, signal
def double(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    import time
    time.sleep(100)
